import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("Connectors that the configuration does not have any more")
struct RetiredTests {
    let world: DeliveryWorld
    private let roll = RollSettings(every: .seconds(60), events: 4)

    init() throws {
        world = try DeliveryWorld()
    }

    /// Files that are finished and cannot land, of a connector that is then renamed.
    private func leaveFiles(_ ids: [String]) async throws -> (state: StateStore, delivery: Delivery) {
        world.journal.write(ids.map { Records.record(Records.open, id: $0) }, at: world.now)
        world.store.setOutage(.unreachable)
        try await world.process(DeliveryWorld.settings(roll: roll)) { connector in
            try await world.until("planning") { connector.status().total.planned == ids.count }
        }
        var renamed = DeliveryWorld.settings(roll: roll, start: .now)
        renamed.name = "renamed"
        renamed.id = "fedcba9876543210fedcba98"
        let state = try await world.openState()
        let delivery = Delivery(try await world.environment(state))
        try await delivery.start([(settings: renamed, destination: .objects(world.store))])
        return (state, delivery)
    }

    @Test("what a renamed connector left is named, and lands when it comes back")
    func namedAndBack() async throws {
        let ids = (0..<8).map { "a\($0)" }
        let (state, delivery) = try await leaveFiles(ids)
        let retired = try await delivery.retired()
        let left = try #require(retired.first)
        #expect(retired.count == 1)
        #expect(left.name == "test")
        #expect(left.hasLeftSomething)
        #expect(left.pending == 8)
        #expect(left.planned.plans == 2)
        #expect(delivery.lagOffsets(of: left) == 0)
        try await state.close()
        world.store.setOutage(nil)
        let status = try await world.process(DeliveryWorld.settings(roll: roll)) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("what a renamed connector left can be forgotten, and nothing of it stays")
    func forgotten() async throws {
        let (state, delivery) = try await leaveFiles((0..<8).map { "a\($0)" })
        let staged = "/staging/\(DeliveryWorld.settings().id)"
        #expect(try world.files.list(staged).count == 2)
        let unknown = try await delivery.removeRetired(named: "renamed")
        #expect(unknown == nil)
        let totals = try #require(try await delivery.removeRetired(named: "test"))
        #expect(totals.plans == 2)
        #expect(totals.records == 8)
        #expect(try await delivery.retired().isEmpty)
        #expect(try world.files.list(staged).isEmpty)
        try await state.close()
    }
}
