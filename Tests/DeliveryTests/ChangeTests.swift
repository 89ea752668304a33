import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

@Suite("Changes of settings, retention, and what the journal loses")
struct ChangeTests {
    let world: DeliveryWorld

    init() throws {
        world = try DeliveryWorld()
    }

    @discardableResult
    private func write(_ types: [String], _ prefix: String) -> [String] {
        let ids = types.indices.map { "\(prefix)\($0)" }
        world.journal.write(zip(types, ids).map { Records.record($0, id: $1) }, at: world.now)
        return ids
    }

    /// A process that stages and commits its cursor, and plans nothing.
    private func stageOnly(_ settings: ConnectorSettings) async throws -> ConnectorStatus {
        try await world.process(settings) { connector in
            try await world.until("reading") { connector.status().lagOffsets == 0 }
            return connector.status()
        }
    }

    private let patient = RollSettings(every: .seconds(100_000))

    @Test("a newly carried type begins at scanned, not before")
    func newlyCarried() async throws {
        let opens = write([Records.open, Records.click], "old").prefix(1)
        _ = try await stageOnly(DeliveryWorld.settings(events: [Records.open], roll: patient))
        let more = write([Records.open, Records.click], "new")
        let settings = DeliveryWorld.settings(events: [Records.open, Records.click])
        let status = try await world.process(settings) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        try Landed(world.objects).expectExactly(opens + more)
    }

    @Test("a type that is carried no longer gives up its staged records and holds no journal")
    func dropped() async throws {
        let ids = write([Records.open, Records.click], "a")
        let before = try await stageOnly(DeliveryWorld.settings(roll: patient))
        before.expectBalanced()
        #expect(before.total.staged == 2)
        let settings = DeliveryWorld.settings(events: [Records.click], roll: patient)
        let status = try await world.process(settings) { connector in
            try await world.until("reading") { connector.status().total.staged == 1 }
            #expect(try await connector.neededFrom(PartitionID(0)) == Offset(1))
            _ = try await connector.flush(timeout: .seconds(600))
            #expect(try await connector.neededFrom(PartitionID(0)) == Offset(2))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.counts(Records.open) == TypeCounts())
        try Landed(world.objects).expectExactly(ids.suffix(1))
    }

    @Test("staging restarts at what is planned, not at what has landed")
    func restartsAtPlanned() async throws {
        let ids = write(Array(repeating: Records.open, count: 10), "a")
        world.store.setOutage(.unreachable)
        let settings = DeliveryWorld.settings(roll: RollSettings(every: .seconds(60), events: 4))
        for _ in 0..<3 {
            let status = try await world.process(settings) { connector in
                try await world.until("planning") { connector.status().total.planned >= 8 }
                return connector.status()
            }
            status.expectBalanced()
        }
        world.store.setOutage(nil)
        let status = try await world.process(settings) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.total.carried == 10)
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        #expect(landed.files.map(\.ids.count).sorted() == [2, 4, 4])
    }

    @Test("a type that never occurs holds nothing; a staged record holds the journal until it is planned and landed")
    func retention() async throws {
        write([Records.open], "a")
        for index in 0..<20 { write([Records.click, Records.click], "c\(index)-") }
        let settings = DeliveryWorld.settings(events: [Records.open, Records.send], roll: patient)
        try await world.process(settings) { connector in
            try await world.until("the cursor's commit") {
                world.clock.advance(by: .seconds(1))
                return try await connector.neededFrom(PartitionID(0)) == Offset(0)
                    && connector.status().partitions[0].cursor.scanned == Offset(41)
            }
            world.store.setOutage(.unreachable)
            await #expect(throws: DeliveryError.self) { try await connector.flush(timeout: .seconds(1)) }
            #expect(try await connector.neededFrom(PartitionID(0)) == Offset(0))
            world.store.setOutage(nil)
            _ = try await connector.flush(timeout: .seconds(600))
            #expect(try await connector.neededFrom(PartitionID(0)) == Offset(41))
        }
        let state = try await world.openState()
        #expect(try await state.minimumNextOffsets() == [PartitionID(0): Offset(41)])
        try await state.close()
    }

    @Test("rot counts as lost by type where the frame's head can be read, as a gap where it cannot")
    func rot() async throws {
        var ids = write([Records.open], "a")
        write([Records.open, Records.click, "users.messages.sms.Send"], "rot")
        write([Records.open], "gone")
        ids += write([Records.click], "b")
        world.journal.rot(at: Offset(1), keepingHeader: true)
        world.journal.rot(at: Offset(4), keepingHeader: false)
        let settings = DeliveryWorld.settings(events: [Records.open, Records.click])
        for _ in 0..<2 {
            let status = try await world.process(settings) { connector in
                _ = try await connector.flush(timeout: .seconds(600))
                return connector.status()
            }
            status.expectBalanced()
            #expect(status.counts(Records.open).lost == 1)
            #expect(status.counts(Records.click).lost == 1)
            #expect(status.partitions[0].gapOffsets == 1)
        }
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("what rots under staged records is found missing at the next start", arguments: [true, false])
    func rotUnderStaging(keepingHeader: Bool) async throws {
        var ids = write([Records.open, Records.click], "a")
        write([Records.open, Records.open, Records.click], "rot")
        ids += write([Records.open], "c")
        let before = try await stageOnly(DeliveryWorld.settings(roll: patient))
        #expect(before.total.staged == 6)
        world.journal.rot(at: Offset(2), keepingHeader: keepingHeader)
        let status = try await world.process(DeliveryWorld.settings()) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.counts(Records.open).lost == 2)
        #expect(status.counts(Records.click).lost == 1)
        #expect(status.partitions[0].gapOffsets == 0)
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("giving up counts plans and records before the boundary as lost, and the rest lands once")
    func givesUp() async throws {
        write([Records.open, Records.click], "a")
        write([Records.open], "b")
        var ids: [String] = []
        let settings = DeliveryWorld.settings(roll: RollSettings(every: .seconds(100_000), events: 1))
        world.store.setOutage(.unreachable)
        let status = try await world.process(settings) { connector in
            try await world.until("planning") { connector.status().total.planned == 3 }
            #expect(try await connector.giveUp(before: Offset(2), in: PartitionID(0)) == 2)
            #expect(try await connector.neededFrom(PartitionID(0)) == Offset(2))
            world.store.setOutage(nil)
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.total.lost == 2)
        try Landed(world.objects).expectExactly(["b0"])
        // The same for records that nobody has read yet, and for staged ones.
        ids = write([Records.open], "c")
        _ = try await stageOnly(DeliveryWorld.settings(roll: patient))
        write([Records.click, Records.open], "d")
        let state = try await world.openState()
        let connector = try Connector(
            DeliveryWorld.settings(),
            to: .objects(world.store),
            in: try await world.environment(state)
        )
        try await connector.prepare()
        #expect(try await connector.giveUp(before: Offset(5), in: PartitionID(0)) == 3)
        connector.status().expectBalanced()
        #expect(connector.status().total.lost == 5)
        try await state.close()
        ids = write([Records.open], "e")
        let last = try await world.process { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        last.expectBalanced()
        try Landed(world.objects).expectExactly(["b0"] + ids)
    }

    @Test("a paused connector stands still, refuses to flush, stays paused over a restart and goes on")
    func pauses() async throws {
        try await world.process { connector in
            try await connector.pause()
            write([Records.open], "a")
            let error = await #expect(throws: DeliveryError.self) {
                try await connector.flush(timeout: .seconds(1))
            }
            #expect(error?.code == .paused)
        }
        let status = try await world.process { connector in
            #expect(connector.status().condition == .paused)
            #expect(connector.status().lagOffsets == 1)
            try await connector.resume()
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        #expect(status.condition == .running)
        try Landed(world.objects).expectExactly(["a0"])
    }
}
