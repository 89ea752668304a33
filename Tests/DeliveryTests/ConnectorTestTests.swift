import Avro
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("Testing a destination")
struct ConnectorTestTests {
    let world: DeliveryWorld
    private let records = [Records.open, Records.click].map { name in
        let record = Records.record(name, id: "made-up")
        return TestRecord(fingerprint: record.fingerprint, datum: record.datum)
    }

    init() throws {
        world = try DeliveryWorld()
    }

    private func test(
        _ settings: ConnectorSettings = DeliveryWorld.settings(),
        to destination: Destination? = nil,
        events: Bool = false,
        _ before: @escaping @Sendable (Connector) async throws -> Void = { _ in }
    ) async throws -> DestinationTest {
        let records = records
        return try await world.process(settings, to: destination) { connector in
            try await before(connector)
            return try await connector.test(records, events: events, timeout: .seconds(60))
        }
    }

    @Test("writes one file beside the connector's own, reads it back, and deletes it")
    func works() async throws {
        var settings = DeliveryWorld.settings()
        settings.key.prefix = "events"
        let test = try await test(settings)
        #expect(test.steps.map(\.name) == ["write", "read", "delete"])
        #expect(test.steps.allSatisfy { $0.outcome == .ok }, "\(test.steps)")
        #expect(test.steps[0].message.hasPrefix("events.test/dataexport.courant.S3.integration."))
        #expect(world.objects.isEmpty)
        #expect(try world.files.list("/staging/\(settings.id)").isEmpty)
    }

    @Test("what may not be deleted stays, and is no failure")
    func kept() async throws {
        world.store.keepAll()
        let test = try await test()
        #expect(test.isOK)
        #expect(test.steps.last?.outcome == .notNeeded)
        #expect(test.steps.last?.message.contains(try #require(world.objects.keys.first)) == true)
        #expect(test.steps.last?.message.contains("access denied") == true)
    }

    @Test("a refusal is told in the destination's words, and is the last step")
    func refused() async throws {
        world.store.setOutage(.denied)
        let test = try await test()
        #expect(test.steps == [.init(name: "write", outcome: .failed, message: "access denied")])
        #expect(!test.isOK)
    }

    @Test("a destination that does not answer is given up")
    func hangs() async throws {
        let records = records
        let hung = HangingStore(clock: world.clock)
        let test = try await world.process(to: .objects(hung)) { connector in
            try await connector.test(records, events: false, timeout: .seconds(5))
        }
        #expect(!test.isOK)
        #expect(test.steps.last?.message.contains("did not answer within 5.0 seconds") == true)
    }

    @Test("sends one event of each type, and leaves cursors and books alone, paused or not", arguments: [false, true])
    func events(isPaused: Bool) async throws {
        world.journal.write([Records.record(Records.open, id: "real")], at: world.now)
        try await world.process { connector in _ = try await connector.flush(timeout: .seconds(600)) }
        let real = world.objects
        let records = records
        try await world.process { connector in
            if isPaused { try await connector.pause() }
            let before = connector.status()
            let test = try await connector.test(records, events: true, timeout: .seconds(60))
            #expect(test.steps.map(\.name) == [Records.open, Records.click])
            let after = connector.status()
            #expect(after.balances == before.balances)
            #expect(after.openPlans == 0)
            #expect(after.partitions.map(\.cursor) == before.partitions.map(\.cursor))
        }
        let made = world.objects.filter { real[$0.key] == nil }
        #expect(made.keys.allSatisfy { $0.hasPrefix(".test/") })
        let landed = try made.values.map { try #require(PlanTag.text(inHead: $0)) }
        #expect(landed.count == 2)
        for (key, bytes) in real { #expect(world.objects[key] == bytes) }
    }
}

/// Takes an object and never says what became of it.
private struct HangingStore: ObjectDestination {
    let clock: ManualClock
    let location = "fake:hanging"

    func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        try? await clock.sleep(for: .seconds(86_400))
        throw .cancelled
    }

    func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? { nil }

    func delete(_ key: String) async throws(DestinationError) {}
}
