import GRDB
import Glossary
import Journal
import Platform
import PlatformTesting
import Synchronization
import Telemetry
import Testing

@testable import Delivery

@Suite("All connectors together")
struct DeliveryTests {
    let world: DeliveryWorld

    init() throws {
        world = try DeliveryWorld()
    }

    private func settings(_ name: String, _ digit: Character) -> ConnectorSettings {
        var settings = DeliveryWorld.settings()
        settings.name = name
        settings.id = String(repeating: digit, count: 24)
        return settings
    }

    private func write(_ prefix: String) -> String {
        world.journal.write([Records.record(Records.open, id: prefix)], at: world.now)
        return prefix
    }

    /// Runs `body` while a delivery runs.
    private func running(_ body: @escaping @Sendable (Delivery) async throws -> Void) async throws {
        let state = try await world.openState()
        let delivery = Delivery(try await world.environment(state))
        let clock = world.clock
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await delivery.run()
                return false
            }
            group.addTask {
                await DeliveryWorld.letTimePass(clock)
                return false
            }
            group.addTask {
                try await body(delivery)
                return true
            }
            for try await isDone in group where isDone { group.cancelAll() }
        }
        try await state.close()
    }

    @Test("a dead destination holds up no other connector, and the journal is kept for it")
    func independent() async throws {
        let (alive, dead) = (FakeStore(location: "fake:alive"), FakeStore(location: "fake:dead"))
        dead.setOutage(.unreachable)
        let id = write("a")
        try await running { delivery in
            try await delivery.start([(settings("one", "1"), .objects(alive)), (settings("two", "2"), .objects(dead))])
            let one = try #require(delivery.connector(named: "one"))
            let two = try #require(delivery.connector(named: "two"))
            _ = try await one.flush(timeout: .seconds(600))
            try Landed(alive.objects).expectExactly([id])
            await #expect(throws: DeliveryError.self) { try await two.flush(timeout: .seconds(1)) }
            #expect(two.status().condition == .retrying)
            #expect(one.status().condition == .running)
            #expect(try await delivery.neededFrom(PartitionID(0)) == Offset(0))
            dead.setOutage(nil)
            _ = try await two.flush(timeout: .seconds(600))
            #expect(try await delivery.neededFrom(PartitionID(0)) == Offset(1))
            #expect(await delivery.stop(within: .seconds(10)))
        }
        try Landed(dead.objects).expectExactly([id])
    }

    @Test("a reload stops and starts only what changed")
    func reloads() async throws {
        let (first, second, third) = (
            FakeStore(location: "fake:1"), FakeStore(location: "fake:2"), FakeStore(location: "fake:3")
        )
        try await running { delivery in
            try await delivery.start([
                (settings("one", "1"), .objects(first)), (settings("two", "2"), .objects(second)),
            ])
            let one = try #require(delivery.connector(named: "one"))
            var changed = settings("two", "2")
            changed.edition = "v10"
            let changes = try await delivery.reload(
                [
                    (settings("one", "1"), .objects(first)), (changed, .objects(second)),
                    (settings("3", "3"), .objects(third)),
                ],
                within: .seconds(10)
            )
            #expect(changes == Delivery.Changes(started: ["two", "3"], stopped: ["two"], kept: ["one"]))
            #expect(delivery.connector(named: "one") === one)
            let id = write("a")
            for connector in delivery.connectors { _ = try await connector.flush(timeout: .seconds(600)) }
            for store in [first, second, third] { try Landed(store.objects).expectExactly([id]) }
            #expect(try #require(second.objects.keys.first).contains("version=v10"))
        }
    }

    @Test("a connector that does not stop in time is named, the others are exchanged, and it is once it has ended")
    func lateReload() async throws {
        let (hung, free) = (HungStore(), FakeStore(location: "fake:free"))
        let id = write("a")
        try await running { delivery async throws in
            try await delivery.start([(settings("one", "1"), .objects(hung)), (settings("two", "2"), .objects(free))])
            let one = try #require(delivery.connector(named: "one"))
            _ = await #expect(throws: DeliveryError.self) { try await one.flush(timeout: .seconds(1)) }
            var wanted: [(settings: ConnectorSettings, destination: Destination)] = []
            for (name, digit) in [("one", "1"), ("two", "2")] as [(String, Character)] {
                var changed = settings(name, digit)
                changed.roll = RollSettings(every: .seconds(7))
                wanted.append((changed, .objects(free)))
            }
            // The same place, reached in another way.
            wanted[0].destination = .objects(FakeStore(location: hung.location))
            let late = await #expect(throws: DeliveryError.self) {
                try await delivery.reload(wanted, within: .seconds(1))
            }
            #expect(late?.code == .timeout)
            #expect(late?.message.contains("connector one ") == true)
            #expect(delivery.connector(named: "two")?.settings.roll.every == .seconds(7))
            #expect(delivery.connector(named: "one") === one)
            hung.release()
            let changes = try await delivery.reload(wanted, within: .seconds(60))
            #expect(changes == Delivery.Changes(started: ["one"], stopped: ["one"], kept: ["two"]))
            for connector in delivery.connectors { _ = try await connector.flush(timeout: .seconds(600)) }
            #expect(delivery.status().map(\.total.landed) == [1, 1])
        }
        try Landed(free.objects).expectExactly([id])
    }

    @Test("a connector whose destination is reached in another way is exchanged though nothing else changed")
    func renews() async throws {
        let store = FakeStore(location: "fake:1")
        try await running { delivery async throws in
            let wanted = [(settings: settings("one", "1"), destination: Destination.objects(store))]
            try await delivery.start(wanted)
            #expect(try await delivery.reload(wanted, within: .seconds(10)).kept == ["one"])
            let changes = try await delivery.reload(wanted, renewed: ["one"], within: .seconds(10))
            #expect(changes == Delivery.Changes(started: ["one"], stopped: ["one"]))
        }
    }

    @Test("a move is refused before anything stops while files have not landed")
    func refusesMove() async throws {
        let (old, new) = (FakeStore(location: "fake:old"), FakeStore(location: "fake:new"))
        old.setOutage(.unreachable)
        let id = write("a")
        try await running { delivery in
            try await delivery.start([(settings("one", "1"), .objects(old))])
            let one = try #require(delivery.connector(named: "one"))
            await #expect(throws: DeliveryError.self) { try await one.flush(timeout: .seconds(1)) }
            let error = await #expect(throws: DeliveryError.self) {
                try await delivery.reload([(settings("one", "1"), .objects(new))], within: .seconds(10))
            }
            #expect(error?.code == .plansOpen)
            old.setOutage(nil)
            _ = try await one.flush(timeout: .seconds(600))
        }
        try Landed(old.objects).expectExactly([id])
    }

    @Test("two connectors of one name or id are refused, and one that carries nothing, and an unknown edition")
    func refuses() async throws {
        let state = try await world.openState()
        let delivery = Delivery(try await world.environment(state))
        let store = FakeStore()
        for other in [settings("one", "2"), settings("two", "1")] {
            await #expect(throws: DeliveryError.self) {
                try await delivery.start([(settings("one", "1"), .objects(store)), (other, .objects(store))])
            }
        }
        var nothing = settings("one", "1")
        nothing.filter.events = ["users.nothing.*"]
        var unknown = settings("one", "1")
        unknown.edition = "1999"
        for settings in [nothing, unknown] {
            await #expect(throws: DeliveryError.self) { try await delivery.start([(settings, .objects(store))]) }
        }
        try await state.close()
    }

    @Test("system types are carried only when named")
    func systemTypes() throws {
        let letters = JournalSchema(
            name: "courant.DeadLetter",
            edition: "1",
            json: #"{"type":"record","name":"DeadLetter","namespace":"courant","fields":[]}"#,
            fingerprint: 77
        )
        let book = try SchemaBook(glossary: .standard, system: [letters])
        for events in [[], ["*"], ["courant.*"]] {
            let types = try book.types(matching: .init(events: events), edition: "2021", kind: .s3)
            #expect(!types.contains { $0.name == "courant.DeadLetter" })
        }
        let only = try book.types(matching: .init(events: ["courant.DeadLetter"]), edition: "2021", kind: .s3)
        #expect(only.map(\.name) == ["courant.DeadLetter"])
        let both = try book.types(
            matching: .init(events: ["courant.DeadLetter", Records.open]),
            edition: "2021",
            kind: .s3
        )
        #expect(both.map(\.name) == [Records.open, "courant.DeadLetter"])
        #expect(try RouteTable(book: book, types: only, privacy: PrivacySettings()).find(77) == 0)
    }

    @Test("state belongs to one journal and to one owner")
    func state() async throws {
        let state = try await world.openState()
        let error = await #expect(throws: DeliveryError.self) {
            try await state.adopt(JournalID([UInt8](repeating: 9, count: 16)))
        }
        #expect(error?.code == .otherJournal)
        let row = ConnectorRow(id: "x", name: "x", location: "there")
        let first = try await state.takeOver()
        _ = try await state.register(row, owner: first)
        let second = try await state.takeOver()
        let refusal = await #expect(throws: DeliveryError.self) { try await state.register(row, owner: first) }
        #expect(refusal?.code == .ownerLost)
        _ = try await state.register(row, owner: second)
        #expect(try await state.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
        try await state.close()
    }
}

/// A store that takes an object and answers only once it is released, cancelled or not.
private final class HungStore: ObjectDestination {
    let location = "fake:hung"

    func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? { nil }

    func delete(_ key: String) async throws(DestinationError) {}

    private let gate = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func release() {
        let waiters = gate.withLock { gate in
            gate.isOpen = true
            return gate.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        await withCheckedContinuation { waiter in
            let isOpen = gate.withLock { gate in
                if !gate.isOpen { gate.waiters.append(waiter) }
                return gate.isOpen
            }
            if isOpen { waiter.resume() }
        }
        return .created
    }
}
