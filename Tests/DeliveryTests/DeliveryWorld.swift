import Avro
import Foundation
import Glossary
import Journal
import Platform
import PlatformTesting
import Synchronization
import Telemetry
import Testing

@testable import Delivery

/// A journal, a place, a clock and a state database, and processes that come and go between them.
final class DeliveryWorld: Sendable {
    static let start = Timestamp(seconds: 1_750_000_000 - 1_750_000_000 % 3_600)

    let journal: ScriptedJournal
    let clock = ManualClock(DeliveryWorld.start)
    let files = FaultyFiles()
    let platform: Platform
    let folder: String
    let book: SchemaBook
    private let place = Mutex(FakeStore())

    init(partitions: Int = 1, seed: UInt64 = 1, glossary: Glossary = .standard) throws {
        journal = ScriptedJournal(partitions: partitions)
        // SQLite is real, staging is not: the folder holds state.db only.
        folder = NSTemporaryDirectory() + "courant-delivery-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        platform = Platform.testing(clock: clock, random: SeededRandom(seed: seed), files: files)
        book = try SchemaBook(glossary: glossary)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    var store: FakeStore { place.withLock { $0 } }
    var objects: [String: [UInt8]] { store.objects }

    func replaceStore(_ store: FakeStore) { place.withLock { $0 = store } }

    static func settings(
        events: [String] = ["users.*"],
        edition: String = "2021",
        roll: RollSettings = RollSettings(every: .seconds(60)),
        codec: Codec = .null,
        start: ConnectorSettings.Start = .oldest
    ) -> ConnectorSettings {
        ConnectorSettings(
            name: "test",
            id: "0123456789abcdef01234567",
            kind: .s3,
            filter: Filter(events: events),
            edition: edition,
            codec: codec,
            roll: roll,
            start: start,
            blockBytes: 2_048,
            retry: RetryPolicy(first: .milliseconds(100), cap: .seconds(2))
        )
    }

    func openState() async throws -> StateStore {
        let state = try await StateStore.open(folder + "/state.db", platform: platform)
        try await state.adopt(journal.id)
        return state
    }

    func environment(
        _ state: StateStore,
        crash: CrashPoint? = nil,
        closes: HeldCloses? = nil,
        memory: Int = 1 << 20
    ) async throws
        -> ConnectorEnvironment
    {
        let isPlain = crash == nil && closes == nil
        return ConnectorEnvironment(
            journal: journal,
            state: isPlain ? state : MortalState(store: state, crash: crash ?? CrashPoint(at: nil), closes: closes),
            owner: try await state.takeOver(),
            book: book,
            platform: platform,
            metrics: MetricRegistry(),
            stagingFolder: "/staging",
            memory: StagingMemory(budget: memory)
        )
    }

    /// One process: a prepared connector runs while `body` does, then is stopped.
    @discardableResult
    func process<T: Sendable>(
        _ settings: ConnectorSettings = DeliveryWorld.settings(),
        to destination: Destination? = nil,
        memory: Int = 1 << 20,
        closes: HeldCloses? = nil,
        forgettingPlans: Bool = false,
        _ body: @escaping @Sendable (Connector) async throws -> T
    ) async throws -> T {
        let state = try await openState()
        let connector = try Connector(
            settings,
            to: destination ?? .objects(store),
            in: try await environment(state, closes: closes, memory: memory)
        )
        try await connector.prepare(forgettingPlans: forgettingPlans)
        let clock = clock
        let result = try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask {
                try await connector.run()
                return nil
            }
            group.addTask {
                await Self.letTimePass(clock)
                return nil
            }
            group.addTask { try await body(connector) }
            var result: T?
            for try await ended in group {
                guard let ended else { continue }
                result = ended
                group.cancelAll()
            }
            return try #require(result)
        }
        try await state.close()
        return result
    }

    /// The clock runs at most ten times as fast as the real one: its minute of patience is six real seconds.
    static func letTimePass(_ clock: ManualClock) async {
        while !Task.isCancelled {
            try? await SystemClock().sleep(for: .milliseconds(2))
            clock.advance(by: .milliseconds(20))
        }
    }

    /// Waits in real time until something is so.
    func until(_ what: String, seconds: Int = 60, _ condition: () async throws -> Bool) async throws {
        let system = SystemClock()
        let deadline = system.uptime() + .seconds(seconds)
        while try await !condition() {
            guard system.uptime() < deadline else {
                Issue.record("\(what) did not happen within \(seconds) s")
                throw CancellationError()
            }
            try await system.sleep(for: .milliseconds(2))
        }
    }

    var now: Timestamp { clock.now() }
}

/// What a reader finds in the files.
struct Landed: Sendable {
    struct File: Sendable {
        var key: String
        var type: String
        var ids: [String]
        var plan: String
        var records: [Datum]
        var blockCounts: [Int]
    }

    var files: [File]

    /// Reads every file whole with the Avro room's reader, and checks that each is what its key says.
    init(_ objects: [String: [UInt8]]) throws {
        files = []
        for (key, bytes) in objects.sorted(by: { $0.key < $1.key }) {
            var reader = try ContainerReader(ArraySource(bytes))
            let tag = try #require(PlanTag.text(inHead: bytes), "\(key) has no plan")
            let plan = String(decoding: tag, as: UTF8.self)
            var records: [Datum] = []
            while let datum = try reader.next() { records.append(datum) }
            #expect(!records.isEmpty, "\(key) is empty")
            let ids = records.compactMap { datum -> String? in
                guard case .string(let id) = datum["id"] else { return nil }
                return id
            }
            let type = try #require(key.split(separator: "/").first { $0.hasPrefix("event_type=") }).dropFirst(11)
            #expect(plan.contains("\"type\":\"\(type)\""))
            #expect(plan.contains("\"count\":\(records.count)}"), "\(plan) names another count than \(records.count)")
            let first = try #require(key.split(separator: "+").last).dropLast(5)
            #expect(plan.contains("\"first\":\(first),"), "\(key) has another first offset than \(plan)")
            var blocks = try ContainerReader(ArraySource(bytes))
            var blockCounts: [Int] = []
            while let block = try blocks.nextBlock() { blockCounts.append(block.count) }
            files.append(
                File(
                    key: key,
                    type: String(type),
                    ids: ids,
                    plan: plan,
                    records: records,
                    blockCounts: blockCounts
                )
            )
        }
    }

    var ids: [String] { files.flatMap(\.ids) }

    /// Each of these exactly once, and nothing else.
    func expectExactly(_ wanted: some Sequence<String>, _ when: String = "") {
        var seen: [String: Int] = [:]
        for id in ids { seen[id, default: 0] += 1 }
        let wanted = Set(wanted)
        let missing = wanted.filter { seen[$0] == nil }.sorted()
        let doubled = seen.filter { $0.value > 1 }.keys.sorted()
        let foreign = seen.keys.filter { !wanted.contains($0) }.sorted()
        #expect(missing.isEmpty, "\(when) \(missing.count) are missing: \(missing.prefix(5))")
        #expect(doubled.isEmpty, "\(when) \(doubled.count) stand twice: \(doubled.prefix(5))")
        #expect(foreign.isEmpty, "\(when) \(foreign.count) should not be there: \(foreign.prefix(5))")
    }
}

extension ConnectorStatus {
    /// Both sides of every balance.
    func expectBalanced(_ when: String = "") {
        for entry in balances {
            #expect(entry.counts.isBalanced, "\(when) \(entry.type) does not balance: \(entry.counts)")
        }
    }

    func counts(_ type: String) -> TypeCounts {
        balances.first { $0.type == type }?.counts ?? TypeCounts()
    }
}
