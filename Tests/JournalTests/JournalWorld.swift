import Journal
import Platform
import PlatformTesting
import Synchronization
import Telemetry
import Testing

/// A journal on files that forget, with everything a test turns.
final class JournalWorld: Sendable {
    static let folder = "/data/journal"
    static let schemas = [
        JournalSchema(name: "test.One", edition: "2021", json: "{\"one\":1}", fingerprint: 0x1111),
        JournalSchema(name: "test.Two", edition: "2021", json: "{\"two\":2}", fingerprint: 0x2222),
        JournalSchema(name: "courant.Test", edition: "", json: "\"bytes\"", fingerprint: 0x3333),
    ]

    let clock = ManualClock()
    let files = FaultyFiles()
    let platform: Platform
    let settings: JournalSettings
    let stops = Locked<[JournalError]>([])
    let losses = Locked<[FoundLoss]>([])

    init(
        partitions: Int = 1,
        segmentBytes: Int = 64 << 10,
        frameBytesMax: Int = 16 << 10,
        duplicateWindow: Duration = .seconds(3_600),
        duplicateMemory: Int = 1 << 20,
        diskAdmits: @escaping @Sendable (Int64) -> Bool = { _ in true }
    ) {
        settings = JournalSettings(
            folder: Self.folder,
            partitions: partitions,
            segmentBytes: segmentBytes,
            frameBytesMax: frameBytesMax,
            queueBytesMax: 1 << 20,
            duplicateWindow: duplicateWindow,
            duplicateMemory: duplicateMemory,
            diskAdmits: diskAdmits
        )
        platform = Platform.testing(clock: clock, random: SeededRandom(seed: 42), files: files)
    }

    func open(
        minimumNextOffset: [PartitionID: Offset] = [:],
        metrics: MetricRegistry = MetricRegistry()
    ) async throws -> SegmentedJournal {
        try await SegmentedJournal.open(
            settings,
            schemas: Self.schemas,
            identify: { _ in { TestRecord.identity(ofDatum: $1, fingerprint: $0) } },
            minimumNextOffset: minimumNextOffset,
            platform: platform,
            metrics: metrics,
            failStop: { error in self.stops.withLock { $0.append(error) } },
            onLoss: { loss in self.losses.withLock { $0.append(loss) } }
        )
    }

    /// Opens, runs while `body` does, and closes cleanly.
    func run<Result: Sendable>(
        minimumNextOffset: [PartitionID: Offset] = [:],
        metrics: MetricRegistry = MetricRegistry(),
        _ body: (SegmentedJournal) async throws -> Result
    ) async throws -> Result {
        let journal = try await open(minimumNextOffset: minimumNextOffset, metrics: metrics)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await journal.run() }
            let result = try await body(journal)
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    /// The same, but the process dies instead of closing: what was not synced is gone.
    func runAndCrash<Result: Sendable>(
        seed: UInt64? = nil,
        _ body: (SegmentedJournal) async throws -> Result
    ) async throws -> Result {
        let journal = try await open()
        let result = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await journal.run() }
            let result = try await body(journal)
            files.crash()
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
        restart(seed: seed)
        return result
    }

    /// The power fails at the next operation of that kind on a segment: the makers of spares work beside the writers,
    /// so that a number would name now one's, now the other's.
    func crash(at kind: String) {
        files.judge { operation, path in operation == kind && path.hasSuffix(".segment") ? .crash : nil }
    }

    /// The machine is up again.
    func restart(seed: UInt64?) {
        files.judge(nil)
        files.restart(seed: seed)
    }

    /// The segment files, by name.
    func inspector() throws -> SegmentInspector {
        try SegmentInspector(folder: Self.folder, schemas: Self.schemas, files: files)
    }

    func segments() throws -> [String] {
        try files.list(Self.folder).filter { $0.hasSuffix(".segment") }
    }

    func path(_ name: String) -> String {
        FilePath.join(Self.folder, name)
    }
}

extension SegmentedJournal {
    /// Everything from `start` to the end, payloads included.
    func readAll(
        _ partition: PartitionID = PartitionID(0),
        from start: Offset = .zero,
        bytesMax: Int = 1 << 20
    ) async throws -> ReadBack {
        let reader = makeReader(partition, from: start)
        var result = ReadBack()
        while true {
            switch try await reader.next(wanting: { _ in true }, bytesMax: bytesMax) {
            case .end: return result
            case .lost(let loss): result.losses.append(loss)
            case .frame(let frame):
                result.frames.append(frame)
                for view in frame.records {
                    result.records.append(
                        StoredRecord(
                            offset: view.offset,
                            fingerprint: view.fingerprint,
                            datum: Array(frame.payload[view.datum])
                        )
                    )
                }
            }
        }
    }
}

struct StoredRecord: Sendable, Equatable {
    let offset: Offset
    let fingerprint: UInt64
    let datum: [UInt8]

    var id: UInt64? { TestRecord.id(ofDatum: datum) }
}

struct ReadBack: Sendable {
    var frames: [JournalFrame] = []
    var records: [StoredRecord] = []
    var losses: [JournalLoss] = []

    var ids: [UInt64?] { records.map(\.id) }
}

/// Made-up records that can be told from torn ones: an id, then bytes that follow from it.
enum TestRecord {
    static func datum(_ id: UInt64, length: Int) -> [UInt8] {
        precondition(length >= 8)
        var datum = (0..<8).map { UInt8(truncatingIfNeeded: id >> UInt64($0 * 8)) }
        for index in 8..<length { datum.append(UInt8(truncatingIfNeeded: id &* 31 &+ UInt64(index))) }
        return datum
    }

    /// Nil if a byte is not what the id says.
    static func id(ofDatum datum: [UInt8]) -> UInt64? {
        guard datum.count >= 8 else { return nil }
        let id = (0..<8).reduce(UInt64(0)) { $0 | UInt64(datum[$1]) << UInt64($1 * 8) }
        return datum == self.datum(id, length: datum.count) ? id : nil
    }

    static func identity(_ id: UInt64) -> RecordIdentity {
        let random = SeededRandom(seed: id)
        return RecordIdentity(high: random.next(), low: random.next())
    }

    /// Records of the third schema have none.
    static func identity(ofDatum datum: Span<UInt8>, fingerprint: UInt64) -> RecordIdentity {
        guard fingerprint != 0x3333 else { return .none }
        var id: UInt64 = 0
        for index in 0..<8 { id |= UInt64(datum[index]) << UInt64(index * 8) }
        return identity(id)
    }

    static func batch(_ ids: some Sequence<UInt64>, length: Int = 100, schema: UInt16 = 0) -> RecordBatch {
        var batch = RecordBatch()
        for id in ids {
            let start = RecordLayout.append(
                datum: datum(id, length: length),
                fingerprint: JournalWorld.schemas[Int(schema)].fingerprint,
                to: &batch.bytes
            )
            batch.entries.append(
                RecordBatch.Entry(
                    start: UInt32(start),
                    length: UInt32(batch.bytes.count - start),
                    schema: schema,
                    identity: schema == 2 ? .none : identity(id)
                )
            )
        }
        return batch
    }
}

extension PartitionID {
    static let first = PartitionID(0)
}

/// Lets files' operations wait until a test opens the gate.
final class Gate: Sendable {
    private let isShut = Atomic(false)
    private let waiting = Atomic(0)

    var waitingCount: Int { waiting.load(ordering: .acquiring) }

    func shut() { isShut.store(true, ordering: .releasing) }
    func open() { isShut.store(false, ordering: .releasing) }

    /// Spins: it is called on a thread that may block, and for a short time.
    func pass() {
        guard isShut.load(ordering: .acquiring) else { return }
        waiting.add(1, ordering: .acquiringAndReleasing)
        while isShut.load(ordering: .acquiring) { _ = SystemClock().uptime() }
        waiting.subtract(1, ordering: .acquiringAndReleasing)
    }
}
