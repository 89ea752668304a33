import Avro
import Intake
import Journal
import Platform
import Telemetry
import Testing

@testable import Tracking

@Suite("reports that nobody in his right mind sends")
struct HostileReportTests {
    private static let purchase = "users.behaviors.Purchase"
    private static let conversion = "users.campaigns.Conversion"
    private static let moments: [Int64] = [
        .min, -0x8000_0001, -0x8000_0000, -1, 0, 1, 5, 86_399, 86_400, 0x7FFF_FFFF, 0x8000_0000, 99_999_999_999, .max,
    ]

    @Test("no time stops tracking, whatever reports it", arguments: moments)
    func times(time: Int64) async throws {
        let isStorable = Int64(Int32.min)...Int64(Int32.max) ~= time
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            try await running.define(.canvas, "cv-1", Stories.journey)
            try await running.define(.group, "g-sms", Stories.texts)
            let at = #""time":\#(time)"#
            let campaign = #""campaign_id":"c-1","message_variation_id":"v-a""#
            let reports: [(TrackRoute, String)] = [
                (.sends, Stories.sends(["u1"], channel: "sms", trigger: "api", more: at + ",")),
                (.enrolments, #"{"enrolments":[{"user_id":"u","campaign_id":"c-1",\#(at)}]}"#),
                (
                    .entries,
                    #"{"entries":[{"user_id":"u","canvas_id":"cv-1","canvas_variation_id":"w-1",\#(at)}]}"#
                ),
                (
                    .interactions,
                    #"{"interactions":[{"type":"in_app_impression","user_id":"u","app_id":"a",\#(campaign),\#(at)}]}"#
                ),
                (
                    .interactions,
                    #"{"interactions":[{"type":"push_open","message_id":"nope","user_id":"u","app_id":"a",\#(at)}]}"#
                ),
                (
                    .behaviours,
                    """
                    {"behaviours":[{"type":"purchase","user_id":"u1","product_id":"p","price":1,
                    "currency":"EUR",\(at)}]}
                    """
                ),
                (
                    .subscriptions,
                    """
                    {"subscriptions":[{"user_id":"u","subscription_group_id":"g",
                    "subscription_status":"Subscribed",\(at)}]}
                    """
                ),
            ]
            for (index, (route, body)) in reports.enumerated() {
                let answer = try await running.report(route, body, key: "k\(index)")
                #expect(answer.rejected.map(\.code) == (isStorable ? [] : ["time_out_of_range"]), "\(route)")
            }
            try await running.pass(.seconds(1_000))
        }
        // What is there survives a start.
        try await world.run { running in
            try await running.pass(.seconds(1_000))
            try await check(running)
        }
    }

    @Test("no time of a provider's stops tracking: what no event can have is a dead letter, once", arguments: moments)
    func providersTimes(time: Int64) async throws {
        let isStorable = Int64(Int32.min)...Int64(Int32.max) ~= time
        let world = try TrackingWorld(sends: .provider)
        try await world.run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            try await running.define(.group, "g-sms", Stories.texts)
            var sent = Stories.email("Send", "u1", key: "s", time: time)
            sent.kind = .sent(type: "\(Stories.email).Send")
            let open = Stories.email("Open", "u2", key: "o", time: time)
            let text = InboundMessage(from: Stories.phone("u1"), to: "+15005550006", body: "STOP")
            let inbound = ProviderReport(.inbound(text), key: "i", time: time, address: .phone(Stories.phone("u1")))
            for _ in 0..<2 { try await running.provider([sent, open, inbound]) }
            try await running.pass(.seconds(1_000))
            let letters = try await running.events("courant.DeadLetter")
            #expect(letters.count == (isStorable ? 0 : 3))
            #expect(letters.allSatisfy { $0["code"] == "time_out_of_range" })
        }
        try await world.run { try await check($0) }
    }

    @Test("a stored event whose time no event can have does not keep tracking from starting")
    func storedTime() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let fields = Fields([
                .init("user_id", .string("u")), .init("app_id", .string("a")), .init("campaign_id", .string("c-1")),
            ])
            for (number, time) in [Int64.min, .max].enumerated() {
                let happening = Happening(
                    type: "users.messages.inappmessage.Click",
                    id: "e-\(number)",
                    time: time,
                    fields: fields,
                    messageID: "nope"
                )
                let low = running.tracker.ids.head("parked", "message", "nope").low
                let place = RowHead(high: 1, low: low)
                let row = StateChange(
                    table: .overdue,
                    day: 0,
                    head: place,
                    tail: happening.id,
                    value: happening.text(due: 1, source: "default")
                )
                try await running.tracker.store.apply([row], applied: running.journal.end(of: .init(0)))
            }
        }
        try await world.run { running in
            try await running.pass(.seconds(2))
            try await running.pass(.seconds(1_000))
            let codes = try await running.events("courant.DeadLetter").map { $0["code"] }
            #expect(codes == ["time_out_of_range", "time_out_of_range"])
            try await check(running)
        }
    }

    @Test("a sender's times make no tables but of days that are kept")
    func tables() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let recipients = (0..<200).map { number in
                let time = TrackingWorld.start + Int64(number - 100) * 86_400
                return #"{"user_id":"u\#(number)","phone_number":"\#(Stories.phone("u\(number)"))","time":\#(time)}"#
            }
            let body = """
                {"channel":"sms","trigger":"api","campaign_id":"c-1","from_phone_number":"+15005550006",
                "recipients":[\(recipients.joined(separator: ","))]}
                """
            #expect(try await running.report(.sends, body, key: "k").accepted == 200)
            let days = try await running.tracker.store.read { (view) throws(TrackingError) in
                [StateTable.outbound, .receipts].map { view.days(of: $0) }
            }
            let today = StateDay(seconds: TrackingWorld.start)
            for days in days { #expect(days.count == 31 && days.first == today) }
        }
    }

    @Test(
        "a member that is too long, or no value of a field, is named",
        arguments: [
            #""campaign_name":"\#(String(repeating: "n", count: 1_001))","#, #""send_id":{"a":1},"#,
            #""ip_pool":["a"],"#,
        ]
    )
    func members(member: String) throws {
        let body = try JSONValue(parsing: Stories.sends(["u1"], campaign: nil, more: member))
        let name = String(member.split(separator: "\"")[0])
        #expect { try TrackReport(.sends, reading: body) } throws: { ($0 as? DefinitionError)?.path == name }
    }

    @Test("members for all recipients count for each of them")
    func shared() throws {
        let name = String(repeating: "n", count: 1_000)
        let more = ["campaign_name", "canvas_name", "send_id", "ip_pool"].map { #""\#($0)":"\#(name)","# }.joined()
        let users = (0..<10_000).map { "u\($0)" }
        let body = try JSONValue(parsing: Stories.sends(users, campaign: nil, more: more))
        #expect { try TrackReport(.sends, reading: body) } throws: {
            ($0 as? DefinitionError)?.path == "recipients"
        }
    }

    @Test("a report that no record can hold is refused alone, each time, and others of its turn go on")
    func tooLarge() async throws {
        try await TrackingWorld().run(segmentBytes: 1 << 20) { running in
            let users = (0..<3_000).map { "u\($0)" }
            let name = String(repeating: "n", count: 300)
            let large = Stories.sends(users, trigger: "api", more: #""campaign_name":"\#(name)","#)
            let codes = try await withThrowingTaskGroup(of: TrackingError.Code?.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        do {
                            let body = number % 10 == 5 ? large : Stories.sends(["u\(number)"], trigger: "api")
                            _ = try await running.report(.sends, body, key: "k\(number)")
                            return nil
                        } catch let error as TrackingError {
                            return error.code
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.count { $0 == .tooLarge } == 4)
            #expect(codes.count { $0 == nil } == 36)
            #expect(try await running.events("\(Stories.email).Send").count == 36)
        }
    }

    @Test("reports that go into no record together go into several")
    func split() async throws {
        try await TrackingWorld().run(segmentBytes: 1 << 20) { running in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let users = (0..<150).map { "u\(number)\($0 + 100)" }
                        _ = try await running.report(.sends, Stories.sends(users), key: "k\(number)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await running.events("\(Stories.email).Send").count == 1_800)
        }
    }

    @Test("a deed finds its receipts among many, and converts each once")
    func manyReceipts() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let other = #"{"name":"O","conversions":[{"type":"Starts Session","window":3600}]}"#
            try await running.define(.campaign, "c-2", other)
            for (campaign, key) in [("c-1", "a"), ("c-2", "b")] {
                let body = Stories.sends(["u1"], trigger: "api", campaign: campaign)
                    .replacing(#""provider_message_id":"p-u1""#, with: #""device_id":"d""#)
                for number in 0..<300 {
                    #expect(try await running.report(.sends, body, key: "\(key)\(number)").accepted == 1)
                }
            }
            let deeds = (0..<100).map { number in
                """
                {"type":"purchase","user_id":"u1","app_id":"a","product_id":"p","price":1,"currency":"EUR",
                "time":\(TrackingWorld.start + 10 + Int64(number))}
                """
            }
            let body = #"{"behaviours":[\#(deeds.joined(separator: ","))]}"#
            #expect(try await running.report(.behaviours, body, key: "c").accepted == 400)
            let events = try await running.events(Self.conversion)
            #expect(events.count == 300)
            #expect(events.allSatisfy { $0["campaign_id"] == "c-1" })
            #expect(events.allSatisfy { $0.integer("time") == TrackingWorld.start + 10 })
            // Nothing is read for what converts nothing.
            var memory = TurnMemory(receiptsLeft: 1)
            memory.hold([], of: "user u1")
            #expect(memory.receipts["user u1"]?.isEmpty == true)
            let deed = Deed.customEvent(name: "other", properties: .object([]))
            #expect(running.tracker.definitions.owners(convertedBy: deed).isEmpty)
            #expect(running.tracker.definitions.owners(convertedBy: .session) == [.campaign("c-2")])
        }
    }

    @Test("what cannot be an event sets nothing off: no state, no conversion, no message")
    func rejected() async throws {
        try await TrackingWorld(sends: .provider, settings: noWaiting).run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            var sent = Stories.email("Send", "u1", key: "s", time: running.world.now)
            sent.kind = .sent(type: "\(Stories.email).Send")
            sent.metadata = ["user_id": "u1", "campaign_id": "c-1"]
            sent.fields = [.init("ip_pool", .array([]))]
            let open = Stories.email("Open", "u1", key: "o", time: running.world.now)
            try await running.provider([sent, open])
            #expect(try await running.events("\(Stories.email).Open").map { $0.isNull("campaign_id") } == [true])
            #expect(try await running.events("courant.DeadLetter").map { $0["code"] } == ["field_wrong_type"])
        }
    }

    @Test("what waits is judged as far as it is known, and the sender is told")
    func judgedBeforeWaiting() async throws {
        try await TrackingWorld().run { running in
            let body = """
                {"interactions":[{"type":"push_open","message_id":"nope","app_id":7},
                {"type":"push_open","message_id":"nope","app_id":"a"}]}
                """
            let answer = try await running.report(.interactions, body, key: "k")
            #expect(answer.waiting == 1)
            #expect(answer.rejected.map(\.field) == ["app_id"])
        }
    }

    private func check(_ running: TrackingWorld.Running) async throws {
        let answer = try await running.report(.sends, Stories.sends(["u9"]), key: "last")
        #expect(answer.accepted + answer.duplicates + answer.messages.count > 0)
        #expect(running.intake.balances.allSatisfy { $0.isBalanced })
    }

    private var noWaiting: TrackingSettings {
        var settings = TrackingSettings()
        settings.overtake = .zero
        return settings
    }

    @Test("beyond so many bytes of reports that wait, the next is told to come again, and those that wait are answered")
    func crowd() async throws {
        try await TrackingWorld().run { running in
            let idle = Tracker(
                sources: [try #require(running.tracker.source(named: "default"))],
                settings: TrackingSettings(),
                intake: running.intake,
                store: running.tracker.store,
                platform: running.world.platform,
                metrics: MetricRegistry(),
                failStop: { Issue.record("tracking failed: \($0)") }
            )
            let body = [UInt8](repeating: 32, count: Tracker.waitingBytesMax / 2 + 1)
            let report = try TrackReport(usersReading: JSONValue(parsing: #"{"users":[]}"#))
            try await withThrowingTaskGroup(of: TrackingError?.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        do throws(TrackingError) {
                            _ = try await idle.take(report, from: "default", body: body)
                            return nil
                        } catch { return error }
                    }
                }
                let refusal = try #require(try await group.next()?.flatMap { $0 })
                #expect(refusal.code == .unavailable && refusal.message.contains("try again"), "\(refusal)")
                let work = Task { try await idle.run() }
                #expect(try await group.next().map { $0 == nil } == true, "what waited is answered")
                work.cancel()
                try await work.value
            }
        }
    }
}
