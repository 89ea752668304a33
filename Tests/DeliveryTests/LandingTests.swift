import Avro
import Glossary
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("Landing")
struct LandingTests {
    let world: DeliveryWorld
    let staging = "/staging/0123456789abcdef01234567"

    init() throws {
        world = try DeliveryWorld()
    }

    @discardableResult
    private func write(_ types: [String], _ prefix: String) -> [String] {
        let ids = types.indices.map { "\(prefix)\($0)" }
        world.journal.write(zip(types, ids).map { Records.record($0, id: $1) }, at: world.now)
        return ids
    }

    /// A process that plans everything and lands nothing.
    private func planOnly(_ settings: ConnectorSettings = DeliveryWorld.settings()) async throws {
        world.store.setOutage(.unreachable)
        try await world.process(settings) { connector in
            await #expect(throws: DeliveryError.self) { try await connector.flush(timeout: .seconds(1)) }
            try await world.until("planning") {
                connector.status().total.planned > 0 && connector.status().total.staged == 0
            }
        }
        world.store.setOutage(nil)
    }

    @Test("goes on after an outage, and says meanwhile since when and why")
    func outage() async throws {
        let ids = write([Records.open], "a")
        world.store.setOutage(.unreachable)
        let status = try await world.process { connector in
            let error = await #expect(throws: DeliveryError.self) {
                try await connector.flush(timeout: .seconds(3))
            }
            #expect(error?.code == .timeout)
            #expect(error?.pending == PendingCounts(stagedRecords: 0, plannedRecords: 1, plannedFiles: 1))
            let status = connector.status()
            #expect(status.condition == .retrying)
            #expect(status.reason == "connection refused")
            #expect(status.since != nil)
            status.expectBalanced()
            world.store.setOutage(nil)
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        #expect(status.condition == .running)
        #expect(status.openPlans == 0)
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("an hour's outage, with events all the while and a restart in the middle, loses and doubles nothing")
    func longOutage() async throws {
        world.store.setOutage(.unreachable)
        var ids: [String] = []
        for half in 0..<2 {
            let written = (0..<30).map { minute in (0..<3).map { "\(half)-\(minute)-\($0)" } }
            ids += written.flatMap(\.self)
            let world = world
            let puts = world.store.puts
            try await world.process { connector in
                for batch in written {
                    world.journal.write(batch.map { Records.record(Records.open, id: $0) }, at: world.now)
                    for _ in 0..<12 {
                        world.clock.advance(by: .seconds(5))
                        try await SystemClock().sleep(for: .milliseconds(2))
                    }
                }
                try await world.until("planning") {
                    let counts = connector.status().total
                    return counts.planned + counts.staged == (half + 1) * 90 && counts.planned > 0
                }
                let status = connector.status()
                #expect(status.condition == .retrying)
                #expect(status.reason == "connection refused")
                #expect(try #require(status.oldestPendingAge) >= .seconds((half + 1) * 29 * 60))
                status.expectBalanced()
            }
            // Twice a second at least would be hammering; the cap of these settings is two seconds.
            #expect(world.store.puts - puts < 30 * 60 * 2)
            #expect(world.objects.isEmpty)
        }
        world.store.setOutage(nil)
        try await world.process { connector in _ = try await connector.flush(timeout: .seconds(600)) }
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("a refused credential waits for a change, and lands once it has come")
    func denied() async throws {
        let ids = write([Records.open], "a")
        world.store.setOutage(.denied)
        try await world.process { connector in
            await #expect(throws: DeliveryError.self) { try await connector.flush(timeout: .seconds(1)) }
            #expect(connector.status().condition == .waitingForChange)
            world.store.setOutage(nil)
            try await connector.resume()
            _ = try await connector.flush(timeout: .seconds(600))
        }
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("an answer that was lost after the store kept the object does not double it")
    func lostAnswer() async throws {
        let ids = write([Records.open, Records.click], "a")
        world.store.fail([.lostAfter(.unreachable), .lostBefore(.unreachable), .lostAfter(.unreachable)])
        let status = try await world.process { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        try Landed(world.objects).expectExactly(ids)
        status.expectBalanced()
        #expect(status.total.landed == 2)
    }

    @Test("a foreign object under the key is a conflict: shown, not overwritten, and the rest goes on")
    func conflict() async throws {
        write([Records.open], "a")
        try await planOnly()
        let state = try await world.openState()
        let plan = try #require(
            try await state.openPlans(
                connector: DeliveryWorld.settings().id,
                partition: nil,
                after: PlanID(rawValue: 0),
                limit: 9
            ).first
        )
        try await state.close()
        let key = plan.objects[0].key
        world.store.put([1, 2, 3], key: key)
        let more = write([Records.click], "b")
        let status = try await world.process { connector in
            let error = await #expect(throws: DeliveryError.self) {
                try await connector.flush(timeout: .seconds(2))
            }
            #expect(error?.pending?.plannedFiles == 1)
            #expect(connector.status().condition == .conflict)
            #expect(connector.status().total.landed == 1)
            #expect(world.objects[key] == [1, 2, 3])
            world.store.remove(key)
            try await connector.resume()
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        try Landed(world.objects).expectExactly(["a0"] + more)
    }

    @Test("a staged file that is lost, or has rotted, is made again from the journal", arguments: [false, true])
    func lostStaged(rotten: Bool) async throws {
        let ids = write(Array(repeating: Records.open, count: 50), "a")
        try await planOnly()
        let name = try #require(try world.files.list(staging).first)
        if rotten {
            world.files.rot("\(staging)/\(name)", at: 3_000, [0xFF, 0xFE, 0xFD])
        } else {
            try world.files.remove("\(staging)/\(name)")
        }
        let settings = DeliveryWorld.settings(codec: .deflate(level: 1))
        let status = try await world.process(settings) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.total.landed == 50)
        try Landed(world.objects).expectExactly(ids)
        #expect(try world.files.list(staging).isEmpty)
    }

    @Test("what had landed before a crash is recognised by its plan when settings now make other bytes")
    func recognised() async throws {
        let ids = write([Records.open, Records.open], "a")
        // The store keeps the object, the answer is lost, and the process ends.
        world.store.fail(Array(repeating: .lostAfter(.unreachable), count: 1))
        let crash = CrashPoint(at: nil)
        let state = try await world.openState()
        let connector = try Connector(
            DeliveryWorld.settings(),
            to: .objects(world.store),
            in: try await world.environment(state, crash: crash)
        )
        try await connector.prepare()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await connector.run() }
            group.addTask { _ = try? await connector.flush(timeout: .seconds(600)) }
            try? await world.until("the put") { !world.objects.isEmpty }
            crash.die()
            group.cancelAll()
        }
        try await state.close()
        let before = world.objects
        for name in try world.files.list(staging) { try world.files.remove("\(staging)/\(name)") }
        let status = try await world.process(DeliveryWorld.settings(codec: .zstandard(level: 3))) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.total.landed == 2)
        #expect(world.objects == before)
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("a plan keeps its edition when it is made again after the connector's has changed")
    func keepsEdition() async throws {
        let ids = write([Records.open], "a")
        try await planOnly()
        for name in try world.files.list(staging) { try world.files.remove("\(staging)/\(name)") }
        try await world.process(DeliveryWorld.settings(edition: "v10")) {
            _ = try await $0.flush(timeout: .seconds(600))
        }
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        #expect(landed.files[0].key.contains("version=2021"))
        guard case .record(let entries) = landed.files[0].records[0] else { return }
        #expect(entries.map(\.name) == Records.type(Records.open).fields.map(\.name))
    }

    @Test("records that rot under a plan whose file is lost count as lost, and the rest lands")
    func rotUnderPlan() async throws {
        write([Records.open], "a")
        write([Records.open], "b")
        write([Records.open], "c")
        try await planOnly()
        for name in try world.files.list(staging) { try world.files.remove("\(staging)/\(name)") }
        world.journal.rot(at: Offset(1), keepingHeader: false)
        let status = try await world.process { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.total.landed == 2)
        #expect(status.total.lost == 1)
        try Landed(world.objects).expectExactly(["a0", "c0"])
    }

    @Test("another location is refused while plans are open, unless they are forgotten and count as lost")
    func otherLocation() async throws {
        write([Records.open], "a")
        try await planOnly()
        let elsewhere = FakeStore(location: "fake:elsewhere")
        let error = await #expect(throws: DeliveryError.self) {
            try await world.process(to: .objects(elsewhere)) { _ in }
        }
        #expect(error?.code == .plansOpen)
        let more = write([Records.open], "b")
        let status = try await world.process(to: .objects(elsewhere), forgettingPlans: true) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.total.lost == 1)
        try Landed(elsewhere.objects).expectExactly(more)
    }
}
