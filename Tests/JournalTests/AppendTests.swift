import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

@Suite("Appending and reading", .timeLimit(.minutes(2)))
struct AppendTests {
    @Test("what is appended is read back in order, with its time and its counts", arguments: [1, 3])
    func roundTrip(partitions: Int) async throws {
        let world = JournalWorld(partitions: partitions)
        try await world.run { journal in
            for partition in (0..<partitions).map(PartitionID.init) {
                let base = UInt64(partition.rawValue) * 1_000
                let first = try await journal.append(TestRecord.batch(base..<base + 3), to: partition)
                #expect(first == AppendResult(duplicates: [], accepted: 3, firstOffset: Offset(0)))
                world.clock.advance(by: .seconds(5))
                let second = try await journal.append(
                    TestRecord.batch(base + 3..<base + 5, schema: 1),
                    to: partition
                )
                #expect(second.firstOffset == Offset(3))
                let read = try await journal.readAll(partition)
                #expect(read.ids == (0..<5).map { base + $0 })
                #expect(read.records.map(\.offset.rawValue) == [0, 1, 2, 3, 4])
                #expect(read.frames.map(\.count) == [3, 2])
                #expect(read.frames[1].time - read.frames[0].time == .seconds(5))
                #expect(Array(read.frames[0].counts) == [SchemaCount(fingerprint: 0x1111, count: 3)])
                #expect(read.frames[1].counts.count(of: 0x2222) == 2)
                #expect(journal.end(of: partition) == Offset(5))
                #expect(journal.oldest(of: partition) == .zero)
            }
        }
        #expect(world.stops.withLock { $0.isEmpty })
    }

    @Test(
        "a batch that is to be whole stands in one frame, however large; another is divided",
        arguments: [true, false]
    )
    func whole(isWhole: Bool) async throws {
        let world = JournalWorld(frameBytesMax: 1 << 10)
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch(0..<1), to: .first)
            var batch = TestRecord.batch(1..<200)
            batch.isWhole = isWhole
            #expect(batch.bytes.count > 4 << 10)
            _ = try await journal.append(batch, to: .first)
            let read = try await journal.readAll()
            #expect(read.ids == (0..<200).map(UInt64.init))
            #expect((read.frames.map(\.count) == [1, 199]) == isWhole)
        }
    }

    @Test("a payload that is not wanted is not read, its counts are")
    func unwanted() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch(0..<3), to: .first)
            _ = try await journal.append(TestRecord.batch(3..<6, schema: 1), to: .first)
            let reader = journal.makeReader(.first, from: .zero)
            var seen: [(Int, Bool)] = []
            while case .frame(let frame) = try await reader.next(
                wanting: { $0.count(of: 0x2222) > 0 },
                bytesMax: 1 << 16
            ) {
                seen.append((frame.count, frame.payload.isEmpty))
            }
            #expect(seen.map(\.0) == [3, 3])
            #expect(seen.map(\.1) == [true, false])
        }
    }

    @Test(
        "frames are read whole wherever what was read ahead ends",
        arguments: [1, 4_096, 9_000, 12_288, 20_000, 1 << 20]
    )
    func readAhead(bytesMax: Int) async throws {
        let world = JournalWorld()
        try await world.run { journal in
            var appended: [[UInt8]] = []
            for (index, length) in [100, 3_000, 4_000, 90, 12_000, 80, 8_150, 5_000, 15_000, 95].enumerated() {
                let batch = TestRecord.batch(UInt64(index)..<UInt64(index) + 1, length: length)
                appended.append(batch.bytes)
                _ = try await journal.append(batch, to: .first)
            }
            let read = try await journal.readAll(bytesMax: bytesMax)
            #expect(read.losses.isEmpty)
            #expect(read.frames.map(\.payload) == appended)
        }
    }

    @Test(
        "segments roll before frame and seal would pass their size, and readers cross them",
        arguments: [40, 900, 9_000]
    )
    func rolls(length: Int) async throws {
        let world = JournalWorld()
        let count = UInt64(400_000 / length)
        try await world.run { journal in
            for first in stride(from: 0, to: count, by: 20) {
                let batch = TestRecord.batch(first..<min(first + 20, count), length: length)
                _ = try await journal.append(batch, to: .first)
            }
            let read = try await journal.readAll()
            #expect(read.ids == (0..<count).map { $0 })
            #expect(read.losses.isEmpty)
        }
        let sizes = try world.segments().map { try world.files.size(of: world.path($0)) ?? 0 }
        #expect(sizes.count > 4)
        #expect(sizes.allSatisfy { $0 <= 64 << 10 && $0 % 4_096 == 0 })
        // A second start reads the same.
        try await world.run { journal in
            let read = try await journal.readAll()
            #expect(read.ids == (0..<count).map { $0 })
        }
    }

    @Test("a batch larger than a frame is split between records and answered once")
    func split() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            let result = try await journal.append(TestRecord.batch(0..<100, length: 1_000), to: .first)
            #expect(result.accepted == 100)
            let read = try await journal.readAll()
            #expect(read.ids == (0..<100).map { UInt64($0) })
            #expect(read.frames.count > 6)
            #expect(read.frames.allSatisfy { $0.payload.count <= 16 << 10 })
        }
    }

    @Test("a record larger than a frame stands alone; one larger than half a segment is refused")
    func largeRecords() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch([1], length: 30_000), to: .first)
            _ = try await journal.append(TestRecord.batch([2, 3], length: 30_000), to: .first)
            let error = await #expect(throws: JournalError.self) {
                try await journal.append(TestRecord.batch([4], length: 32 << 10), to: .first)
            }
            #expect(error?.code == .recordTooLarge)
            let read = try await journal.readAll()
            #expect(read.ids == [1, 2, 3])
            #expect(read.frames.map(\.count) == [1, 1, 1])
        }
    }

    @Test("batches that wait for a sync share the next frame")
    func groupCommit() async throws {
        let world = JournalWorld()
        let gate = Gate()
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            world.files.observe { operation, path in
                if operation == "sync", path.hasSuffix(".segment") { gate.pass() }
            }
            gate.shut()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await journal.append(TestRecord.batch([1]), to: .first) }
                while gate.waitingCount == 0 { await Task.yield() }
                for id in UInt64(2)..<50 {
                    group.addTask { _ = try await journal.append(TestRecord.batch([id]), to: .first) }
                }
                // 49 records of 100 bytes and their framing.
                while !journal.holds(bytes: 49 * 114, of: world) { await Task.yield() }
                gate.open()
                try await group.waitForAll()
            }
            world.files.observe(nil)
            let read = try await journal.readAll()
            #expect(Set(read.ids) == Set((0..<50).map { UInt64($0) }))
            #expect(read.frames.map(\.count) == [1, 1, 48])
        }
    }

    @Test("a batch is written though its sender was cancelled")
    func cancelledSender() async throws {
        let world = JournalWorld()
        let gate = Gate()
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            world.files.observe { operation, path in
                if operation == "sync", path.hasSuffix(".segment") { gate.pass() }
            }
            gate.shut()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await journal.append(TestRecord.batch([1]), to: .first) }
                while gate.waitingCount == 0 { await Task.yield() }
                group.addTask { _ = try? await journal.append(TestRecord.batch([2]), to: .first) }
                while !journal.holds(bytes: 2 * 114, of: world) { await Task.yield() }
                group.cancelAll()
                gate.open()
                await group.waitForAll()
            }
            #expect(try await journal.readAll().ids == [0, 1, 2])
        }
    }

    @Test("what was handed over before the journal stops is written, what comes later is refused")
    func stopping() async throws {
        let world = JournalWorld()
        let gate = Gate()
        let journal = try await world.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await journal.run() }
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            world.files.observe { operation, path in
                if operation == "sync", path.hasSuffix(".segment") { gate.pass() }
            }
            gate.shut()
            try await withThrowingTaskGroup(of: Void.self) { senders in
                senders.addTask { _ = try await journal.append(TestRecord.batch([1]), to: .first) }
                while gate.waitingCount == 0 { await Task.yield() }
                senders.addTask { _ = try await journal.append(TestRecord.batch([2]), to: .first) }
                while !journal.holds(bytes: 2 * 114, of: world) { await Task.yield() }
                group.cancelAll()
                while journal.refusal(of: 1) != .closed { await Task.yield() }
                let error = await #expect(throws: JournalError.self) {
                    try await journal.append(TestRecord.batch([3]), to: .first)
                }
                #expect(error?.code == .closed)
                gate.open()
                try await senders.waitForAll()
            }
            try await group.waitForAll()
        }
        try await world.run { journal async throws in #expect(try await journal.readAll().ids == [0, 1, 2]) }
    }

    @Test("a waiting reader wakes when the end passes its offset, and when it is cancelled")
    func waiting() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            try await withThrowingTaskGroup(of: Offset.self) { group in
                group.addTask {
                    try await journal.waitForEnd(past: Offset(2), of: .first)
                    return journal.end(of: .first)
                }
                _ = try await journal.append(TestRecord.batch(0..<2), to: .first)
                _ = try await journal.append(TestRecord.batch(2..<5), to: .first)
                #expect(try await group.next() == Offset(5))
                group.addTask {
                    try await journal.waitForEnd(past: Offset(100), of: .first)
                    return .zero
                }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
        }
    }

    @Test("hand-over is refused while the queue is full or the disk budget is spent")
    func budgets() async throws {
        let room = Locked(true)
        let world = JournalWorld(diskAdmits: { bytes in bytes < 1 << 30 && room.current })
        try await world.run { journal in
            #expect(journal.refusal(of: 2 << 20) == nil, "one batch alone is let through")
            room.withLock { $0 = false }
            #expect(journal.refusal(of: 1) == .full)
            room.withLock { $0 = true }
            #expect(journal.refusal(of: 1) == nil)
        }
    }

    @Test("a reader that seeks stands at the frame that holds the record")
    func seeking() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            for first in stride(from: UInt64(0), to: 3_000, by: 10) {
                _ = try await journal.append(TestRecord.batch(first..<first + 10), to: .first)
            }
            let reader = journal.makeReader(.first, from: Offset(1_234))
            for offset in [1_234, 5, 2_999] {
                reader.seek(to: Offset(Int64(offset)))
                let read = try await reader.next(wanting: { _ in true }, bytesMax: 1 << 16)
                guard case .frame(let frame) = read else {
                    Issue.record("no frame at \(offset)")
                    continue
                }
                #expect(frame.firstOffset.rawValue == Int64(offset / 10 * 10))
            }
            reader.seek(to: Offset(3_000))
            guard case .end = try await reader.next(wanting: { _ in true }, bytesMax: 1) else {
                Issue.record("the end is the end")
                return
            }
        }
    }

    @Test("partitions are drawn evenly from identities, and none goes to the first")
    func partitionOf() {
        var counts = [0, 0, 0]
        for id in UInt64(0)..<3_000 { counts[PartitionID.of(TestRecord.identity(id), partitions: 3).rawValue] += 1 }
        #expect(counts.allSatisfy { (800...1_200).contains($0) })
        #expect(PartitionID.of(.none, partitions: 3) == .first)
    }
}

extension SegmentedJournal {
    /// Whether so many bytes were handed over and are not yet durable: then no more than the rest is taken.
    func holds(bytes: Int, of world: JournalWorld) -> Bool {
        refusal(of: world.settings.queueBytesMax - bytes + 1) == .behind
    }
}
