import Glossary
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("A replay whose connector changes")
struct ReplayChangeTests {
    let world: DeliveryWorld
    let ids: [String]

    init() throws {
        world = try DeliveryWorld()
        ids = (0..<10).map { "c\($0)" }
        for id in ids { world.journal.write([Records.record(Records.click, id: id)], at: DeliveryWorld.start) }
    }

    private static func connector(
        _ destination: FakeStore,
        events: [String] = ["users.*"],
        name: String = "test",
        prefix: String = ""
    ) -> (settings: ConnectorSettings, destination: Destination) {
        var settings = DeliveryWorld.settings(events: events)
        settings.name = name
        settings.key.prefix = prefix
        return (settings, .objects(destination))
    }

    private static func start(_ replays: Replays) async throws {
        _ = try await replays.start(
            id: "r",
            connector: "test",
            from: DeliveryWorld.start,
            to: DeliveryWorld.start + .seconds(1),
            events: [Records.click]
        )
    }

    /// A process that ends while the replay has finished a file that does not land.
    private func leaveUnlanded() async throws {
        world.store.setOutage(.unreachable)
        let world = world
        try await world.replaying([Self.connector(world.store)]) { _, replays in
            try await Self.start(replays)
            try await world.until("trouble") { try await replays.status(of: "r").trouble == "connection refused" }
        }
        world.store.setOutage(nil)
    }

    private func expectFailed(_ replays: Replays, _ words: String) async throws {
        let status = try await replays.status(of: "r")
        #expect(status.replay.state == .failed)
        #expect(status.trouble?.contains(words) == true, "\(status.trouble ?? "no trouble")")
    }

    enum Change: CaseIterable {
        case events
        case place
        case name
    }

    @Test("is failed when it cannot go on, stops nothing else, and can be cancelled", arguments: Change.allCases)
    func fails(_ change: Change) async throws {
        try await leaveUnlanded()
        let world = world
        let other = FakeStore(location: "fake:other")
        let (changed, words) =
            switch change {
            case .events: (Self.connector(world.store, events: [Records.open]), "none of the connector's event types")
            case .place: (Self.connector(other), "finished files for another place")
            case .name: (Self.connector(world.store, name: "renamed"), "connector test is not there")
            }
        // The live connector has landed nothing either: only the replay is looked at.
        try await world.forgetting([changed]) { _, replays in
            try await expectFailed(replays, words)
            #expect(replays.failed.map(\.id) == ["r"])
            let cancelled = try await replays.cancel("r")
            #expect(cancelled.replay.state == .cancelled)
            #expect(cancelled.replay.counts.carried == ids.count)
            #expect(replays.failed.isEmpty)
            await #expect(throws: ReplayRefusal.self) { _ = try await replays.cancel("r") }
            #expect(try world.files.list("/staging/replay-r").isEmpty)
        }
        #expect(world.objects.keys.allSatisfy { !$0.hasPrefix(".replay/") })
    }

    @Test("goes on once its connector is as it was", arguments: Change.allCases)
    func goesOn(_ change: Change) async throws {
        try await leaveUnlanded()
        let world = world
        let events = change == .events ? [Records.open] : ["users.*"]
        let store = change == .place ? FakeStore(location: "fake:other") : world.store
        let changed = Self.connector(store, events: events, name: change == .name ? "renamed" : "test")
        try await world.forgetting([changed]) { _, replays async throws in
            #expect(try await replays.status(of: "r").replay.state == .failed)
        }
        try await world.forgetting([Self.connector(world.store)]) { _, replays in
            try await world.until("end") { try await replays.status(of: "r").replay.state == .finished }
        }
        try Landed(world.objects.filter { $0.key.hasPrefix(".replay/r/") }).expectExactly(ids)
    }

    @Test("gets the destination of a reload, as with new credentials, and lands each record once")
    func newCredentials() async throws {
        let (refused, taken) = (FakeStore(), FakeStore())
        refused.setOutage(.denied)
        let world = world
        try await world.replaying([Self.connector(refused)]) { delivery, replays in
            try await Self.start(replays)
            try await world.until("trouble") { try await replays.status(of: "r").trouble == "access denied" }
            let changes = try await delivery.reload(
                [Self.connector(taken)],
                renewed: ["test"],
                within: .seconds(10)
            )
            #expect(changes.started == ["test"])
            try await replays.resume(within: .seconds(10))
            try await world.until("end") { try await replays.status(of: "r").replay.state == .finished }
            let status = try await replays.status(of: "r")
            #expect(status.replay.counts.landed == ids.count)
        }
        try Landed(taken.objects.filter { $0.key.hasPrefix(".replay/r/") }).expectExactly(ids)
    }

    @Test("is left alone by a reload that keeps its connector")
    func kept() async throws {
        world.store.setOutage(.unreachable)
        let world = world
        try await world.replaying([Self.connector(world.store)]) { delivery, replays in
            try await Self.start(replays)
            let reader = try #require(delivery.readers.first { $0.settings.name == "test/replay/r" })
            _ = try await delivery.reload([Self.connector(world.store)], within: .seconds(10))
            try await replays.resume(within: .seconds(10))
            #expect(delivery.readers.contains { $0 === reader })
        }
    }

    @Test("in conflict goes on when its connector is resumed after the object was moved away")
    func conflict() async throws {
        let world = world
        let connector = Self.connector(world.store, prefix: "lake")
        let key = try await world.replaying([connector]) { _, replays in
            try await Self.start(replays)
            try await world.until("end") { try await replays.status(of: "r").replay.state == .finished }
            return try #require(world.objects.keys.first { $0.hasPrefix("lake.replay/r/") })
        }
        let taken = key.replacing("lake.replay/r/", with: "lake.replay/again/")
        world.store.put([1, 2, 3], key: taken)
        try await world.replaying([connector]) { delivery, replays in
            let (from, to) = (DeliveryWorld.start, DeliveryWorld.start + .seconds(1))
            _ = try await replays.start(id: "again", connector: "test", from: from, to: to, events: [])
            try await world.until("conflict") {
                try await replays.status(of: "again").trouble?.contains("is not this plan's") == true
            }
            world.store.remove(taken)
            try await replays.resume(connector: "test")
            try await world.until("end") { try await replays.status(of: "again").replay.state == .finished }
        }
        try Landed(world.objects.filter { $0.key.hasPrefix("lake.replay/again/") }).expectExactly(ids)
    }
}

extension DeliveryWorld {
    /// A process like ``replaying(_:crash:_:)`` whose live connector has forgotten the files that it had finished.
    fileprivate func forgetting<T: Sendable>(
        _ wanted: [(settings: ConnectorSettings, destination: Destination)],
        _ body: @escaping @Sendable (Delivery, Replays) async throws -> T
    ) async throws -> T {
        let state = try await openState()
        let owner = try await state.takeOver()
        for (settings, _) in wanted { _ = try await state.forgetPlans(connector: settings.id, owner: owner) }
        try await state.close()
        return try await replaying(wanted, body)
    }
}
