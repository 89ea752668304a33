import Journal
import Platform
import PlatformTesting
import Synchronization
import Telemetry
import Testing

@Suite("Removed segments and the duplicate window")
struct RemovalTests {
    private static let ids = UInt64(0)..<1_000

    private static func fill(_ journal: SegmentedJournal) async throws {
        for first in stride(from: ids.lowerBound, to: ids.upperBound, by: 50) {
            _ = try await journal.append(TestRecord.batch(first..<first + 50), to: .first)
        }
    }

    /// Removes all but the newest segment, and answers how many went.
    @discardableResult
    private static func removeAll(_ journal: SegmentedJournal, _ world: JournalWorld) async throws -> Int {
        try await journal.removeSegments(
            of: .first,
            before: journal.end(of: .first),
            olderThan: world.clock.now() + .seconds(1)
        )
    }

    private static func kept(_ world: JournalWorld) throws -> [String] {
        try world.files.list(JournalWorld.folder).filter { $0.hasSuffix(".ids") }
    }

    @Test("a segment that could not be removed goes before any newer one", arguments: ["remove", "sync of folder"])
    func failing(kind: String) async throws {
        let world = JournalWorld()
        try await world.run { journal in
            try await Self.fill(journal)
            let bytes = journal.bytesOnDisk
            let ending = kind == "remove" ? ".segment" : ""
            world.files.failNext(kind, of: ending, times: 2, code: FileError.inputOutput)
            for _ in 0..<2 {
                await #expect(throws: JournalError.self) { try await Self.removeAll(journal, world) }
                // What is still there is counted.
                if kind == "remove" { #expect(journal.bytesOnDisk >= bytes) }
            }
            #expect(try await Self.removeAll(journal, world) > 1)
            #expect(try world.segments().count <= 3)
        }
        // Where an older one is left behind, the next start misses the newer ones.
        try await world.run { _ in }
        #expect(world.losses.current.isEmpty)
    }

    @Test("repeats of removed records are known over restarts, until the window has passed", arguments: [true, false])
    func known(crashes: Bool) async throws {
        let world = JournalWorld(duplicateWindow: .seconds(600))
        func remove(_ journal: SegmentedJournal) async throws {
            try await Self.fill(journal)
            let bytes = journal.bytesOnDisk
            #expect(try await Self.removeAll(journal, world) > 1)
            #expect(journal.bytesOnDisk < bytes)
        }
        if crashes { try await world.runAndCrash(remove) } else { try await world.run(remove) }
        let kept = try Self.kept(world)
        #expect(kept.count > 1)
        world.clock.advance(by: .seconds(500))
        for _ in 0..<2 {
            let metrics = MetricRegistry()
            try await world.run(metrics: metrics) { journal in
                let result = try await journal.append(TestRecord.batch(Self.ids), to: .first)
                #expect(result.duplicates.count == Self.ids.count && result.accepted == 0)
            }
            let held = metrics.prometheusText()
            #expect(held.contains("courant_journal_duplicate_window_seconds{partition=\"0\"} 600"), "\(held)")
        }
        #expect(try Self.kept(world) == kept)
        world.clock.advance(by: .seconds(200))
        try await world.run { journal in
            _ = try await journal.removeSegments(of: .first, before: .zero, olderThan: world.clock.now())
            let result = try await journal.append(TestRecord.batch(Self.ids), to: .first)
            #expect(result.accepted == Self.ids.count)
        }
        #expect(try Self.kept(world) == [])
    }

    @Test("a power loss at any operation of a removal forgets no identity", arguments: 0..<3)
    func powerLoss(seed: UInt64) async throws {
        var operation = 1
        var died = true
        while died {
            let world = JournalWorld()
            try await world.run { try await Self.fill($0) }
            let journal = try await world.open()
            world.files.fail(operation: world.files.operationCount + operation, .crash)
            _ = try? await Self.removeAll(journal, world)
            died = world.files.isDown
            world.files.restart(seed: seed == 0 ? nil : seed &* 1_000 &+ UInt64(operation))
            try await world.run { journal in
                let result = try await journal.append(TestRecord.batch(Self.ids), to: .first)
                #expect(result.duplicates.count == Self.ids.count, "operation \(operation)")
                #expect(journal.recovery[0].losses.isEmpty)
            }
            operation += 1
        }
        #expect(operation > 10)
    }

    @Test("no more identities are kept than the window's memory holds")
    func bounded() async throws {
        // 839 identities; a segment of these tests holds a little over 300.
        let world = JournalWorld(duplicateMemory: 16 << 10)
        try await world.run { journal in
            for first in stride(from: UInt64(0), to: 5_000, by: 50) {
                _ = try await journal.append(TestRecord.batch(first..<first + 50), to: .first)
            }
            #expect(try await Self.removeAll(journal, world) > 5)
        }
        #expect((1...4).contains(try Self.kept(world).count))
        try await world.run { journal in
            let result = try await journal.append(TestRecord.batch(4_300..<5_000), to: .first)
            #expect(result.accepted == 0)
        }
    }

    @Test("where kept identities have rotted the start goes on, and says how far back repeats are known")
    func rot() async throws {
        let world = JournalWorld()
        try await world.run { try await Self.fill($0) }
        world.clock.advance(by: .seconds(60))
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch(5_000..<5_050), to: .first)
            try await Self.removeAll(journal, world)
        }
        let kept = try Self.kept(world)
        for (name, end) in zip(kept, [4_096, 8_192]) {
            let size = Int(try #require(try world.files.size(of: world.path(name))))
            world.files.rot(world.path(name), at: size - end + 40, [0xFF, 0xFF])
        }
        let metrics = MetricRegistry()
        try await world.run(metrics: metrics) { journal in
            let result = try await journal.append(TestRecord.batch(5_000..<5_050), to: .first)
            #expect(result.accepted == 0)
        }
        let text = metrics.prometheusText()
        #expect(text.contains("courant_journal_duplicate_window_seconds{partition=\"0\"} 60\n"), "\(text)")
    }
}
