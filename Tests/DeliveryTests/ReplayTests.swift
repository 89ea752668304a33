import Glossary
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("Replays")
struct ReplayTests {
    let world: DeliveryWorld

    init() throws {
        world = try DeliveryWorld()
    }

    private func process<T: Sendable>(
        _ world: DeliveryWorld? = nil,
        crash: CrashPoint? = nil,
        settings: ConnectorSettings = DeliveryWorld.settings(),
        _ body: @escaping @Sendable (Delivery, Replays) async throws -> T
    ) async throws -> T {
        let world = world ?? self.world
        return try await world.replaying([(settings, .objects(world.store))], crash: crash, body)
    }

    /// Ten records a minute for ten minutes; returns the ids by minute.
    private func write(_ world: DeliveryWorld? = nil, partitions: Int = 1) -> [[String]] {
        let world = world ?? self.world
        return (0..<10).map { minute in
            let ids = (0..<10).map { "\(minute)-\($0)" }
            for partition in 0..<partitions {
                let own = ids.enumerated().filter { $0.offset % partitions == partition }.map(\.element)
                let records = own.enumerated().map { place, id in
                    Records.record(place % 3 == 0 ? Records.click : Records.open, id: id)
                }
                world.journal.write(records, at: DeliveryWorld.start + .seconds(minute * 60), partition: partition)
            }
            return ids
        }
    }

    private func until(_ replays: Replays, _ id: String, is state: Replay.State) async throws -> ReplayStatus {
        try await world.until("\(id) \(state)") { try await replays.status(of: id).replay.state == state }
        return try await replays.status(of: id)
    }

    private func start(_ id: String, _ minutes: Range<Int>, _ replays: Replays) async throws -> ReplayStatus {
        let (from, to) = (Self.minute(minutes.lowerBound), Self.minute(minutes.upperBound))
        return try await replays.start(id: id, connector: "test", from: from, to: to, events: [])
    }

    private static func minute(_ number: Int) -> Timestamp { DeliveryWorld.start + .seconds(number * 60) }

    @Test("lands a range again, from inclusive and to exclusive, beside live delivery", arguments: [1, 3])
    func range(partitions: Int) async throws {
        let world = try DeliveryWorld(partitions: partitions)
        let written = write(world, partitions: partitions)
        var settings = DeliveryWorld.settings()
        settings.key.prefix = "events"
        let status = try await process(world, settings: settings) { delivery, replays in
            let connector = try #require(delivery.connector(named: "test"))
            _ = try await connector.flush(timeout: .seconds(600))
            _ = try await start("r1", 3..<6, replays)
            let status = try await until(replays, "r1", is: .finished)
            #expect(delivery.connectors.count == 1)
            return status
        }
        #expect(status.replay.counts.landed == 30)
        #expect(status.offsetsDone == status.offsets)
        let landed = world.objects.filter { $0.key.hasPrefix("events.replay/r1/") }
        try Landed(landed).expectExactly(written[3..<6].flatMap(\.self))
        try Landed(world.objects.filter { $0.key.hasPrefix("events/") }).expectExactly(written.flatMap(\.self))
        #expect(landed.keys.allSatisfy { $0.contains("integration.0123456789abcdef01234567/") })
    }

    @Test("takes only the events asked for, of those that the connector carries")
    func events() async throws {
        let written = write()
        let clicks = written.flatMap(\.self).filter { Int($0.suffix(1)).map { $0 % 3 == 0 } ?? false }
        try await process { _, replays in
            _ = try await replays.start(
                id: "c",
                connector: "test",
                from: Self.minute(0),
                to: Self.minute(10),
                events: ["users.messages.*.Click"]
            )
            _ = try await until(replays, "c", is: .finished)
            await #expect(throws: ReplayRefusal.self) {
                _ = try await replays.start(
                    id: "d",
                    connector: "test",
                    from: Self.minute(0),
                    to: Self.minute(10),
                    events: ["users.canvas.Nothing"]
                )
            }
        }
        try Landed(world.objects.filter { $0.key.hasPrefix(".replay/c/") }).expectExactly(clicks)
    }

    @Test("asked again by its id begins nothing new, and an id is not taken twice")
    func again() async throws {
        _ = write()
        try await process { _, replays in
            for _ in 0..<3 {
                _ = try await start("r", 0..<1, replays)
            }
            _ = try await until(replays, "r", is: .finished)
            let again = try await start("r", 0..<1, replays)
            #expect(again.replay.state == .finished)
            await #expect(throws: ReplayRefusal.self) {
                _ = try await start("r", 0..<2, replays)
            }
            #expect(try await replays.list().count == 1)
        }
        try Landed(world.objects.filter { $0.key.hasPrefix(".replay/") }).expectExactly((0..<10).map { "0-\($0)" })
    }

    @Test("of a replay that has ended no refused record is left in state")
    func refusals() async throws {
        _ = write()
        let stream = FakeStream()
        stream.setPoison(["0-1"], refusesWhole: false)
        let settings = DeliveryWorld.settings()
        let counts = try await world.replaying([(settings, .stream(stream))]) { _, replays in
            _ = try await start("r", 0..<1, replays)
            return try await until(replays, "r", is: .finished).replay.counts
        }
        #expect(counts.setAside == 1)
        let state = try await world.openState()
        let left = try await state.refused(
            connector: Replay.stateID(of: "r"),
            partition: PartitionID(0),
            from: .zero,
            limit: 10
        )
        #expect(left.isEmpty)
        try await state.close()
    }

    @Test("what is not there is said: a connector, a replay, a time before the journal")
    func nothing() async throws {
        _ = write()
        try await process { _, replays in
            let empty = await #expect(throws: ReplayRefusal.self) {
                _ = try await replays.start(
                    id: nil,
                    connector: "test",
                    from: Timestamp(seconds: 0),
                    to: Timestamp(seconds: 60),
                    events: []
                )
            }
            guard case .nothingThere(let oldest)? = empty else {
                Issue.record("\(String(describing: empty))")
                return
            }
            #expect(oldest == Self.minute(0))
            await #expect(throws: ReplayRefusal.self) {
                let (from, to) = (Self.minute(0), Self.minute(1))
                _ = try await replays.start(id: nil, connector: "x", from: from, to: to, events: [])
            }
            await #expect(throws: ReplayRefusal.self) { _ = try await replays.status(of: "x") }
        }
    }

    @Test("a cancelled one ends, holds the journal no longer, and leaves what has landed")
    func cancelled() async throws {
        _ = write()
        world.store.setOutage(.unreachable)
        let world = world
        try await process { delivery, replays in
            _ = try await start("r", 2..<9, replays)
            try await world.until("trouble") { try await replays.status(of: "r").trouble == "connection refused" }
            #expect(try await delivery.neededFrom(PartitionID(0)) == Offset(0))
            #expect(delivery.readers.count == 2)
            #expect(try await replays.cancel("r").replay.state == .cancelled)
            #expect(delivery.readers.count == 1)
            await #expect(throws: ReplayRefusal.self) { _ = try await replays.cancel("r") }
            #expect(try world.files.list("/staging/replay-r").isEmpty)
        }
    }

    @Test("only so many run at one time, and one that ends makes room for another")
    func tooMany() async throws {
        _ = write()
        world.store.setOutage(.unreachable)
        try await process { _, replays in
            for number in 0..<Replays.runningMax { _ = try await start("r\(number)", 0..<9, replays) }
            let refusal = await #expect(throws: ReplayRefusal.self) { _ = try await start("more", 0..<9, replays) }
            guard case .tooMany(Replays.runningMax)? = refusal else {
                Issue.record("\(String(describing: refusal))")
                return
            }
            // Asking again for one that is there begins nothing, and is no matter of number.
            #expect(try await start("r0", 0..<9, replays).replay.state == .running)
            _ = try await replays.cancel("r0")
            _ = try await start("more", 0..<9, replays)
        }
    }

    @Test("over crashes at any step it lands each record of its range exactly once", arguments: 1..<24)
    func crashes(step: Int) async throws {
        let written = write()
        var steps = step
        for _ in 0..<12 {
            let crash = CrashPoint(at: steps)
            world.replaceStore(world.store.restarted(crash: crash))
            let isDone = try? await process(crash: crash) { _, replays in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        _ = try await start("r", 1..<8, replays)
                        _ = try await self.until(replays, "r", is: .finished)
                        return true
                    }
                    group.addTask {
                        await crash.waitUntilDown()
                        return false
                    }
                    let first = try await group.next()
                    group.cancelAll()
                    return first ?? false
                }
            }
            if isDone == true { break }
            steps += 7
        }
        world.replaceStore(world.store.restarted(crash: nil))
        let status = try await process { _, replays in try await until(replays, "r", is: .finished) }
        #expect(status.replay.counts.landed == 70)
        let landed = world.objects.filter { $0.key.hasPrefix(".replay/r/") }
        try Landed(landed).expectExactly(written[1..<8].flatMap(\.self))
    }

    @Test("frames of another time within the range, after a step of the clock, are passed over")
    func clockSteps() async throws {
        for (id, minute) in [("a", 1), ("b", 5), ("c", 2)] {
            world.journal.write([Records.record(Records.open, id: id)], at: Self.minute(minute))
        }
        try await process { _, replays in
            _ = try await start("r", 1..<3, replays)
            _ = try await until(replays, "r", is: .finished)
        }
        try Landed(world.objects.filter { $0.key.hasPrefix(".replay/") }).expectExactly(["a", "c"])
    }
}
