package import Glossary
package import Journal
package import Platform
import Synchronization
package import Telemetry

/// Bytes to records: takes a source's requests, checks their events against the glossary, makes the good ones durable,
/// and only then answers.
package final class Intake: Sendable {
    /// Whether requests are taken; every state but `ready` answers 503.
    package enum Availability: UInt8, Sendable, AtomicRepresentable {
        case starting, ready, stopping
    }

    package let journal: any Journal
    let platform: Platform
    let settings: IntakeSettings
    private let sources: [String: SourceState]
    let identities: IdentityMaker
    let lanes: LanePool
    /// The place of each edition's first type among the journal's schemas.
    let firstSchemas: [String: Int]
    private let availability = Atomic<Availability>(.starting)
    let budget: ByteBudget
    private let acknowledgement: Histogram

    /// Takes `journal` opened with `Intake.journalSchemas(editions)`, in that order.
    package init(
        sources: [SourceSettings],
        editions: [Edition],
        schemas: [JournalSchema],
        settings: IntakeSettings,
        journal: any Journal,
        platform: Platform,
        metrics: MetricRegistry
    ) {
        self.journal = journal
        self.platform = platform
        self.settings = settings
        let compiled = CompiledGlossary(editions, schemas: schemas, secret: journal.secret)
        firstSchemas = compiled.firstSchemas
        identities = IdentityMaker(secret: journal.secret, clock: platform.clock, random: platform.random)
        let partitions = journal.partitions
        lanes = LanePool(kept: Platform.cores) { () throws(BodyError) in unsafe try Lane(partitions: partitions) }
        let budget = ByteBudget(bytesMax: settings.inFlightBytesMax)
        self.budget = budget
        var states: [String: SourceState] = [:]
        for source in sources {
            guard let edition = compiled.editions[source.edition] else {
                preconditionFailure(
                    "source \(source.name) names edition \(source.edition), which the journal was not given"
                )
            }
            states[source.name] = SourceState(source, edition: edition, metrics: metrics, now: platform.clock.uptime())
        }
        self.sources = states
        acknowledgement = metrics.histogram(
            "courant_intake_acknowledgement_seconds",
            help: "From a parsed body to its durable records.",
            labels: []
        )
        metrics.gaugeReading("courant_intake_in_flight_bytes", help: "Bytes of bodies being worked on.", labels: []) {
            Double(budget.bytes)
        }
    }

    package func become(_ state: Availability) { availability.store(state, ordering: .releasing) }

    /// Each source's balance, by name.
    package var balances: [SourceBalance] {
        sources.values.map(\.balance).sorted { $0.source < $1.source }
    }

    /// Bytes of bodies that are being worked on.
    package var inFlightBytes: Int { budget.bytes }

    /// What a request is told that comes while none is taken; nil: requests are taken.
    package var unavailable: IntakeAnswer? {
        switch availability.load(ordering: .acquiring) {
        case .ready: nil
        case .starting: .error(503, "starting", "the server is starting; try again", retryAfter: 1)
        case .stopping: .error(503, "stopping", "the server is stopping; try again", retryAfter: 5)
        }
    }

    /// Answers one request.
    ///
    /// A 2xx means that what it accepts is durable; 503 or no answer means that it may or may not be; what is listed as
    /// rejected is surely not in.
    package func answer(_ request: consuming IntakeRequest) async -> IntakeAnswer {
        if !request.isUnderWay, let unavailable { return unavailable }
        guard let source = sources[request.source] else {
            return .error(403, "source_unknown", "there is no source \(request.source.quotedCut)")
        }
        if let refusal = refusal(request, source) { return refusal }
        let format = request.format
        // An empty header names nothing: two requests that carry it are not the same.
        let key = request.idempotencyKey.flatMap { $0.isEmpty ? nil : $0 }
        var held = InFlight(service: budget, source: source.budget)
        defer { held.release() }
        let parsed: ParsedBody
        do throws(BodyError) {
            let shape = try Self.shape(of: request)
            let encoding = request.contentEncoding
            let bytesMax = settings.decompressedBytesMax
            let body = try BodyDecoder.decode(request.body, encoding: encoding, max: bytesMax, holding: &held)
            parsed = try parse(body, shape, idempotencyKey: key, source)
        } catch {
            return .error(error)
        }
        if let refusal = journal.refusal(of: parsed.batches.reduce(0) { $0 + $1.bytes.count }) {
            return Self.refused(refusal)
        }
        return await journalled(parsed, source, format)
    }

    // MARK: - Before parsing

    private func refusal(_ request: borrowing IntakeRequest, _ source: SourceState) -> IntakeAnswer? {
        guard source.settings.formats.contains(request.format) else {
            let taken = source.settings.formats.map { "/v1/\($0.rawValue)" }.sorted().joined(separator: ", ")
            return .error(403, "format_not_allowed", "source \(source.settings.name) takes \(taken) only")
        }
        guard request.body.count <= settings.bodyBytesMax else {
            return .error(.tooLarge(settings.bodyBytesMax, compressed: false))
        }
        let wait = source.secondsToWait(now: platform.clock.uptime())
        guard wait == 0 else {
            return .error(429, "rate_exceeded", "the source's rate is exceeded; try again", retryAfter: wait)
        }
        return journal.refusal(of: request.body.count).map(Self.refused)
    }

    private static func refused(_ refusal: JournalRefusal) -> IntakeAnswer {
        let (code, seconds) = refusal.answer
        return .error(503, code, "\(refusal.message); try again", retryAfter: seconds)
    }

    // MARK: - Parsing

    func source(named name: String) -> SourceState? { sources[name] }

    func parse(
        _ body: borrowing Body,
        _ shape: BodyShape,
        idempotencyKey: String?,
        keepsRejected: Bool = false,
        partitions: Int? = nil,
        _ source: SourceState
    ) throws(BodyError) -> ParsedBody {
        let parser = EventParser(
            edition: source.edition,
            source: source.settings,
            identities: identities,
            clock: platform.clock,
            eventBytesMax: settings.eventBytesMax,
            eventsMax: settings.eventsMax,
            partitions: partitions ?? journal.partitions,
            idempotencyKey: idempotencyKey,
            shape: shape,
            keepsRejected: keepsRejected
        )
        return try lanes.withLane { (lane) throws(BodyError) in unsafe try parser.parse(body.text, in: lane) }
    }

    private static func shape(of request: borrowing IntakeRequest) throws(BodyError) -> BodyShape {
        let type = request.contentType?.prefix { $0 != ";" }.lowercased().filter { $0 != " " } ?? ""
        if request.format == .currents {
            guard type.isEmpty || type == "application/json" else { throw unsupported(type, "application/json is") }
            return .envelope
        }
        switch type {
        case "", "application/json": return .flat
        case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines": return .lines
        default: throw unsupported(type, "application/json and application/x-ndjson are")
        }
    }

    private static func unsupported(_ type: String, _ taken: String) -> BodyError {
        // What curl sends where nothing is said.
        let isCurls = type == "application/x-www-form-urlencoded"
        let remedy = isCurls ? ": with curl, -H 'Content-Type: application/json'" : ""
        return BodyError(
            status: 415,
            code: "type_unsupported",
            message: "Content-Type \(type.quotedCut) is not taken; \(taken)\(remedy)"
        )
    }

    // MARK: - Journalling

    private func journalled(
        _ parsed: ParsedBody,
        _ source: SourceState,
        _ format: SourceSettings.Format
    ) async -> IntakeAnswer {
        // Before any partition has any of it: from here on nothing is the sender's fault.
        do throws(JournalError) {
            for batch in parsed.batches { try batch.check(recordBytesMax: journal.recordBytesMax) }
        } catch {
            return .error(413, "event_too_large", error.message)
        }
        let started = platform.clock.uptime()
        let results = await append(parsed.batches)
        let durable = Durable(parsed.batches, results, of: source.edition, firstSchemas[source.settings.edition] ?? 0)
        if let error = results.lazy.compactMap(\.failure).first {
            source.count(partOf: durable)
            source.paid(durable.events)
            return Self.refused(error, durable.events, of: parsed.batches.reduce(0) { $0 + $1.entries.count })
        }
        acknowledgement.observe(platform.clock.uptime() - started)
        source.count(parsed)
        source.paid(parsed.received)
        source.count(durable)
        return .verdict(parsed, accepted: durable.accepted, duplicates: durable.duplicates, format: format)
    }

    /// A partition has refused its part, which happens when the journal stops; `durable` events are in all the same.
    private static func refused(_ error: JournalError, _ durable: Int, of all: Int) -> IntakeAnswer {
        let message =
            durable == 0
            ? "the journal takes nothing at present (\(error.code)); try again"
            : "the journal took only a part (\(error.code)): of \(all) events to be stored \(durable) are durable, the "
                + "others may not be. Send the whole request again; events with an id are recognised as repeats"
        return .error(503, "journal_unavailable", message, retryAfter: 1)
    }

    /// All partitions at once: each has its own writer, so a request waits for one sync, not for their sum.
    private func append(_ batches: [RecordBatch]) async -> [Result<AppendResult, JournalError>] {
        if batches.count == 1 { return [await append(batches[0], to: 0)] }
        return await withTaskGroup(of: (Int, Result<AppendResult, JournalError>).self) { group in
            for (index, batch) in batches.enumerated() {
                group.addTask { (index, await self.append(batch, to: index)) }
            }
            var results = [Result<AppendResult, JournalError>](repeating: Self.nothing, count: batches.count)
            for await (index, result) in group { results[index] = result }
            return results
        }
    }

    private func append(_ batch: RecordBatch, to partition: Int) async -> Result<AppendResult, JournalError> {
        guard !batch.entries.isEmpty else { return Self.nothing }
        do throws(JournalError) {
            return .success(try await journal.append(batch, to: PartitionID(partition)))
        } catch {
            return .failure(error)
        }
    }

    private static let nothing = Result<AppendResult, JournalError>.success(
        AppendResult(duplicates: [], accepted: 0, firstOffset: nil)
    )
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
