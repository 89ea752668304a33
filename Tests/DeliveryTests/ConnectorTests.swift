import Avro
import Glossary
import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

@testable import Delivery

@Suite("A connector")
struct ConnectorTests {
    let world: DeliveryWorld

    init() throws {
        world = try DeliveryWorld()
    }

    /// One frame of records whose ids are `<prefix><n>`.
    @discardableResult
    private func write(
        _ types: [String],
        _ prefix: String,
        after: Duration = .zero,
        filler: Int = 0,
        edition: String = "2021"
    ) -> [String] {
        let ids = types.indices.map { "\(prefix)\($0)" }
        world.journal.write(
            zip(types, ids).map { Records.record($0, id: $1, edition: edition, filler: filler) },
            at: DeliveryWorld.start + after
        )
        return ids
    }

    @Test("lands each record once, in files of one type and hour with their plan in the head")
    func lands() async throws {
        var ids = write([Records.open, Records.click, Records.open], "a")
        ids += write([Records.open, Records.send], "b", after: .seconds(1))
        let status = try await world.process { connector in
            let result = try await connector.flush(timeout: .seconds(600))
            #expect(result.files == 3)
            #expect(result.records == 5)
            return connector.status()
        }
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        #expect(landed.files.count == 3)
        let key = try #require(landed.files.first { $0.type == Records.open }).key
        #expect(
            key == "dataexport.courant.S3.integration.0123456789abcdef01234567/event_type=\(Records.open)/"
                + "date=\(Hour(of: DeliveryWorld.start).text)/version=2021/default/"
                + "dataexport.courant.S3.integration.0123456789abcdef01234567+0+0.avro"
        )
        status.expectBalanced()
        #expect(status.total.landed == 5)
        #expect(status.condition == .running)
        #expect(status.lagOffsets == 0)
    }

    @Test("cuts a file at exactly the wanted number of events, inside a frame too")
    func rollsByEvents() async throws {
        let ids = write((0..<25).map { $0 % 5 == 4 ? Records.click : Records.open }, "a")
        let settings = DeliveryWorld.settings(roll: RollSettings(every: .seconds(60), events: 8))
        try await world.process(settings) { _ = try await $0.flush(timeout: .seconds(600)) }
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        #expect(landed.files.filter { $0.type == Records.open }.map(\.ids.count).sorted() == [4, 8, 8])
        #expect(landed.files.filter { $0.type == Records.click }.map(\.ids.count) == [5])
    }

    @Test("a rare type does not cut a busy one short, and files are measured in encoded bytes")
    func rareAndBusy() async throws {
        var ids = write([Records.click], "rare")
        for frame in 0..<200 {
            ids += write(
                Array(repeating: Records.open, count: 10),
                "f\(frame)-",
                after: .milliseconds(frame * 10),
                filler: 50
            )
        }
        let settings = DeliveryWorld.settings(roll: RollSettings(every: .seconds(600), bytes: 100_000))
        try await world.process(settings) { _ = try await $0.flush(timeout: .seconds(600)) }
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        #expect(landed.files.filter { $0.type == Records.click }.count == 1)
        let sizes = landed.files.filter { $0.type == Records.open }.compactMap { world.objects[$0.key]?.count }
        #expect(sizes.count > 2)
        #expect(sizes.filter { $0 < 100_000 }.count <= 1, "\(sizes)")
        #expect(sizes.allSatisfy { $0 < 130_000 })
    }

    @Test("a change of the hour rolls, forwards and back, and no two files of a type interleave")
    func hours() async throws {
        var ids: [String] = []
        for (index, minutes) in [10, 50, 59, 60, 61, 59, 58, 61].enumerated() {
            ids += write([Records.open, Records.click], "\(index)-", after: .seconds(minutes * 60))
        }
        let settings = DeliveryWorld.settings(roll: RollSettings(every: .seconds(7_200)))
        try await world.process(settings) { _ = try await $0.flush(timeout: .seconds(600)) }
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        let opens = landed.files.filter { $0.type == Records.open }
        #expect(opens.count == 4)
        #expect(Set(opens.map { $0.ids.joined(separator: " ") }) == ["0-0 1-0 2-0", "3-0 4-0", "5-0 6-0", "7-0"])
    }

    @Test("catching up makes files of journal time, not dwarf files")
    func catchingUp() async throws {
        var ids: [String] = []
        for second in 0..<600 { ids += write([Records.open], "\(second)-", after: .seconds(second)) }
        world.clock.advance(by: .seconds(3_000))
        try await world.process { _ = try await $0.flush(timeout: .seconds(600)) }
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        #expect((9...11).contains(landed.files.count), "\(landed.files.count)")
    }

    @Test("at the journal's end a file rolls by the present")
    func rollsByAge() async throws {
        let ids = write([Records.open], "a")
        try await world.process { connector in
            try await world.until("reading") { connector.status().lagOffsets == 0 }
            #expect(world.objects.isEmpty)
            world.clock.advance(by: .seconds(61))
            try await world.until("landing") { !world.objects.isEmpty }
        }
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("over the memory budget blocks go to disk and come back, with the same boundaries")
    func spills() async throws {
        var ids: [String] = []
        for frame in 0..<60 {
            ids += write(
                [Records.open, Records.click, Records.send, Records.open],
                "f\(frame)-",
                after: .milliseconds(frame),
                filler: 40
            )
        }
        try await world.process(memory: 600) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            #expect(connector.context.metrics.spilledBytes.value > 1_000)
            #expect(connector.context.memory.bytesUsed <= 600)
        }
        let spilled = try Landed(world.objects)
        spilled.expectExactly(ids)
        let other = try DeliveryWorld()
        for frame in 0..<60 {
            other.journal.write(
                [Records.open, Records.click, Records.send, Records.open].enumerated().map {
                    Records.record($1, id: "f\(frame)-\($0)", filler: 40)
                },
                at: DeliveryWorld.start + .milliseconds(frame)
            )
        }
        try await other.process { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            #expect(connector.context.metrics.spilledBytes.value == 0)
        }
        #expect(try Landed(other.objects).files.map(\.blockCounts) == spilled.files.map(\.blockCounts))
        #expect(spilled.files.contains { $0.blockCounts.count > 2 })
        #expect(try world.files.list("/staging/0123456789abcdef01234567").isEmpty)
    }

    @Test("records of another edition land in the connector's edition", arguments: [("v10", "2021"), ("2021", "v10")])
    func projects(from: String, to: String) async throws {
        let ids = write([Records.open, Records.click, Records.send], "a", edition: from)
        try await world.process(DeliveryWorld.settings(edition: to)) { _ = try await $0.flush(timeout: .seconds(600)) }
        let landed = try Landed(world.objects)
        landed.expectExactly(ids)
        #expect(landed.files.allSatisfy { $0.key.contains("/version=\(to)/") })
        for file in landed.files {
            let fields = Records.type(file.type, edition: to).fields.map(\.name)
            guard case .record(let entries) = file.records[0] else { continue }
            #expect(entries.map(\.name) == fields)
        }
    }

    @Test("a type that the connector's edition lacks is not carried")
    func lacking() async throws {
        write([Records.open], "a", edition: "v10")
        write(["users.messages.whatsapp.Send"], "b", edition: "v10")
        let status = try await world.process { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        #expect(try Landed(world.objects).ids == ["a0"])
        #expect(status.total.carried == 1)
    }

    @Test("a number that does not fit the connector's edition sets its record aside, with its bytes, once")
    func setsAside() async throws {
        let world = try DeliveryWorld(glossary: .init(parsing: NarrowAndWide.text))
        let wide = try #require(world.book.glossary.edition("2")?.types.first)
        let fingerprint = Records.fingerprint(wide)
        let times: [Int64] = [1, 1 << 40, 2, 3, 1 << 41, 4, 1 << 42]
        for (index, time) in times.enumerated() {
            world.journal.write(
                [(fingerprint, Records.datum(wide, id: "\(index)", time: time))],
                at: DeliveryWorld.start
            )
        }
        let settings = DeliveryWorld.settings(edition: "1", roll: RollSettings(every: .seconds(60), events: 2))
        for life in 0..<2 {
            let status = try await world.process(settings) { connector in
                if life == 1 { _ = try await connector.flush(timeout: .seconds(600)) }
                return connector.status()
            }
            status.expectBalanced("life \(life)")
            guard life == 1 else { continue }
            #expect(status.total.setAside == 3)
            #expect(status.total.landed == 4)
        }
        try Landed(world.objects).expectExactly(["0", "2", "3", "5"])
        let state = try await world.openState()
        let refused = try await state.refusedOffsets(
            connector: settings.id,
            partition: PartitionID(0),
            type: NarrowAndWide.type,
            in: .zero...Offset(9)
        )
        #expect(refused == [Offset(1), Offset(4), Offset(6)])
        try await state.close()
    }

    @Test("a record that was set aside lands once when its connector can take it, and stays while it cannot")
    func takesUp() async throws {
        let world = try DeliveryWorld(glossary: .init(parsing: NarrowAndWide.text))
        let wide = try #require(world.book.glossary.edition("2")?.types.first)
        let fingerprint = Records.fingerprint(wide)
        for (index, time) in [1, 1 << 40, 2].enumerated() {
            let datum = Records.datum(wide, id: "\(index)", time: Int64(time))
            world.journal.write([(fingerprint, datum)], at: DeliveryWorld.start)
        }
        let narrow = DeliveryWorld.settings(edition: "1")
        try await world.process(narrow) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            guard case .refused(let reason) = try await connector.deliverRefused(at: Offset(1), in: PartitionID(0))
            else {
                Issue.record("it was not refused again")
                return
            }
            #expect(reason.contains("does not fit 32 bits"))
            #expect(try await connector.deliverRefused(at: Offset(0), in: PartitionID(0)) == .unknown)
        }
        // The process ends between the plan and its landing, over and over.
        world.store.setOutage(.unreachable)
        try await world.process(DeliveryWorld.settings(edition: "2")) { connector in
            let first = try await connector.deliverRefused(at: Offset(1), in: PartitionID(0))
            let again = try await connector.deliverRefused(at: Offset(1), in: PartitionID(0))
            #expect([first, again] == [.delivered, .unknown])
            connector.status().expectBalanced("planned")
        }
        world.store.setOutage(nil)
        let status = try await world.process(DeliveryWorld.settings(edition: "2")) { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        status.expectBalanced("landed")
        #expect(status.total.setAside == 0)
        #expect(status.total.landed == 3)
        try Landed(world.objects).expectExactly(["0", "1", "2"])
    }

    @Test("starts at the end or at the oldest record, and knows where when it is prepared")
    func starts() async throws {
        write([Records.open], "old")
        let state = try await world.openState()
        let settings = DeliveryWorld.settings(start: .now)
        let connector = try Connector(settings, to: .objects(world.store), in: try await world.environment(state))
        try await connector.prepare()
        // Accepted between preparing and running.
        let ids = write([Records.open], "new")
        try await state.close()
        try await world.process(settings) { _ = try await $0.flush(timeout: .seconds(600)) }
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("several partitions land side by side under keys of their own")
    func partitions() async throws {
        let world = try DeliveryWorld(partitions: 3)
        for partition in 0..<3 {
            world.journal.write(
                [Records.record(Records.open, id: "p\(partition)")],
                at: DeliveryWorld.start,
                partition: partition
            )
        }
        let status = try await world.process { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        let landed = try Landed(world.objects)
        landed.expectExactly(["p0", "p1", "p2"])
        #expect(landed.files.count == 3)
        status.expectBalanced()
    }

    @Test("trouble with staging is shown and tried again, and loses nothing")
    func stagingFails() async throws {
        let ids = write([Records.open, Records.click], "a")
        world.files.failNext("write", times: 2, code: 28)
        let status = try await world.process { connector in
            _ = try await connector.flush(timeout: .seconds(600))
            return connector.status()
        }
        #expect(status.lastError?.contains("No space") == true)
        status.expectBalanced()
        try Landed(world.objects).expectExactly(ids)
    }

    @Test("staged files that no plan names are removed at the start")
    func clears() async throws {
        _ = try world.files.makeFolder("/staging/0123456789abcdef01234567")
        for name in ["p0-x", "p0-x.spill", "p7-y"] {
            _ = try world.files.open("/staging/0123456789abcdef01234567/" + name, .create)
        }
        write([Records.open], "a")
        try await world.process { _ = try await $0.flush(timeout: .seconds(600)) }
        #expect(try world.files.list("/staging/0123456789abcdef01234567").isEmpty)
    }
}
