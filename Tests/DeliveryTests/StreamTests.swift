import Glossary
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("A connector to a stream")
struct StreamTests {
    let world: DeliveryWorld

    init() throws {
        world = try DeliveryWorld()
    }

    @discardableResult
    private func write(_ count: Int, _ prefix: String, edition: String = "2021") -> [String] {
        let ids = (0..<count).map { "\(prefix)\($0)" }
        world.journal.write(ids.map { Records.record(Records.open, id: $0, edition: edition) }, at: world.now)
        return ids
    }

    @Test("delivers in order, in batches within its limits, and commits after the acknowledgement")
    func delivers() async throws {
        let stream = FakeStream()
        let ids = write(10, "a") + write(3, "b", edition: "v10")
        stream.fail([.unreachable, .denied])
        let status = try await world.process(to: .stream(stream)) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        #expect(stream.ids == ids)
        #expect(stream.batches == [4, 4, 2, 3])
        status.expectBalanced()
        #expect(status.total.landed == 13)
        #expect(status.partitions[0].cursor == CursorSnapshot(scanned: Offset(13)))
        try await world.process(to: .stream(stream)) { _ = try await $0.flush(timeout: .seconds(600)) }
        #expect(stream.ids == ids)
    }

    @Test("sets a refused record aside with its bytes and goes on", arguments: [false, true])
    func setsAside(refusesWhole: Bool) async throws {
        let stream = FakeStream()
        stream.setPoison(["a2", "a7"], refusesWhole: refusesWhole)
        let ids = write(10, "a")
        let status = try await world.process(to: .stream(stream)) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        #expect(stream.ids == ids.filter { $0 != "a2" && $0 != "a7" })
        status.expectBalanced()
        #expect(status.total.setAside == 2)
        let state = try await world.openState()
        let refused = try await state.refusedOffsets(
            connector: DeliveryWorld.settings().id,
            partition: PartitionID(0),
            type: Records.open,
            in: .zero...Offset(99)
        )
        #expect(refused == [Offset(2), Offset(7)])
        try await state.close()
    }

    @Test("a record that was set aside is delivered again, alone, and its row goes with the acknowledgement")
    func takesUp() async throws {
        let stream = FakeStream()
        let ids = write(5, "a")
        stream.setPoison([ids[2]], refusesWhole: false)
        let settings = DeliveryWorld.settings()
        try await world.process(settings, to: .stream(stream)) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            let still = try await connector.deliverRefused(at: Offset(2), in: PartitionID(0))
            #expect(still == .refused("no"))
            stream.setPoison([], refusesWhole: false)
            #expect(try await connector.deliverRefused(at: Offset(2), in: PartitionID(0)) == .delivered)
            #expect(try await connector.deliverRefused(at: Offset(2), in: PartitionID(0)) == .unknown)
            let status = connector.status()
            status.expectBalanced("taken up")
            #expect(status.total.landed == 5)
        }
        #expect(stream.ids == [ids[0], ids[1], ids[3], ids[4], ids[2]])
    }

    @Test("shows itself well again once its destination is, with nothing to deliver")
    func recoversWithoutRecords() async throws {
        let stream = FakeStream()
        stream.setPreparing(.denied)
        try await world.process(to: .stream(stream)) { connector in
            try await world.until("trouble") { connector.status().condition == .waitingForChange }
            stream.setPreparing(.unreachable)
            try await world.until("another trouble") { connector.status().condition == .retrying }
            stream.setPreparing(nil)
            try await world.until("health") { connector.status().condition == .running }
        }
    }

    @Test("delivers each record at least once over crashes, and counts each once", arguments: 1..<16)
    func crashes(step: Int) async throws {
        let ids = write(5, "a") + write(9, "b")
        let crash = CrashPoint(at: step)
        let state = try await world.openState()
        let first = FakeStream(crash: crash)
        let connector = try Connector(
            DeliveryWorld.settings(),
            to: .stream(first),
            in: try await world.environment(state, crash: crash)
        )
        let clock = world.clock
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await connector.prepare()
                try? await connector.run()
            }
            group.addTask { await DeliveryWorld.letTimePass(clock) }
            group.addTask { await crash.waitUntilDown() }
            group.addTask { _ = try? await connector.flush(timeout: .seconds(600)) }
            await group.next()
            group.cancelAll()
        }
        crash.die()
        try await state.close()
        let second = FakeStream()
        let status = try await world.process(to: .stream(second)) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        #expect(Set(first.ids + second.ids) == Set(ids))
        status.expectBalanced()
        #expect(status.total.carried == ids.count)
        #expect(status.total.landed == ids.count)
    }
}
