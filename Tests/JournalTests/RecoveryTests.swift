import Journal
import Platform
import PlatformTesting
import Synchronization
import Telemetry
import Testing

@Suite("Recovery", .timeLimit(.minutes(2)))
struct RecoveryTests {
    @Test("repeats are known after a clean stop, after a crash, and forgotten after the window")
    func duplicatesAfterRestart() async throws {
        let world = JournalWorld(duplicateWindow: .seconds(600))
        try await world.run { _ = try await $0.append(TestRecord.batch(0..<50), to: .first) }
        world.clock.advance(by: .seconds(300))
        try await world.runAndCrash { journal in
            let result = try await journal.append(TestRecord.batch(45..<60), to: .first)
            #expect(result.duplicates == [0, 1, 2, 3, 4])
        }
        try await world.run { journal in
            let result = try await journal.append(TestRecord.batch(0..<70), to: .first)
            #expect(result.duplicates == (0..<60).map { Int32($0) })
            #expect(result.accepted == 10)
        }
        world.clock.advance(by: .seconds(400))
        try await world.run { journal in
            // The first fifty are 700 s old by now, the next ten 400 s.
            let result = try await journal.append(TestRecord.batch(0..<60), to: .first)
            #expect(result.duplicates == (50..<60).map { Int32($0) })
        }
    }

    @Test("records without identity are never repeats")
    func noIdentity() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            for _ in 0..<3 {
                let result = try await journal.append(TestRecord.batch([1, 1], schema: 2), to: .first)
                #expect(result.accepted == 2)
            }
        }
        try await world.run { journal async throws in
            #expect(try await journal.append(TestRecord.batch([1], schema: 2), to: .first).accepted == 1)
        }
    }

    @Test("a torn tail is cut: what was acknowledged stays, what was not is gone")
    func tornTail() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            _ = try await journal.append(TestRecord.batch(0..<10), to: .first)
            _ = try await journal.append(TestRecord.batch(10..<20), to: .first)
        }
        let name = try #require(try world.segments().last)
        let content = try #require(world.files.content(world.path(name)))
        // The head takes one block, the first frame the second: the second frame loses a byte.
        world.files.rot(world.path(name), at: 2 * 4_096 + 500, [content[2 * 4_096 + 500] ^ 1])
        let journal = try await world.open()
        #expect(journal.recovery[0].hasTornTail)
        #expect(journal.recovery[0].framesRecovered == 1)
        #expect(try await journal.readAll().ids == (0..<10).map { UInt64($0) })
    }

    @Test("rot before good frames is skipped, counted once, and the rest is read", arguments: [true, false])
    func rotInTheMiddle(sealed: Bool) async throws {
        let world = JournalWorld()
        func fill(_ journal: SegmentedJournal) async throws {
            for first in [UInt64(0), 10, 20, 30] {
                _ = try await journal.append(TestRecord.batch(first..<first + 10), to: .first)
            }
        }
        if sealed { try await world.run(fill) } else { try await world.runAndCrash(fill) }
        let name = try #require(try world.segments().first)
        // One frame's header, another one's payload: each frame takes one block.
        world.files.rot(world.path(name), at: 2 * 4_096 + 20, [0xFF])
        world.files.rot(world.path(name), at: 3 * 4_096 + 200, [0xFF])
        let metrics = MetricRegistry()
        try await world.run(metrics: metrics) { journal in
            for _ in 0..<2 {
                let read = try await journal.readAll()
                #expect(read.ids == Array(0..<10) + Array(30..<40))
                #expect(read.losses.map(\.from).first == Offset(10))
                #expect(read.losses.map(\.to).last == Offset(30))
                #expect(read.losses.reduce(0) { $0 + ($1.to - $1.from) } == 20)
            }
            #expect(journal.recovery[0].losses.isEmpty == sealed)
            let result = try await journal.append(TestRecord.batch(40..<42), to: .first)
            #expect(result.firstOffset == Offset(40))
        }
        let lost = metrics.counter("courant_journal_lost_records_total", help: "").value
        #expect(lost == 20)
        #expect(world.losses.withLock { $0.reduce(0) { $0 + $1.records } } == 20, "told once, whoever finds it")
    }

    @Test("a rotten payload names what it cost by schema")
    func lossBySchema() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch(0..<3, schema: 1), to: .first)
            let name = try #require(try world.segments().first)
            world.files.rot(world.path(name), at: 4_096 + 200, [0xFF])
            let read = try await journal.readAll()
            let counts = SchemaCounts([SchemaCount(fingerprint: 0x2222, count: 3)])
            #expect(read.losses == [JournalLoss(from: .zero, to: Offset(3), counts: counts)])
        }
    }

    @Test("recovery keeps what a rotten payload cost by schema, for every reader and later start")
    func lossBySchemaRecovered() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            _ = try await journal.append(TestRecord.batch(0..<3, schema: 1), to: .first)
            _ = try await journal.append(TestRecord.batch(3..<5), to: .first)
        }
        let name = try #require(try world.segments().last)
        world.files.rot(world.path(name), at: 4_096 + 200, [0xFF])
        let counts = SchemaCounts([SchemaCount(fingerprint: 0x2222, count: 3)])
        let loss = JournalLoss(from: .zero, to: Offset(3), counts: counts)
        for round in 0..<2 {
            try await world.run { journal in
                #expect(journal.recovery[0].losses == (round == 0 ? [loss] : []))
                if round == 0 { #expect(journal.recovery[0].framesRecovered == 1) }
                let read = try await journal.readAll()
                #expect(read.losses == [loss])
                #expect(read.ids == [3, 4])
            }
        }
        #expect(world.losses.withLock { $0.first?.records } == 3)
        let report = try #require(try world.inspector().check().first)
        #expect(report.ending == .sealed && report.framesBad == 1 && report.framesGood == 1)
    }

    @Test("a rotten payload before a tear is lost and told, and its offsets are not used again")
    func rotBeforeTear() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            for first in [UInt64(0), 10, 20] {
                _ = try await journal.append(TestRecord.batch(first..<first + 10), to: .first)
            }
        }
        let name = try #require(try world.segments().last)
        world.files.rot(world.path(name), at: 2 * 4_096 + 200, [0xFF])
        world.files.rot(world.path(name), at: 3 * 4_096 + 200, [0xFF])
        try await world.run { journal in
            #expect(journal.recovery[0].hasTornTail)
            #expect(journal.recovery[0].losses.map(\.to) == [Offset(20)])
            let result = try await journal.append(TestRecord.batch([99]), to: .first)
            #expect(result.firstOffset == Offset(20))
            #expect(try await journal.readAll().losses.map(\.to) == [Offset(20)])
        }
    }

    @Test("a header of zeros before good frames is rot too, not an end")
    func zeroedHeader() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            for first in [UInt64(0), 10, 20] {
                _ = try await journal.append(TestRecord.batch(first..<first + 10), to: .first)
            }
        }
        let name = try #require(try world.segments().last)
        world.files.rot(world.path(name), at: 2 * 4_096, Array(repeating: 0, count: 4_096))
        try await world.run { journal in
            let read = try await journal.readAll()
            #expect(read.ids == Array(0..<10) + Array(20..<30))
            #expect(read.losses.map { $0.to - $0.from } == [10])
        }
    }

    @Test(
        "a segment whose seal or trailer rotted is walked instead: its records and their ids are still known",
        arguments: [0, 1],
        [true, false]
    )
    func rottenSeal(segment: Int, inTrailer: Bool) async throws {
        let world = JournalWorld()
        try await world.run { _ = try await $0.append(TestRecord.batch(0..<10), to: .first) }
        try await world.run { _ = try await $0.append(TestRecord.batch(10..<20), to: .first) }
        let name = try world.segments()[segment]
        let size = try #require(try world.files.size(of: world.path(name)))
        world.files.rot(world.path(name), at: Int(size) - (inTrailer ? 4_096 : 8_192) + 40, [0xFF, 0xFF])
        try await world.run { journal in
            #expect(try await journal.readAll().ids == (0..<20).map { UInt64($0) })
            let result = try await journal.append(TestRecord.batch(0..<21), to: .first)
            #expect(
                result
                    == AppendResult(
                        duplicates: (0..<20).map { Int32($0) },
                        accepted: 1,
                        firstOffset: Offset(20)
                    )
            )
        }
    }

    @Test(
        "a segment whose head rotted loses nothing: its frames say what the head said",
        arguments: [true, false]
    )
    func rottenHead(sealed: Bool) async throws {
        let world = JournalWorld()
        let write: @Sendable (SegmentedJournal) async throws -> Void = { journal in
            _ = try await journal.append(TestRecord.batch(0..<10), to: .first)
            _ = try await journal.append(TestRecord.batch(10..<20), to: .first)
        }
        if sealed { try await world.run(write) } else { try await world.runAndCrash(write) }
        let name = try #require(try world.segments().first)
        world.files.rot(world.path(name), at: 90, [0xFF])
        for _ in 0..<2 {
            try await world.run { journal in
                #expect(journal.recovery[0].brokenSegments.isEmpty)
                #expect(journal.recovery[0].losses.isEmpty)
                let result = try await journal.append(TestRecord.batch(0..<20), to: .first)
                #expect(result.duplicates.count == 20)
                let read = try await journal.readAll()
                #expect(read.ids == (0..<20).map { UInt64($0) })
                #expect(read.losses.isEmpty)
            }
        }
    }

    @Test("a segment whose head and all frames rotted is set aside, counted, and its offsets are not used again")
    func rottenSegment() async throws {
        let world = JournalWorld()
        try await world.run { _ = try await $0.append(TestRecord.batch(0..<10), to: .first) }
        try await world.runAndCrash { _ = try await $0.append(TestRecord.batch(10..<20), to: .first) }
        let name = try #require(try world.segments().last)
        world.files.rot(world.path(name), at: 90, [0xFF])
        world.files.rot(world.path(name), at: 4_096 + 200, [0xFF])
        try await world.run { journal in
            #expect(journal.recovery[0].brokenSegments == [world.path(name + ".broken")])
            let result = try await journal.append(TestRecord.batch(20..<22), to: .first)
            #expect(result.firstOffset == Offset(20))
            let read = try await journal.readAll()
            #expect(read.ids == (0..<10).map { UInt64($0) } + [20, 21])
            #expect(read.losses.map(\.to) == [Offset(20)])
        }
    }

    @Test(
        "found by fuzzing: a frame of another partition or segment is none of a segment's own",
        arguments: [true, false]
    )
    func foreignFrames(ofPartition: Bool) async throws {
        let world = JournalWorld(partitions: 2)
        let second = PartitionID(1)
        for first in [UInt64(0), 10] {
            try await world.run { journal in
                _ = try await journal.append(TestRecord.batch(first..<first + 5), to: .first)
                _ = try await journal.append(TestRecord.batch(first + 5..<first + 10), to: second)
            }
        }
        let names = try world.segments()
        #expect(names.map { String($0.prefix(4)) } == ["p000", "p000", "p001", "p001"])
        // The first frame is the second block; blocks of another file over it.
        let (from, to) = ofPartition ? (names[0], names[2]) : (names[3], names[2])
        let frame = try #require(world.files.content(world.path(from)))[4_096..<8_192]
        world.files.rot(world.path(to), at: 4_096, Array(frame))
        try await world.run { journal in
            let read = try await journal.readAll(second)
            #expect(read.ids == (15..<20).map { UInt64($0) })
            #expect(read.losses == [JournalLoss(from: .zero, to: Offset(5))])
            #expect(try await journal.readAll().ids == Array(0..<5) + Array(10..<15))
        }
        #expect(try world.inspector().check().map(\.framesBad) == [0, 0, 1, 0])
    }

    @Test("the next offset lies past what state names, and the gap is reported")
    func minimumNextOffset() async throws {
        let world = JournalWorld()
        try await world.run { _ = try await $0.append(TestRecord.batch(0..<10), to: .first) }
        try await world.run(minimumNextOffset: [.first: Offset(25)]) { journal in
            #expect(journal.recovery[0].losses == [JournalLoss(from: Offset(10), to: Offset(25))])
            #expect(journal.end(of: .first) == Offset(25))
            let result = try await journal.append(TestRecord.batch([99]), to: .first)
            #expect(result.firstOffset == Offset(25))
            let read = try await journal.readAll()
            #expect(read.losses == [JournalLoss(from: Offset(10), to: Offset(25))])
            #expect(read.records.last?.offset == Offset(25))
        }
        let journal = try await world.open(minimumNextOffset: [.first: Offset(25)])
        #expect(journal.end(of: .first) == Offset(26))
    }

    @Test("another number of partitions is refused with both numbers")
    func partitionCount() async throws {
        let world = JournalWorld(partitions: 3)
        let journal = try await world.open()
        var settings = world.settings
        settings.partitions = 4
        let error = await #expect(throws: JournalError.self) {
            try await SegmentedJournal.open(
                settings,
                schemas: JournalWorld.schemas,
                identify: { _ in { _, _ in .none } },
                platform: world.platform,
                metrics: MetricRegistry(),
                failStop: { _ in },
                onLoss: { _ in }
            )
        }
        #expect(error?.code == .settingsDiffer)
        #expect(error?.message.contains("3 partitions") == true && error?.message.contains("with 4") == true)
        let again = try await world.open()
        #expect(again.id == journal.id && again.secret == journal.secret && again.partitions == 3)
    }

    @Test("segments without journal.meta, and a broken one, are refused")
    func missingMeta() async throws {
        let world = JournalWorld()
        try await world.run { _ = try await $0.append(TestRecord.batch([1]), to: .first) }
        world.files.rot(world.path("journal.meta"), at: 30, [0xEE, 0xEE])
        let broken = await #expect(throws: JournalError.self) { try await world.open() }
        #expect(broken?.code == .metaBroken)
        try world.files.remove(world.path("journal.meta"))
        let missing = await #expect(throws: JournalError.self) { try await world.open() }
        #expect(missing?.code == .metaBroken)
    }

    @Test("a full disk holds appends up and admits nothing; with room again they are written")
    func fullDisk() async throws {
        let world = JournalWorld()
        try await world.run { journal in
            _ = try await journal.append(TestRecord.batch([0]), to: .first)
            while journal.bytesOnDisk < 128 << 10 { await Task.yield() }
            // Room for the segment that is written and the spare; not for another.
            world.files.setCapacity(160 << 10)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for first in stride(from: UInt64(100), to: 2_100, by: 20) {
                        _ = try await journal.append(TestRecord.batch(first..<first + 20), to: .first)
                    }
                }
                while journal.refusal(of: 1) != .full || world.clock.sleeperCount == 0 { await Task.yield() }
                #expect(world.stops.withLock { $0.isEmpty })
                world.files.setCapacity(nil)
                while journal.refusal(of: 1) != nil {
                    world.clock.advance(by: .seconds(1))
                    await Task.yield()
                }
                try await group.waitForAll()
            }
            #expect(try await journal.readAll().ids == [0] + (100..<2_100).map { UInt64($0) })
        }
    }

    @Test("a journal that stops while its disk is full answers its senders that nothing was written")
    func stopWhileFull() async throws {
        let world = JournalWorld()
        let journal = try await world.open()
        world.files.setCapacity(8 << 10)
        let running = Task { await Self.error { try await journal.run() } }
        async let refused = Self.error { _ = try await journal.append(TestRecord.batch([1]), to: .first) }
        while world.clock.sleeperCount == 0 || journal.refusal(of: 1) != .full { await Task.yield() }
        running.cancel()
        // A batch that the writer had not taken yet is turned away; then the journal has nothing to complain of.
        let code = await refused?.code
        #expect(code == .noSpace || code == .closed)
        #expect(await running.value?.code == (code == .noSpace ? .noSpace : nil))
        #expect(world.stops.withLock { $0.isEmpty })
    }

    private static func error(of work: () async throws -> Void) async -> JournalError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? JournalError
        }
    }

    @Test("half-made files of an earlier process are removed")
    func leftovers() async throws {
        let world = JournalWorld()
        try await world.run { _ = try await $0.append(TestRecord.batch([1]), to: .first) }
        for name in ["p000-9.spare", "p000-s0000000000000001.segment.recovering", "journal.meta.tmp"] {
            _ = try world.files.open(world.path(name), .create)
        }
        _ = try await world.open()
        #expect(try world.files.list(JournalWorld.folder) == ["journal.meta", "p000-s0000000000000001.segment"])
    }
}
