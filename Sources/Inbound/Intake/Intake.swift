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
        case starting, ready, reloading, stopping
    }

    let journal: any Journal
    let platform: Platform
    let settings: IntakeSettings
    private let sources: [String: SourceState]
    private let identities: IdentityMaker
    private let lanes: LanePool
    /// For each of the journal's schemas its type's place in its edition.
    private let firstSchemas: [String: Int]
    private let availability = Atomic<Availability>(.starting)
    private let inFlight = Atomic<Int>(0)
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
        lanes = LanePool(kept: Platform.cores, partitions: journal.partitions)
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
            [weak self] in Double(self?.inFlight.load(ordering: .relaxed) ?? 0)
        }
    }

    package func become(_ state: Availability) { availability.store(state, ordering: .releasing) }

    /// Each source's balance, by name.
    package var balances: [SourceBalance] {
        sources.values.map(\.balance).sorted { $0.source < $1.source }
    }

    /// Answers one request.
    ///
    /// A 2xx means that what it accepts is durable; 503 or no answer means that it may or may not be; what is listed as
    /// rejected is surely not in.
    package func answer(_ request: consuming IntakeRequest) async -> IntakeAnswer {
        guard availability.load(ordering: .acquiring) == .ready else { return unavailable() }
        guard let source = sources[request.source] else {
            return .error(403, "source_unknown", "there is no source \(Rejection.quoted(request.source))")
        }
        if let refusal = refusal(request, source) { return refusal }
        let format = request.format
        // An empty header names nothing: two requests that carry it are not the same.
        let key = request.idempotencyKey.flatMap { $0.isEmpty ? nil : $0 }
        let parsed: ParsedBody
        let bytes: Int
        do throws(BodyError) {
            let shape = try Self.shape(of: request)
            let encoding = request.contentEncoding
            let body = try BodyDecoder.decode(request.body, encoding: encoding, max: settings.decompressedBytesMax)
            // What counts is the body as it is worked on, not as it came.
            bytes = body.count
            if let refusal = enter(bytes, source) { return refusal }
            do throws(BodyError) {
                parsed = try parse(body, shape, idempotencyKey: key, source)
            } catch {
                leave(bytes, source)
                throw error
            }
        } catch {
            return .error(error.status, error.code, error.message)
        }
        defer { leave(bytes, source) }
        guard journal.admits(bytes: parsed.batches.reduce(0) { $0 + $1.bytes.count }) else { return Self.full }
        return await journalled(parsed, source, format)
    }

    /// Takes up `bytes` of both budgets, or says which one is spent.
    private func enter(_ bytes: Int, _ source: SourceState) -> IntakeAnswer? {
        let (_, held) = inFlight.add(bytes, ordering: .relaxed)
        guard held <= settings.inFlightBytesMax || held == bytes else {
            inFlight.subtract(bytes, ordering: .relaxed)
            return .error(503, "busy", "too many bytes are being worked on; try again", retryAfter: 1)
        }
        guard source.enter(bytes) else {
            inFlight.subtract(bytes, ordering: .relaxed)
            return .error(429, "source_busy", "the source's in-flight limit is reached; try again", retryAfter: 1)
        }
        return nil
    }

    private func leave(_ bytes: Int, _ source: SourceState) {
        inFlight.subtract(bytes, ordering: .relaxed)
        source.leave(bytes)
    }

    // MARK: - Before parsing

    private func unavailable() -> IntakeAnswer {
        switch availability.load(ordering: .acquiring) {
        case .stopping: .error(503, "stopping", "the server is stopping; try again", retryAfter: 5)
        case .reloading: .error(503, "reloading", "the server is reloading; try again", retryAfter: 1)
        default: .error(503, "starting", "the server is starting; try again", retryAfter: 1)
        }
    }

    private func refusal(_ request: borrowing IntakeRequest, _ source: SourceState) -> IntakeAnswer? {
        guard source.settings.formats.contains(request.format) else {
            let taken = source.settings.formats.map { "/v1/\($0.rawValue)" }.sorted().joined(separator: ", ")
            return .error(403, "format_not_allowed", "source \(source.settings.name) takes \(taken) only")
        }
        guard request.body.count <= settings.bodyBytesMax else {
            let error = BodyError.tooLarge(settings.bodyBytesMax, compressed: false)
            return .error(error.status, error.code, error.message)
        }
        let wait = source.secondsToWait(now: platform.clock.uptime())
        guard wait == 0 else {
            return .error(429, "rate_exceeded", "the source's rate is exceeded; try again", retryAfter: wait)
        }
        return journal.admits(bytes: request.body.count) ? nil : Self.full
    }

    private static let full = IntakeAnswer.error(
        503,
        "storage_full",
        "the disk budget is spent or the writer is behind; try again",
        retryAfter: 5
    )

    // MARK: - Parsing

    private func parse(
        _ body: borrowing Body,
        _ shape: BodyShape,
        idempotencyKey: String?,
        _ source: SourceState
    ) throws(BodyError) -> ParsedBody {
        if body.count == 0 {
            if shape == .envelope || shape == .lines { return ParsedBody() }
            throw .notJSON("the body is empty; send an event, an array of events, or NDJSON")
        }
        let parser = EventParser(
            edition: source.edition,
            source: source.settings,
            identities: identities,
            clock: platform.clock,
            eventBytesMax: settings.eventBytesMax,
            eventsMax: settings.eventsMax,
            partitions: journal.partitions,
            idempotencyKey: idempotencyKey,
            shape: shape
        )
        return try lanes.withLane { (lane) throws(BodyError) in unsafe try parser.parse(body.text, in: lane) }
    }

    private static func shape(of request: borrowing IntakeRequest) throws(BodyError) -> BodyShape {
        let type = request.contentType?.prefix { $0 != ";" }.lowercased().filter { $0 != " " } ?? ""
        if request.format == .currents {
            guard type.isEmpty || type == "application/json" else { throw unsupported(type, "application/json") }
            return .envelope
        }
        switch type {
        case "", "application/json": return .flat
        case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines": return .lines
        default: throw unsupported(type, "application/json and application/x-ndjson")
        }
    }

    private static func unsupported(_ type: String, _ taken: String) -> BodyError {
        BodyError(
            status: 415,
            code: "type_unsupported",
            message: "Content-Type \(Rejection.quoted(type)) is not taken; \(taken) is"
        )
    }

    // MARK: - Journalling

    private func journalled(
        _ parsed: ParsedBody,
        _ source: SourceState,
        _ format: SourceSettings.Format
    ) async -> IntakeAnswer {
        let started = platform.clock.uptime()
        let outcome: Outcome
        do throws(JournalError) {
            outcome = try await append(parsed, source)
        } catch {
            guard error.code != .recordTooLarge else { return .error(413, "event_too_large", error.message) }
            return .error(503, "journal_unavailable", "the journal takes nothing at present; try again", retryAfter: 1)
        }
        acknowledgement.observe(platform.clock.uptime() - started)
        source.count(parsed)
        source.paid(parsed.received)
        source.count(acceptedByType: outcome.acceptedByType, duplicates: outcome.duplicates)
        return .verdict(parsed, accepted: outcome.accepted, duplicates: outcome.duplicates, format: format)
    }

    private struct Outcome: Sendable {
        var acceptedByType: [Int]
        var duplicates = 0

        var accepted: Int { acceptedByType.reduce(0, +) }
    }

    private func append(_ parsed: ParsedBody, _ source: SourceState) async throws(JournalError) -> Outcome {
        let first = firstSchemas[source.settings.edition] ?? 0
        var outcome = Outcome(acceptedByType: Array(repeating: 0, count: source.edition.typeCount))
        for entry in parsed.batches.lazy.flatMap(\.entries) where entry.schema != DeadLetter.schemaIndex {
            outcome.acceptedByType[Int(entry.schema) - first] += 1
        }
        let results = try await appendAll(parsed.batches)
        for (batch, result) in zip(parsed.batches, results) {
            for index in result.duplicates {
                outcome.acceptedByType[Int(batch.entries[Int(index)].schema) - first] -= 1
                outcome.duplicates += 1
            }
        }
        return outcome
    }

    /// All partitions at once: each has its own writer, so a request waits for one sync, not for their sum.
    private func appendAll(_ batches: [RecordBatch]) async throws(JournalError) -> [AppendResult] {
        if batches.count == 1 { return [try await append(batches[0], to: 0)] }
        let results = await withTaskGroup(of: (Int, Result<AppendResult, JournalError>).self) { group in
            for (index, batch) in batches.enumerated() {
                group.addTask {
                    do throws(JournalError) {
                        return (index, .success(try await self.append(batch, to: index)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            var results: [Result<AppendResult, JournalError>?] = Array(repeating: nil, count: batches.count)
            for await (index, result) in group { results[index] = result }
            return results
        }
        var all: [AppendResult] = []
        for result in results { if let result { all.append(try result.get()) } }
        return all
    }

    private func append(_ batch: RecordBatch, to partition: Int) async throws(JournalError) -> AppendResult {
        guard !batch.entries.isEmpty else { return AppendResult(duplicates: [], accepted: 0, firstOffset: nil) }
        return try await journal.append(batch, to: PartitionID(partition))
    }
}
