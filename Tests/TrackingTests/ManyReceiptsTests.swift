import Avro
import Intake
import Platform
import Telemetry
import Testing

@testable import Tracking

@Suite("more than one turn decides")
struct ManyReceiptsTests {
    private static let conversion = "users.campaigns.Conversion"
    private static let small = 1 << 20
    /// With a rule that stays, so that a receipt is written anew as it converts.
    private static let twofold = """
        {"name":"Two","conversions":[{"type":"Starts Session","window":86400},
        {"type":"Opens Message","window":86400},{"type":"Clicks Message","window":86400}]}
        """

    /// Reports an email to u1, and in-app messages, so many together, whose receipts take some 700 bytes each.
    private func send(_ count: Int, _ running: TrackingWorld.Running) async throws {
        let name = String(repeating: "n", count: 400)
        let send = Stories.sends(["u1"], trigger: "api", more: #""send_id":"\#(name)","time":\#(TrackingWorld.start),"#)
        _ = try await running.report(.sends, send.replacing("v-a", with: "v"), key: "send")
        let item = """
            {"type":"in_app_impression","user_id":"u1","app_id":"a","card_id":"n","send_id":"\(name)",
            "campaign_id":"c-1","message_variation_id":"v","time":\(TrackingWorld.start)}
            """
        for part in 0..<(count / 100) {
            let items = Array(repeating: item, count: part == 0 ? 99 : 100)
            let body = #"{"interactions":[\#(items.joined(separator: ","))]}"#
            #expect(try await running.report(.interactions, body, key: "shown-\(part)").accepted == items.count)
        }
    }

    private func session(_ seconds: Int64, key: String, _ running: TrackingWorld.Running) async throws -> TrackAnswer {
        let body = """
            {"behaviours":[{"type":"session_start","user_id":"u1","app_id":"a","session_id":"s",
            "time":\(TrackingWorld.start + seconds)}]}
            """
        return try await running.report(.behaviours, body, key: key)
    }

    private func check(_ count: Int, index: Int64, at seconds: Int64, _ running: TrackingWorld.Running) async throws {
        let events = try await running.events(Self.conversion).filter {
            $0.integer("conversion_behavior_index") == index
        }
        #expect(events.count == count)
        #expect(Set(events.map { $0["id"] }).count == count)
        #expect(Set(events.map { $0.integer("time") }) == [TrackingWorld.start + seconds])
        let left = try await running.tracker.store.read { (view) throws(TrackingError) in
            try [StateTable.deeds, .ripening].map { table throws(TrackingError) in try view.settledRows(table).count }
        }
        #expect(left == [0, 0])
        #expect(running.intake.balances.allSatisfy { $0.isBalanced })
    }

    @Test(
        "an open converts each receipt of its user once, however many records that takes, also across a crash",
        arguments: [false, true]
    )
    func open(isLost: Bool) async throws {
        let world = try TrackingWorld()
        let open = Stories.email("Open", "u1", key: "o", time: TrackingWorld.start + 10)
        try await world.run(segmentBytes: Self.small) { running in
            try await running.define(.campaign, "c-1", Self.twofold)
            try await send(1_500, running)
            try await running.provider([open])
        }
        try world.keepStore(as: "before")
        try await world.run(segmentBytes: Self.small) { running in
            try await running.pass(.seconds(901))
            #expect(running.tracker.metrics.putOff.value == 1)
            #expect(try await running.events(Self.conversion).isEmpty == false)
        }
        if isLost { try world.putStoreBack("before") }
        try await world.run(segmentBytes: Self.small) { running in
            for _ in 0..<30 { try await running.pass(.seconds(1)) }
            try await check(1_500, index: 1, at: 10, running)
        }
        if isLost { try world.putStoreBack("before") }
        try await world.run(segmentBytes: Self.small) { running in
            try await running.pass(.seconds(1_000))
            try await check(1_500, index: 1, at: 10, running)
        }
    }

    @Test("a report converts what one turn decides and later turns the rest, before what the user does next")
    func session() async throws {
        let world = try TrackingWorld()
        try await world.run(segmentBytes: Self.small) { running in
            try await running.define(.campaign, "c-1", Self.twofold)
            try await send(1_500, running)
            let first = try await session(10, key: "a", running)
            #expect(first.accepted > 1 && first.accepted < 1_501, "\(first.accepted)")
            let others = #"{"behaviours":[{"type":"session_start","user_id":"u2","session_id":"s","app_id":"a"}]}"#
            #expect(try await running.report(.behaviours, others, key: "x").accepted == 1)
            for key in ["b", "c"] { #expect(try await session(20, key: key, running).accepted == 1) }
            #expect(running.tracker.metrics.putOff.value == 3)
        }
        try await world.run(segmentBytes: Self.small) { running in
            for _ in 0..<30 { try await running.pass(.seconds(1)) }
            try await check(1_500, index: 0, at: 10, running)
            #expect(try await session(30, key: "d", running).accepted == 1)
        }
    }

    @Test("no more receipts are decided in one turn than may be")
    func bound() async throws {
        try await TrackingWorld().run(segmentBytes: 32 << 20) { running in
            try await running.define(.campaign, "c-1", Self.twofold)
            let count = Turn.receiptsMax + 100
            try await send(count, running)
            #expect(try await session(10, key: "a", running).accepted == 1 + Turn.receiptsMax)
            for _ in 0..<3 { try await running.pass(.seconds(1)) }
            try await check(count, index: 0, at: 10, running)
        }
    }

    @Test("a receipt whose rules have all been fulfilled is kept no longer")
    func spent() async throws {
        try await TrackingWorld().run { running in
            try await running.define(
                .campaign,
                "c-1",
                #"{"name":"S","conversions":[{"type":"Starts Session","window":60}]}"#
            )
            try await send(100, running)
            for key in ["a", "b"] { _ = try await session(10, key: key, running) }
            try await check(100, index: 0, at: 10, running)
            let tails = try await running.tracker.store.read { (view) throws(TrackingError) in
                let head = running.tracker.ids.head("receipts", "user u1")
                return try view.tails(.receipts, day: StateDay(seconds: TrackingWorld.start), head)
            }
            #expect(tails.isEmpty)
        }
    }

    @Test("opens of one second are one that waits, in any order; others are each their own")
    func sameSecond() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Self.twofold)
            try await send(100, running)
            _ = try await running.report(.sends, Stories.sends(["u1"], trigger: "api"), key: "k")
            for part in 0..<4 {
                let opens = (0..<50).map { number in
                    Stories.email("Open", "u1", key: "\(part) \(number)", time: TrackingWorld.start + 5)
                }
                try await running.provider(opens)
            }
            try await running.provider([Stories.email("Open", "u1", key: "x", time: TrackingWorld.start + 6)])
            let waiting = try await running.tracker.store.read { (view) throws(TrackingError) in
                try [StateTable.deeds, .ripening].map { table throws(TrackingError) in
                    try view.settledRows(table).count
                }
            }
            #expect(waiting == [2, 2])
            try await running.pass(.seconds(901))
            try await check(101, index: 1, at: 5, running)
        }
    }

    @Test("what a user did waits as it was written, and hostile text is refused")
    func text() throws {
        let fields = Fields([.init("user_id", .string("ü")), .init("app_id", .string("a"))])
        let deeds: [Deed] = [
            .session, .purchase(product: "p", price: 1.5), .opened(.campaign("c")), .opened(.canvas("v")),
            .clicked(.campaign("c")), .clicked(.canvas("v")),
            .customEvent(name: "n", properties: .object([.init("x", .number("1"))])),
        ]
        for deed in deeds {
            let unfinished = UnfinishedDeed(deed, at: -3, source: "s", fields)
            #expect(UnfinishedDeed(text: unfinished.json.text) == unfinished)
        }
        let user = UnfinishedUser("user ü", after: ReceiptMark(time: -7, id: "r"))
        #expect(UnfinishedUser(text: user.text) == user)
        #expect(UnfinishedUser(text: UnfinishedUser("u", after: nil).text)?.mark == nil)
        for text in ["", "{}", #"{"kind":"dance","name":"","time":1,"source":"s","fields":{}}"#] {
            #expect(UnfinishedDeed(text: text) == nil && UnfinishedUser(text: text) == nil)
        }
        #expect(ReceiptMark("short") == nil)
    }
}
