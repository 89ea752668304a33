import Glossary
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("A connector to a stream that is told to stop")
struct StreamStopTests {
    /// What its destination does when the stop comes.
    enum Moment: CaseIterable {
        case duringCall
        case duringOutage
    }

    /// What the journal has behind a record that was not delivered.
    enum Behind: CaseIterable {
        case notCarried
        case lost
        case carried
    }

    private static let settings = DeliveryWorld.settings(events: [Records.open])

    /// One process: the connector runs while `body` does.
    private func process(
        _ world: DeliveryWorld,
        _ stream: FakeStream,
        _ body: @escaping @Sendable (Delivery, Connector) async throws -> Void
    ) async throws {
        let state = try await world.openState()
        let delivery = Delivery(try await world.environment(state))
        try await delivery.start([(Self.settings, .stream(stream))])
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
                try await body(delivery, try #require(delivery.connector(named: "test")))
                return true
            }
            for try await isDone in group where isDone { group.cancelAll() }
        }
        try await state.close()
    }

    /// In each partition one record that is carried, and what stands behind it.
    private func write(_ world: DeliveryWorld, _ behind: Behind) -> Set<String> {
        var ids: Set<String> = []
        for partition in 0..<world.journal.partitions {
            func frame(_ type: String, _ id: String) -> Offset {
                world.journal.write([Records.record(type, id: id)], at: world.now, partition: partition)
            }
            ids.insert("\(partition)-first")
            _ = frame(Records.open, "\(partition)-first")
            for number in 0..<3 {
                let isCarried = behind == .carried && number == 1
                let id = "\(partition)-\(number)"
                if isCarried { ids.insert(id) }
                let offset = frame(isCarried ? Records.open : Records.click, id)
                if behind == .lost { world.journal.rot(at: offset, partition: partition, keepingHeader: true) }
            }
        }
        return ids
    }

    @Test(
        "leaves to the next start what was not delivered, whatever the journal has behind it",
        arguments: Moment.allCases.flatMap { moment in Behind.allCases.map { (moment, $0) } },
        [1, 2]
    )
    func losesNothing(_ how: (moment: Moment, behind: Behind), partitions: Int) async throws {
        let world = try DeliveryWorld(partitions: partitions)
        let all = Set((0..<partitions).map { PartitionID($0) })
        let stream = FakeStream()
        switch how.moment {
        case .duringCall: stream.hold(all)
        case .duringOutage: for partition in all { stream.setOutage(.unreachable, partition) }
        }
        let ids = write(world, how.behind)
        try await process(world, stream) { delivery, connector in
            try await world.until("a call of each partition") { stream.calls == all }
            // Long enough for the cursor to be committed again.
            try await world.clock.sleep(for: PartitionWorker.commitEvery * 2)
            let isWhole = await delivery.stop(within: .seconds(10))
            #expect(isWhole == (how.moment == .duringOutage))
            connector.status().expectBalanced()
        }
        #expect(stream.ids.isEmpty)
        let next = FakeStream()
        try await process(world, next) { _, connector in
            _ = try await connector.flush(timeout: .seconds(600))
            let status = connector.status()
            status.expectBalanced()
            #expect(status.total.landed == ids.count)
        }
        #expect(Set(next.ids) == ids)
    }

    @Test("lets a partition's call come to its end while another partition cannot deliver")
    func waitsForOthers() async throws {
        let world = try DeliveryWorld(partitions: 2)
        let (broken, slow) = (PartitionID(0), PartitionID(1))
        let stream = FakeStream()
        stream.setOutage(.unreachable, broken)
        stream.hold([slow])
        let ids = write(world, .notCarried)
        try await process(world, stream) { delivery, _ in
            try await world.until("a call of each partition") { stream.calls == [broken, slow] }
            async let isWhole = delivery.stop(within: .seconds(60))
            try await world.clock.sleep(for: .seconds(5))
            stream.hold([])
            #expect(await isWhole)
        }
        #expect(stream.ids == ["1-first"])
        let next = FakeStream()
        try await process(world, next) { _, connector in _ = try await connector.flush(timeout: .seconds(600)) }
        #expect(next.ids == ["0-first"])
        #expect(Set(stream.ids + next.ids) == ids)
    }

    @Test("ends although its destination does not answer when it is prepared")
    func deafDestination() async throws {
        let world = try DeliveryWorld()
        let deaf = FakeStream(location: "fake:deaf")
        deaf.setDeaf(true)
        let ids = write(world, .carried)
        let stream = FakeStream()
        try await process(world, deaf) { delivery, _ in
            try await world.clock.sleep(for: .seconds(1))
            let changes = try await delivery.reload([(Self.settings, .stream(stream))], within: .seconds(10))
            #expect(changes.stopped == ["test"])
            let connector = try #require(delivery.connector(named: "test"))
            _ = try await connector.flush(timeout: .seconds(600))
        }
        #expect(Set(stream.ids) == ids)
    }

    @Test("a cursor passes no record that was begun and not settled")
    func cursor() async {
        var cursor = StreamCursor(scanned: .zero)
        cursor.begin(Offset(3))
        cursor.settle(upTo: Offset(4))
        cursor.pass(to: Offset(9))
        #expect(cursor.scanned == Offset(9))
        await #expect(processExitsWith: .failure) {
            var cursor = StreamCursor(scanned: .zero)
            cursor.begin(Offset(3))
            cursor.pass(to: Offset(9))
        }
    }
}
