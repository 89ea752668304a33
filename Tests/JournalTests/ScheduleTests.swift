import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

/// The schedules that break careless designs, as far as the journal can break on them.
@Suite("Schedules that break careless journals", .timeLimit(.minutes(2)))
struct ScheduleTests {
    @Test("schedule 1: a frame is shown to no reader before its sync, and a lost one's offsets were never shown")
    func readerBeforeSync() async throws {
        let world = JournalWorld()
        let gate = Gate()
        let journal = try await world.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await journal.run() }
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            world.files.observe { operation, path in
                if operation == "sync", path.hasSuffix(".segment") { gate.pass() }
            }
            gate.shut()
            group.addTask { _ = try? await journal.append(TestRecord.batch([1, 2]), to: .first) }
            while gate.waitingCount == 0 || !journal.holds(bytes: 2 * 114, of: world) { await Task.yield() }
            // The write is done, the sync is not.
            #expect(journal.end(of: .first) == Offset(1))
            #expect(try await journal.readAll().ids == [0])
            world.crash(at: "sync")
            gate.open()
            while !world.files.isDown { await Task.yield() }
            #expect(try await world.isSilent(journal, end: Offset(1)))
            group.cancelAll()
            try await group.waitForAll()
        }
        world.files.observe(nil)
        world.restart(seed: nil)
        try await world.run { journal in
            let result = try await journal.append(TestRecord.batch([3]), to: .first)
            #expect(result.firstOffset == Offset(1))
            #expect(try await journal.readAll().ids == [0, 3])
        }
    }

    @Test("schedule 2: a repeat is answered once its first copy is durable, not before")
    func repeatInFlight() async throws {
        let world = JournalWorld()
        let gate = Gate()
        let answered = Locked(0)
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            world.files.observe { operation, path in
                if operation == "sync", path.hasSuffix(".segment") { gate.pass() }
            }
            gate.shut()
            try await withThrowingTaskGroup(of: AppendResult.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let result = try await journal.append(TestRecord.batch([7, 8]), to: .first)
                        answered.add()
                        return result
                    }
                    while gate.waitingCount == 0 { await Task.yield() }
                }
                while !journal.holds(bytes: 4 * 114, of: world) { await Task.yield() }
                for _ in 0..<1_000 { await Task.yield() }
                #expect(answered.current == 0)
                gate.open()
                var results: [AppendResult] = []
                for try await result in group { results.append(result) }
                results.sort { $0.accepted > $1.accepted }
                #expect(results[0].accepted == 2)
                #expect(results[1] == AppendResult(duplicates: [0, 1], accepted: 0, firstOffset: nil))
            }
            #expect(try await journal.readAll().ids == [0, 7, 8])
        }
    }

    @Test("schedule 2: ids of an append that failed are accepted afterwards, not called repeats")
    func repeatOfFailed() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            world.files.failNext("write", of: ".segment", code: FileError.inputOutput)
            await #expect(throws: JournalError.self) { try await journal.append(TestRecord.batch([1]), to: .first) }
            await #expect(throws: JournalError.self) { try await journal.append(TestRecord.batch([1]), to: .first) }
        }
        try await world.run { journal in
            let result = try await journal.append(TestRecord.batch([0, 1]), to: .first)
            #expect(result == AppendResult(duplicates: [0], accepted: 1, firstOffset: Offset(1)))
        }
    }

    @Test("schedule 2: a repeat inside one batch is a duplicate of the batch's own record")
    func repeatInBatch() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            let result = try await journal.append(TestRecord.batch([5, 6, 5, 6, 7]), to: .first)
            #expect(result == AppendResult(duplicates: [2, 3], accepted: 3, firstOffset: .zero))
            #expect(try await journal.readAll().ids == [5, 6, 7])
        }
    }

    @Test("schedule 3: after a failed sync nothing is tried again: the process is told to end")
    func failedSync() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            let writes = Locked(0)
            world.files.observe { operation, path in
                // The writer's, not those of the maker of spares beside it.
                if path.hasSuffix(".segment"), operation == "write" || operation == "sync" { writes.add() }
            }
            world.files.failNext("sync", of: ".segment", code: FileError.inputOutput)
            let error = await #expect(throws: JournalError.self) {
                try await journal.append(TestRecord.batch([1]), to: .first)
            }
            #expect(error?.code == .writeFailed)
            await #expect(throws: JournalError.self) { try await journal.append(TestRecord.batch([2]), to: .first) }
            #expect(journal.refusal(of: 1) == .closed)
            #expect(world.stops.withLock { $0.map(\.code) } == [.writeFailed])
            // One write and the sync that failed; nothing after it.
            #expect(writes.current == 2)
            #expect(journal.end(of: .first) == Offset(1))
            world.files.observe(nil)
        }
        try await world.run { journal async throws in #expect(try await journal.readAll().ids == [0]) }
    }

    @Test("schedule 6: retention takes what is old and needed by nobody, and nothing else")
    func retention() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            for first in stride(from: UInt64(0), to: 2_000, by: 20) {
                world.clock.advance(by: .seconds(60))
                _ = try await journal.append(TestRecord.batch(first..<first + 20), to: .first)
            }
            let before = try world.segments().count
            let bytes = journal.bytesOnDisk
            #expect(before > 4)
            let far = Offset(1_000_000)
            let future = world.clock.now() + .seconds(1_000_000)
            // Old enough, but somebody still needs the first record.
            #expect(try await journal.removeSegments(of: .first, before: .zero, olderThan: future) == 0)
            // Needed by nobody, but not old enough.
            let past = Timestamp(seconds: 0)
            #expect(try await journal.removeSegments(of: .first, before: far, olderThan: past) == 0)
            // A need in the middle keeps its own segment and all behind it.
            let removed = try await journal.removeSegments(of: .first, before: Offset(1_000), olderThan: future)
            #expect(removed > 0 && removed < before - 1)
            #expect(journal.oldest(of: .first) <= Offset(1_000))
            #expect(journal.oldest(of: .first) > .zero)
            #expect(journal.bytesOnDisk < bytes)
            #expect(try world.segments().count == before - removed)
            let read = try await journal.readAll(from: Offset(1_000))
            #expect(read.records.last?.offset == Offset(1_999))
            #expect(read.losses.isEmpty)
            // Who comes with an older cursor is told what is gone.
            let late = try await journal.readAll()
            #expect(late.losses == [JournalLoss(from: .zero, to: journal.oldest(of: .first))])
        }
    }

    @Test("schedule 6: with everything removable the next offset is still remembered over restarts")
    func retentionOfAll() async throws {
        let world = JournalWorld()
        for round in 0..<4 {
            try await world.run { journal in
                #expect(journal.end(of: .first).rawValue == Int64(round * 10))
                let future = world.clock.now() + .seconds(1_000_000)
                _ = try await journal.removeSegments(
                    of: .first,
                    before: Offset(1_000_000),
                    olderThan: future
                )
                let ids = UInt64(round * 10)..<UInt64(round * 10 + 10)
                let result = try await journal.append(TestRecord.batch(ids), to: .first)
                #expect(result.firstOffset?.rawValue == Int64(round * 10))
                _ = try await journal.removeSegments(
                    of: .first,
                    before: Offset(1_000_000),
                    olderThan: future
                )
            }
        }
        #expect(try world.segments().count <= 2)
    }

    @Test("schedule 8: nothing is written behind a tear, and what was torn never comes back")
    func tear() async throws {
        var left: Set<Int> = []
        for seed in UInt64(0)..<40 {
            let world = JournalWorld()
            try await world.runAndCrash(seed: seed) { journal in
                _ = try await journal.append(TestRecord.batch(0..<5), to: .first)
                // The write of the second frame reaches the disk in part.
                world.crash(at: "write")
                await #expect(throws: JournalError.self) {
                    try await journal.append(TestRecord.batch(100..<140), to: .first)
                }
            }
            let before = try world.segments()
            let torn = try #require(before.last)
            let content = try #require(world.files.content(world.path(torn)))
            left.insert(content.count { $0 != 0 })
            try await world.runAndCrash { journal in
                let read = try await journal.readAll()
                let ids = Array(read.ids.compactMap { $0 })
                #expect(ids == Array(0..<5) || ids == Array(0..<5) + Array(100..<140), "seed \(seed)")
                #expect(read.losses.isEmpty)
                // As long as the torn one, under a number of its own.
                let result = try await journal.append(TestRecord.batch(200..<240), to: .first)
                #expect(result.accepted == 40)
                #expect(try world.segments().count == before.count + 1)
            }
            try await world.run { journal in
                let ids = try await journal.readAll().ids.compactMap { $0 }
                #expect(ids.filter { $0 < 100 } == Array(0..<5), "seed \(seed)")
                #expect(ids.filter { $0 >= 200 } == Array(200..<240), "seed \(seed)")
                #expect([0, 40].contains(ids.filter { (100..<140).contains($0) }.count))
            }
        }
        #expect(left.count > 2, "no seed left a part of the frame: nothing was torn")
    }

    @Test("schedule 9: when the clock steps back, offsets keep their order and the window keeps its ids")
    func clockStepsBack() async throws {
        let world = JournalWorld(duplicateWindow: .seconds(600))
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch([1]), to: .first)
            world.clock.set(world.clock.now() - .seconds(7_200))
            _ = try await journal.append(TestRecord.batch([2]), to: .first)
            world.clock.set(world.clock.now() + .seconds(14_400))
            let result = try await journal.append(TestRecord.batch([1, 2, 3]), to: .first)
            #expect(result == AppendResult(duplicates: [0, 1], accepted: 1, firstOffset: Offset(2)))
            let read = try await journal.readAll()
            #expect(read.ids == [1, 2, 3])
            #expect(read.frames[1].time < read.frames[0].time)
        }
        // Retention goes by the latest time in a segment, so a step back removes nothing early.
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch([4]), to: .first)
            let between = world.clock.now() - .seconds(3_600)
            let removed = try await journal.removeSegments(of: .first, before: Offset(3), olderThan: between)
            #expect(removed == 0)
        }
    }
}

extension JournalWorld {
    /// Nothing more was shown.
    func isSilent(_ journal: SegmentedJournal, end: Offset) async throws -> Bool {
        for _ in 0..<100 { await Task.yield() }
        return journal.end(of: .first) == end
    }
}
