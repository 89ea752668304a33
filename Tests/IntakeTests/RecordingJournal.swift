import Avro
import Glossary
import Journal
import Platform
import Synchronization
import Telemetry

@testable import Intake

/// A journal that is only written to: intake asks nothing else of it.
protocol WrittenJournal: Journal {}

extension WrittenJournal {
    var id: JournalID { JournalID([UInt8](repeating: 1, count: 16)) }
    var secret: [UInt8] { [UInt8](repeating: 7, count: 16) }
    var bytesOnDisk: Int64 { 0 }

    func makeReader(_ partition: PartitionID, from: Offset) -> any JournalReader { fatalError("not read here") }
    func end(of partition: PartitionID) -> Offset { .zero }
    func oldest(of partition: PartitionID) -> Offset { .zero }
    func waitForEnd(past offset: Offset, of partition: PartitionID) async throws {}
    func removeSegments(
        of partition: PartitionID,
        before: Offset,
        olderThan: Timestamp
    ) async throws(JournalError) -> Int { 0 }
    func run() async throws {}
}

/// A journal that keeps what it is given and knows repeats, without files.
final class RecordingJournal: WrittenJournal {
    struct Kept: Sendable {
        let partition: Int
        let schema: UInt16
        let fingerprint: UInt64
        let identity: RecordIdentity
        let datum: [UInt8]
    }

    private struct State {
        var kept: [Kept] = []
        var known: Set<RecordIdentity> = []
        var refusal: JournalRefusal?
        /// The partitions that have stopped.
        var stopped: Set<Int> = []
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
        var handedOver = 0
    }

    let partitions: Int
    let recordBytesMax: Int
    private let state = Mutex(State())

    init(partitions: Int = 1, recordBytesMax: Int = .max) {
        self.partitions = partitions
        self.recordBytesMax = recordBytesMax
    }

    var kept: [Kept] { state.withLock { $0.kept } }
    /// How often a batch was handed over.
    var handedOver: Int { state.withLock { $0.handedOver } }
    func refuse(_ refusal: JournalRefusal?) { state.withLock { $0.refusal = refusal } }
    func stop(_ partition: Int = 0) { state.withLock { _ = $0.stopped.insert(partition) } }
    func resume() { state.withLock { $0.stopped = [] } }

    /// From now on batches wait until they are let go.
    func hold() { state.withLock { $0.isHeld = true } }

    /// Returns once a batch waits.
    func waitUntilHeld() async {
        while state.withLock({ $0.held.isEmpty }) { await Task.yield() }
    }

    func letGo() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for batch in held { batch.resume() }
    }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        await withCheckedContinuation { (turn: CheckedContinuation<Void, Never>) in
            let waits = state.withLock { state in
                state.handedOver += 1
                if state.isHeld { state.held.append(turn) }
                return state.isHeld
            }
            if !waits { turn.resume() }
        }
        let (isStopped, duplicates) = state.withLock { state in
            guard !state.stopped.contains(partition.rawValue) else { return (true, [Int32]()) }
            var duplicates: [Int32] = []
            for (index, entry) in batch.entries.enumerated() {
                if entry.identity != .none, !state.known.insert(entry.identity).inserted {
                    duplicates.append(Int32(index))
                    continue
                }
                let record = batch.bytes[Int(entry.start)..<Int(entry.start + entry.length)]
                let framed = Array(record)
                let length = framed[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
                precondition(length == framed.count - 4 && framed[4] == 0xC3 && framed[5] == 1)
                state.kept.append(
                    Kept(
                        partition: partition.rawValue,
                        schema: entry.schema,
                        fingerprint: framed[6..<14].reversed().reduce(0) { $0 << 8 | UInt64($1) },
                        identity: entry.identity,
                        datum: Array(framed[14...])
                    )
                )
            }
            return (false, duplicates)
        }
        if isStopped { throw JournalError(.closed, "stopped") }
        return AppendResult(
            duplicates: duplicates,
            accepted: batch.entries.count - duplicates.count,
            firstOffset: nil
        )
    }

    func refusal(of bytes: Int) -> JournalRefusal? { state.withLock(\.refusal) }
}

/// An intake over a recording journal, and what it has to say.
struct Bench {
    let journal: RecordingJournal
    let intake: Intake
    let metrics = MetricRegistry()
    let schemas: [JournalSchema]

    static let email = """
        {"event_type":"users.messages.email.Open","id":"e-1","user_id":"u-1","time":1700000000,\
        "email_address":"a@example.com"}
        """

    init(
        _ sources: [SourceSettings] = [SourceSettings(name: "default")],
        partitions: Int = 1,
        recordBytesMax: Int = .max,
        inFlightBytesMax: Int = 256 << 20
    ) throws {
        journal = RecordingJournal(partitions: partitions, recordBytesMax: recordBytesMax)
        let editions = Glossary.standard.editions
        schemas = try Intake.journalSchemas(editions)
        var settings = IntakeSettings()
        settings.bodyBytesMax = 8 << 20
        settings.decompressedBytesMax = 4 << 20
        settings.inFlightBytesMax = inFlightBytesMax
        intake = Intake(
            sources: sources,
            editions: editions,
            schemas: schemas,
            settings: settings,
            journal: journal,
            platform: Platform.live(blockingThreads: 1, computeThreads: 1),
            metrics: metrics
        )
        intake.become(.ready)
    }

    /// A bench with one source, strict or not.
    init(strict: Bool, edition: String = "2021", unknown: SourceSettings.UnknownFields = .leaveOut) throws {
        try self.init([
            SourceSettings(name: "default", edition: edition, isStrict: strict, unknownFields: unknown)
        ])
    }

    func post(
        _ body: some Collection<UInt8>,
        to format: SourceSettings.Format = .events,
        type: String? = "application/json",
        encoding: String? = nil,
        key: String? = nil,
        source: String = "default"
    ) async -> Answer {
        let answer = await intake.answer(
            IntakeRequest(
                source: source,
                format: format,
                contentType: type,
                contentEncoding: encoding,
                idempotencyKey: key,
                body: Body(body)
            )
        )
        return Answer(status: answer.status, retryAfter: answer.retryAfter, body: answer.body)
    }

    func post(
        _ body: String,
        to format: SourceSettings.Format = .events,
        type: String? = "application/json",
        key: String? = nil
    ) async -> Answer {
        await post(Array(body.utf8), to: format, type: type, key: key)
    }

    /// The records kept, decoded by the Avro room.
    func records() throws -> [(type: String, datum: Datum)] {
        try journal.kept.map { kept in
            let schema = schemas[Int(kept.schema)]
            let datum = try Resolution(writer: Schema(json: schema.json)).decode(kept.datum.span)
            return (schema.name, datum)
        }
    }
}

struct Answer {
    let status: Int
    let retryAfter: Int?
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
    var accepted: Int { Int(json["accepted"]?.integer ?? -1) }
    var duplicates: Int { Int(json["duplicates"]?.integer ?? -1) }
    var codes: [String] { json["rejected"]?.array?.compactMap { $0["code"]?.string } ?? [] }
    var errorCode: String? { json["error"]?["code"]?.string }
    var errorMessage: String { json["error"]?["message"]?.string ?? "" }
    var rejected: [JSONValue] { json["rejected"]?.array ?? [] }
}
