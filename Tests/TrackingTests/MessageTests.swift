import Avro
import Intake
import Platform
import PlatformTesting
import Testing

@testable import Tracking

@Suite("which message an event belongs to, and whose it is")
struct MessageTests {
    private static let start = TrackingWorld.start
    private static let conversion = "users.campaigns.Conversion"
    private static let delivery = "\(Stories.email).Delivery"

    private static func purchase(_ user: String) -> String {
        """
        {"behaviours":[{"type":"purchase",\(user),"app_id":"a","product_id":"p","price":1,"currency":"EUR",
        "time":\(start + 60)}]}
        """
    }

    private func processed(
        _ key: String,
        _ world: TrackingWorld,
        _ metadata: [String: String] = [:]
    ) -> ProviderReport {
        var report = Stories.email("Send", "u1", key: key, time: world.now)
        report.kind = .sent(type: "\(Stories.email).Send")
        report.metadata = metadata
        return report
    }

    @Test("a message to two devices of a user has one dispatch id (statement 8), and is received once")
    func devices() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let recipients = ["d1", "d2"].map { #"{"user_id":"u1","device_id":"\#($0)"}"# }
            let body = """
                {"channel":"push","trigger":"api","campaign_id":"c-1","app_id":"a-1","platform":"ios","time":\(Self.start),
                "recipients":[\(recipients.joined(separator: ",")),{"user_id":"u2","device_id":"d3"}]}
                """
            let answer = try await running.report(.sends, body, key: "k")
            let ids = answer.messages.map(\.dispatchID)
            #expect(ids.count == 3 && ids[0] == ids[1] && ids[0] != ids[2])
            #expect(try await running.report(.sends, body, key: "k").messages == answer.messages)
            _ = try await running.report(.behaviours, Self.purchase(#""user_id":"u1""#), key: "p")
            #expect(try await running.events(Self.conversion).count == 1)
        }
    }

    @Test("an event that says no more than its user waits for its message too")
    func userAlone() async throws {
        try await TrackingWorld().run { running in
            var report = Stories.email("Delivery", "u1", key: "1", time: running.world.now)
            report.metadata = ["user_id": "u1"]
            try await running.provider([report])
            #expect(try await running.events(Self.delivery).isEmpty)
            let answer = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            let events = try await running.events(Self.delivery)
            #expect(events.map { $0["dispatch_id"] } == [answer.messages[0].dispatchID])
        }
    }

    @Test("a message that its provider tells of before its report is received once")
    func adopted() async throws {
        try await TrackingWorld(sends: .provider).run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let own = ["user_id": "u1", "campaign_id": "c-1", "message_variation_id": "v-a"]
            try await running.provider([processed("1", running.world, own)])
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            try await running.provider([processed("2", running.world)])
            _ = try await running.report(.behaviours, Self.purchase(#""user_id":"u1""#), key: "p")
            #expect(try await running.events("\(Stories.email).Send").count == 1)
            #expect(try await running.events(Self.conversion).count == 1)
        }
    }

    @Test("a message is found from every source, before its report and after it")
    func sources() async throws {
        try await TrackingWorld().run { running in
            let now = running.world.now
            try await running.provider([Stories.email("Delivery", "u1", key: "1", time: now)], source: "other")
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            try await running.provider([Stories.email("Delivery", "u1", key: "2", time: now)], source: "other")
            #expect(try await running.events(Self.delivery).map { $0["campaign_id"] } == ["c-1", "c-1"])
            #expect(running.intake.balances.map(\.received) == [1, 2])
        }
    }

    @Test("whose word makes a message's Send is settled at its report", arguments: TrackingSource.Sends.allCases)
    func changedSends(first: TrackingSource.Sends) async throws {
        let world = try TrackingWorld()
        try await world.run(sends: first) { running in
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
        }
        let second: TrackingSource.Sends = first == .reported ? .provider : .reported
        try await world.run(sends: second) { running in
            for key in ["a", "b"] { try await running.provider([processed(key, world)]) }
            #expect(try await running.events("\(Stories.email).Send").count == 1)
        }
    }

    @Test("an event that went to another address keeps the campaign, and is not the recipient's")
    func otherAddress() async throws {
        try await TrackingWorld().run { running in
            try await running.users(#"{"users":[{"user_id":"u9","emails":["U9@example.com"]}]}"#)
            let answer = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            var open = Stories.email("Open", "u9", key: "1", time: running.world.now)
            open.providerMessageID = nil
            open.messageID = answer.messages[0].messageID
            var own = Stories.email("Open", "U1", key: "2", time: running.world.now)
            own.messageID = answer.messages[0].messageID
            try await running.provider([open, own])
            let events = try await running.events("\(Stories.email).Open")
            #expect(events.map { $0["user_id"] } == ["u9", "u1"])
            #expect(events.map { $0["campaign_id"] } == ["c-1", "c-1"])
        }
    }

    @Test("what the provider says of a message to another of its recipients makes that one's Send too")
    func otherSend() async throws {
        try await TrackingWorld(sends: .provider).run { running in
            let answer = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            for user in ["u1", "u2"] {
                var report = Stories.email("Send", user, key: user, time: running.world.now)
                report.kind = .sent(type: "\(Stories.email).Send")
                (report.providerMessageID, report.messageID) = ("m", answer.messages[0].messageID)
                try await running.provider([report])
            }
            let events = try await running.events("\(Stories.email).Send")
            #expect(events.map { $0["email_address"] } == ["u1@example.com", "u2@example.com"])
            #expect(events.first?["user_id"] == "u1" && events.last?["user_id"] != "u1")
        }
    }

    @Test("what cannot happen to a message of its channel is rejected, whatever the source", arguments: [false, true])
    func otherChannel(isStrict: Bool) async throws {
        try await TrackingWorld(isStrict: isStrict).run { running in
            let id = try await running.report(.sends, Stories.sends(["u1"]), key: "k").messages[0].messageID
            let items = ["push_open", "content_card_click", "in_app_impression"].map {
                #"{"type":"\#($0)","message_id":"\#(id)","app_id":"a"}"#
            }
            let body = #"{"interactions":[\#(items.joined(separator: ","))]}"#
            let answer = try await running.report(.interactions, body, key: "i")
            #expect(answer.rejected.map(\.code) == Array(repeating: "message_of_other_channel", count: 3))
            let result = #"{"results":[{"service":"apns","status":410,"app_id":"a","message_id":"\#(id)"}]}"#
            #expect(try await running.report(.pushResults, result, key: "r").rejected.count == 1)
        }
    }

    @Test(
        "an item that names another user than its message is the message's; a strict source rejects it",
        arguments: [false, true]
    )
    func otherUser(isStrict: Bool) async throws {
        try await TrackingWorld(isStrict: isStrict).run { running in
            let send = Stories.sends(["u1"], channel: "push", more: #""app_id":"a-1","platform":"ios","#)
            let id = try await running.report(.sends, send, key: "k").messages[0].messageID
            let body = #"{"interactions":[{"type":"push_open","message_id":"\#(id)","user_id":"u9"}]}"#
            let answer = try await running.report(.interactions, body, key: "i")
            #expect(answer.rejected.map(\.code) == (isStrict ? ["recipient_differs"] : []))
            let opens = try await running.events("users.messages.pushnotification.Open")
            #expect(opens.map { $0["user_id"] } == (isStrict ? [] : ["u1"]))
        }
    }

    @Test("what a provider alone knows of a message, later events have")
    func pool() async throws {
        try await TrackingWorld().run { running in
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            var report = processed("1", running.world)
            report.fields = [.init("ip_pool", .string("bulk"))]
            try await running.provider([report, Stories.email("Open", "u1", key: "2", time: running.world.now)])
            #expect(try await running.events("\(Stories.email).Open").map { $0["ip_pool"] } == ["bulk"])
        }
    }

    @Test("a reply from a number that the directory has not is that of whom the message went to")
    func unknownNumber() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.group, "g-sms", Stories.texts)
            let sms = #""subscription_group_id":"g-sms","from_phone_number":"+15005550006","#
            _ = try await running.report(.sends, Stories.sends(["u7"], channel: "sms", more: sms), key: "k")
            let reply = InboundMessage(from: Stories.phone("u7"), to: "+15005550006", body: "hi")
            let report = ProviderReport(.inbound(reply), key: "1", time: running.world.now, address: .none)
            try await running.provider([report], name: "twilio")
            let events = try await running.events("users.messages.sms.InboundReceive")
            #expect(events.map { $0["user_id"] } == ["u7"] && events.map { $0["campaign_id"] } == ["c-1"])
        }
    }

    // MARK: - Definitions and the directory

    @Test("a definition that is put while the clock is back stays in force once it has come there again")
    func clockBack() async throws {
        try await TrackingWorld().run { running in
            try await running.pass(.seconds(10))
            try await running.define(.campaign, "c-1", Stories.spring)
            running.world.clock.advance(by: .seconds(-10))
            try await running.define(.campaign, "c-1", Stories.spring.replacing("Spring", with: "Summer"))
            try await running.pass(.seconds(11))
            #expect(running.tracker.definitions.campaign("c-1", at: running.world.now)?.name == "Summer")
            running.world.clock.advance(by: .seconds(-11))
            _ = try await running.tracker.take(.undefine(.campaign, id: "c-1"), from: "default", body: [])
            try await running.pass(.seconds(11))
            #expect(running.tracker.definitions.campaign("c-1", at: running.world.now) == nil)
        }
    }

    @Test("a window longer than receipts are kept is refused")
    func window() async throws {
        var settings = TrackingSettings()
        settings.keep = .seconds(86_400)
        try await TrackingWorld(settings: settings).run { running in
            let campaign = #"{"name":"C","conversions":[{"type":"Starts Session","window":WINDOW}]}"#
            try await running.define(.campaign, "c-1", campaign.replacing("WINDOW", with: "86400"))
            do {
                try await running.define(.campaign, "c-2", campaign.replacing("WINDOW", with: "86401"))
                Issue.record("it is taken")
            } catch let error as TrackingError {
                #expect(error.code == .report && error.message.contains("tracking.keep"), "\(error)")
            }
        }
    }

    @Test("what was known of a user by the sender's own id holds once the directory names him")
    func directoryLater() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let state = #""subscription_group_id":"g","subscription_status":"Subscribed","channel":"email"}"#
            let change = #"{"subscriptions":[{"external_user_id":"x1",\#(state)]}"#
            #expect(try await running.report(.subscriptions, change, key: "a").accepted == 1)
            let send = Stories.sends(["u1"]).replacing(#""user_id":"u1""#, with: #""external_user_id":"x1""#)
            _ = try await running.report(.sends, send, key: "k")
            try await running.users(#"{"users":[{"user_id":"u1","external_user_id":"x1"}]}"#)
            #expect(try await running.report(.subscriptions, change, key: "b").accepted == 0)
            let answer = try await running.report(.behaviours, Self.purchase(#""external_user_id":"x1""#), key: "p")
            #expect(answer.accepted == 2)
            let conversions = try await running.events(Self.conversion)
            #expect(conversions.count == 1 && conversions.first?["external_user_id"] == "x1")
        }
    }
}
