import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

/// Random work, a power loss at a random operation, a new start: again and again, by seed.
@Suite("Crashes at random")
struct CrashTests {
    /// What senders were told.
    private struct Books: Sendable {
        /// By id: partition and offset where it was acknowledged first.
        var acknowledged: [UInt64: (partition: Int, offset: Int64)] = [:]
        /// Ids that were answered as repeats.
        var repeats: Set<UInt64> = []
        var sent: Set<UInt64> = []
    }

    @Test("every acknowledged record stands exactly once, in order, and nothing torn is seen", arguments: [1, 3])
    func crashes(partitions: Int) async throws {
        for seed in UInt64(1)...120 {
            try await crash(seed: seed, partitions: partitions)
        }
    }

    private func crash(seed: UInt64, partitions: Int) async throws {
        let world = JournalWorld(partitions: partitions)
        let random = SeededRandom(seed: seed)
        let books = Locked(Books())
        for round in 0..<4 {
            world.files.fail(operation: world.files.operationCount + 1 + random.next(below: 150), .crash)
            // The crash may hit the opening itself.
            if let journal = try? await world.open() {
                try await work(journal, world, partitions, books, SeededRandom(seed: seed &* 100 &+ UInt64(round)))
            } else {
                #expect(world.files.isDown, "seed \(seed): an opening fails only by the crash")
            }
            world.files.restart(seed: round % 2 == 0 ? nil : random.next())
        }
        try await world.run { journal in
            for report in journal.recovery { #expect(report.losses.isEmpty, "seed \(seed)") }
            try await check(journal, partitions, books.current, seed)
        }
    }

    private func work(
        _ journal: SegmentedJournal,
        _ world: JournalWorld,
        _ partitions: Int,
        _ books: Locked<Books>,
        _ random: SeededRandom
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await Self.runUntilDown(journal, world) }
            await withTaskGroup(of: Void.self) { senders in
                for sender in 0..<4 {
                    let own = SeededRandom(seed: random.next() &+ UInt64(sender))
                    senders.addTask { await Self.send(journal, partitions, books, own) }
                }
                await senders.waitForAll()
            }
            if !world.files.isDown {
                // Fewer operations than the crash waited for: it happens while nothing is on its way.
                world.files.crash()
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// A process does not outlive its power: the journal is cancelled wherever it waits.
    private static func runUntilDown(_ journal: SegmentedJournal, _ world: JournalWorld) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await journal.run() }
            group.addTask {
                while !world.files.isDown, (try? await SystemClock().sleep(for: .milliseconds(1))) != nil {}
            }
            await group.next()
            group.cancelAll()
        }
    }

    private static func send(
        _ journal: SegmentedJournal,
        _ partitions: Int,
        _ books: Locked<Books>,
        _ random: SeededRandom
    ) async {
        for _ in 0..<12 {
            let partition = random.next(below: partitions)
            var ids: [UInt64] = []
            for _ in 0..<(1 + random.next(below: 30)) {
                // A small space of ids, so that many are sent again, before and after crashes.
                let id = UInt64(random.next(below: 600) * partitions + partition)
                ids.append(id)
            }
            books.withLock { $0.sent.formUnion(ids) }
            let batch = TestRecord.batch(
                ids,
                length: 8 + random.next(below: random.next(below: 8) == 0 ? 1_500 : 150),
                schema: UInt16(random.next(below: 2))
            )
            guard let result = try? await journal.append(batch, to: PartitionID(partition)) else { return }
            books.withLock { books in
                var offset = result.firstOffset?.rawValue ?? 0
                for (index, id) in ids.enumerated() {
                    if result.duplicates.contains(Int32(index)) {
                        books.repeats.insert(id)
                    } else {
                        if books.acknowledged[id] != nil { Issue.record("\(id) was accepted twice") }
                        books.acknowledged[id] = (partition, offset)
                        offset += 1
                    }
                }
            }
        }
    }

    private func check(_ journal: SegmentedJournal, _ partitions: Int, _ books: Books, _ seed: UInt64) async throws {
        var seen: [UInt64: (partition: Int, offset: Int64)] = [:]
        for partition in 0..<partitions {
            let read = try await journal.readAll(PartitionID(partition))
            #expect(read.losses.isEmpty, "seed \(seed)")
            var last: Int64 = -1
            for record in read.records {
                let id = try #require(record.id, "seed \(seed): a torn record at \(record.offset)")
                #expect(books.sent.contains(id))
                #expect(seen[id] == nil, "seed \(seed): \(id) stands twice")
                #expect(record.offset.rawValue > last, "seed \(seed)")
                last = record.offset.rawValue
                seen[id] = (partition, last)
            }
        }
        for (id, place) in books.acknowledged {
            #expect(seen[id]?.partition == place.partition && seen[id]?.offset == place.offset, "seed \(seed): \(id)")
        }
        for id in books.repeats {
            #expect(seen[id] != nil, "seed \(seed): \(id) was called a repeat and is nowhere")
        }
    }
}
