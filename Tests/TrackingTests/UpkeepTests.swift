import Avro
import Intake
import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

@testable import Tracking

@Suite("what no record holds")
struct UpkeepTests {
    private static let small = 1 << 20

    @Test("the send of a message for which more waits than a record holds is taken, and the rest goes out in time")
    func released() async throws {
        try await TrackingWorld().run(segmentBytes: Self.small) { running in
            let rules = #"{"name":"S","conversions":[{"type":"Opens Message","window":9000}]}"#
            try await running.define(.campaign, "c-1", rules)
            let count = 1_500
            for part in 0..<(count / 100) {
                let opens = (0..<100).map {
                    let number = part * 100 + $0
                    return Stories.email("Open", "u1", key: "\(number)", time: TrackingWorld.start + Int64(number))
                }
                #expect(try await running.provider(opens).waiting == 100)
            }
            #expect(try await running.report(.sends, Stories.sends(["u1"], trigger: "api"), key: "k").accepted > 1)
            for _ in 0..<10 { try await running.pass(.seconds(500)) }
            let events = try await running.events("\(Stories.email).Open")
            #expect(events.count == count)
            #expect(events.allSatisfy { $0["campaign_id"] == "c-1" })
        }
    }

    @Test("an event whose consequences no record holds becomes a dead letter, and tracking goes on")
    func consequences() async throws {
        let world = try TrackingWorld(sends: .provider)
        try await world.run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            var sent = Stories.email("Send", "u1", key: "s", time: running.world.now)
            sent.kind = .sent(type: "\(Stories.email).Send")
            sent.metadata = ["campaign_id": "c-1", "send_id": String(repeating: "s", count: 300_000)]
            sent.messageID = "unknown"
            #expect(try await running.provider([sent]).waiting == 1)
        }
        try await world.run(segmentBytes: Self.small) { running in
            for _ in 0..<2 { try await running.pass(.seconds(901)) }
            #expect(try await running.events("\(Stories.email).Send").isEmpty)
            let letters = try await running.events("courant.DeadLetter")
            #expect(letters.map { $0["code"] } == ["event_too_large"])
            #expect(letters.first?["raw"]?.contains(#""campaign_id":"c-1""#) == true)
            let left = try await running.tracker.store.read { (view) throws(TrackingError) in
                try [StateTable.parked, .overdue].map { table throws(TrackingError) in
                    try view.settledRows(table).count
                }
            }
            #expect(left == [0, 0])
            #expect(running.intake.balances.allSatisfy { $0.isBalanced })
        }
    }

    @Test("a deed whose conversion no record holds becomes a dead letter, and tracking goes on")
    func receipt() async throws {
        let world = try TrackingWorld()
        let rules = """
            {"name":"S","conversions":[{"type":"Opens Message","window":60},{"type":"Starts Session","window":60}]}
            """
        try await world.run { running in
            try await running.define(.campaign, "c-1", rules)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            let fields = Fields([.init("send_id", .string(String(repeating: "s", count: 600_000)))])
            let receipt = Receipt(id: "r", time: running.world.now, owner: .campaign("c-1"), fields: fields)
            let row = StateChange(
                table: .receipts,
                day: StateDay(seconds: receipt.time).rawValue,
                head: running.tracker.ids.head("receipts", "user u1"),
                tail: receipt.name.tail,
                value: receipt.text
            )
            try await running.tracker.store.apply([row], applied: running.journal.end(of: .init(0)))
            try await running.provider([Stories.email("Open", "u1", key: "o", time: running.world.now)])
        }
        try await world.run(segmentBytes: Self.small) { running in
            for _ in 0..<2 { try await running.pass(.seconds(901)) }
            let letters = try await running.events("courant.DeadLetter")
            #expect(letters.contains { $0["code"] == "event_too_large" && $0["raw"]?.contains("opened") == true })
            let left = try await running.tracker.store.read { (view) throws(TrackingError) in
                try [StateTable.deeds, .ripening].map { table throws(TrackingError) in
                    try view.settledRows(table).count
                }
            }
            #expect(left == [0, 0])
        }
    }

    @Test("more versions of definitions are forgotten than a record holds")
    func versions() async throws {
        let world = try TrackingWorld()
        try await world.run(segmentBytes: Self.small) { running in
            let head = running.tracker.ids.head("definition", "campaign", "c-9")
            let rows = (0..<20_000).map { number in
                StateChange(
                    table: .definitions,
                    day: 0,
                    head: head,
                    tail: "\(TrackingWorld.start - 20_000 + Int64(number))",
                    value: #"["campaign","c-9",{"name":"\#(number)"}]"#
                )
            }
            try await running.tracker.store.apply(rows, applied: running.journal.end(of: .init(0)))
        }
        world.clock.advance(by: .seconds(40 * 86_400))
        try await world.run(segmentBytes: Self.small) { running in
            for _ in 0..<6 { try await running.pass(.seconds(2)) }
            let left = try await running.tracker.store.read { (view) throws(TrackingError) in
                try view.settledRows(.definitions).count
            }
            #expect(left == 1)
        }
    }

    @Test("a message from a number of very many users is credited to the first of them, up to so many, and counted")
    func crowd() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.group, "g-sms", Stories.texts)
            for part in 0..<3 {
                let users = (0..<500).map {
                    #"{"user_id":"u\#(part * 500 + $0 + 10000)","phones":["+15005551234"],"emails":["no@example.com"]}"#
                }
                try await running.users(#"{"users":[\#(users.joined(separator: ","))]}"#)
            }
            let text = InboundMessage(from: "+15005551234", to: "+15005550006", body: "STOP")
            let inbound = ProviderReport(
                .inbound(text),
                key: "i",
                time: running.world.now,
                address: .phone("+15005551234")
            )
            try await running.provider([inbound], name: "twilio")
            let events = try await running.events("users.messages.sms.InboundReceive")
            #expect(events.map { $0["user_id"] } == (0..<Turn.sendersMax).map { "u\($0 + 10000)" })
            let changes = try await running.events("users.behaviors.subscriptiongroup.StateChange")
            #expect(changes.count == Turn.sendersMax)
            #expect(running.tracker.metrics.crowded.value == 1)
            let delivered = ProviderReport(
                .happened(type: "\(Stories.email).Delivery"),
                key: "d",
                time: running.world.now,
                address: .email("no@example.com")
            )
            try await running.provider([delivered])
            #expect(try await running.events("\(Stories.email).Delivery").map { $0["user_id"] } == ["u10000"])
        }
    }

    @Test("the first row of a head is found among those that are there, put and removed")
    func firstRow() async throws {
        try await TrackingWorld().run { running in
            let head = RowHead(high: 1, low: 2)
            let rows = ["b", "d", "f"].map {
                StateChange(table: .addresses, day: 0, head: head, tail: $0, value: "old")
            }
            try await running.tracker.store.apply(rows, applied: running.journal.end(of: .init(0)))
            let found = try await running.tracker.store.read { (view) throws(TrackingError) -> [String?] in
                var found: [String?] = []
                found.append(try view.first(.addresses, head)?.tail)
                found.append(try view.first(.addresses, head, from: "c")?.tail)
                view.remove(.addresses, head, "b")
                view.put(.addresses, head, "d", "new")
                view.put(.addresses, head, "e", "new")
                found.append(try view.first(.addresses, head)?.value)
                found.append(try view.first(.addresses, head, from: "da")?.tail)
                view.remove(.addresses, head, "e")
                view.remove(.addresses, head, "f")
                found.append(try view.first(.addresses, head, from: "da")?.tail)
                return found
            }
            #expect(found == ["b", "d", "new", "e", nil])
        }
    }
}
