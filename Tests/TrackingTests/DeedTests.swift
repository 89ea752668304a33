import Avro
import Platform
import Testing

@testable import Tracking

@Suite("what users do, and the conversions it makes")
struct DeedTests {
    private static let conversion = "users.campaigns.Conversion"

    private func purchase(_ user: String, at time: Int64) -> String {
        """
        {"behaviours":[{"type":"purchase","user_id":"\(user)","app_id":"a-1","time":\(time),"product_id":"p-1",
        "price":9.5,"currency":"EUR","properties":{"size":"M"}}]}
        """
    }

    @Test(
        "a purchase within the window converts once for each receipt; behaviour is a JSON string (statement 15)",
        arguments: [
            (3_600, 1), (3_601, 0),
        ]
    )
    func purchases(seconds: Int64, count: Int) async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let time = running.world.now + seconds
            _ = try await running.report(.behaviours, purchase("u1", at: time), key: "k2")
            _ = try await running.report(.behaviours, purchase("u1", at: time), key: "k3")
            #expect(try await running.events("users.behaviors.Purchase").count == 2)
            let events = try await running.events(Self.conversion)
            #expect(events.count == count)
            guard let event = events.first else { return }
            #expect(event.integer("conversion_behavior_index") == 0)
            #expect(event["conversion_behavior"] == #"{"type":"Makes Purchase","window":3600,"product":"any"}"#)
            #expect(event["campaign_name"] == "Spring")
            #expect(event["message_variation_id"] == "v-a")
            #expect(event.integer("time") == time)
        }
    }

    @Test("a purchase of somebody else, and one before the message, convert nothing")
    func strangers() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let now = running.world.now
            _ = try await running.report(.behaviours, purchase("u2", at: now + 5), key: "k2")
            _ = try await running.report(.behaviours, purchase("u1", at: now - 5), key: "k3")
            #expect(try await running.events(Self.conversion).isEmpty)
        }
    }

    @Test("a click on the campaign's message converts by index 1, which is B (statement 15)")
    func clicks() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            try await running.provider([Stories.email("Click", "u1", key: "1", time: running.world.now + 60)])
            try await running.pass(.seconds(900))
            let events = try await running.events(Self.conversion)
            #expect(events.map { $0.integer("conversion_behavior_index") } == [1])
        }
    }

    @Test(
        "the control variation's conversions are counted from the enrolment, which stands in place of a send (statement 16)"
    )
    func control() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let body = #"{"enrolments":[{"user_id":"u1","campaign_id":"c-1","message_variation_id":"v-0"}]}"#
            _ = try await running.report(.enrolments, body, key: "k1")
            #expect(try await running.events("users.campaigns.EnrollInControl").count == 1)
            #expect(try await running.events("users.messages.email.Send").isEmpty)
            _ = try await running.report(.behaviours, purchase("u1", at: running.world.now + 60), key: "k2")
            #expect(try await running.events(Self.conversion).map { $0["message_variation_id"] } == ["v-0"])
        }
    }

    @Test("an entry tells variation, step and control, and its step's name is null (statement 16)")
    func entries() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.canvas, "cv-1", Stories.journey)
            let users = [("u1", "w-1"), ("u2", "w-2")].map { user, variation in
                #"{"user_id":"\#(user)","canvas_id":"cv-1","canvas_variation_id":"\#(variation)","canvas_step_id":"s-1"}"#
            }
            _ = try await running.report(.entries, #"{"entries":[\#(users.joined(separator: ","))]}"#, key: "k1")
            let events = try await running.events("users.canvas.Entry")
            #expect(events.map { $0.fields["in_control_group"] } == [.boolean(false), .boolean(true)])
            #expect(events.map { $0["canvas_variation_name"] } == ["One", "None"])
            #expect(events.allSatisfy { $0.isNull("canvas_step_name") && $0["canvas_step_id"] == "s-1" })
        }
    }

    @Test("a canvas counts from the entry, and a conversion carries the last step sent before it")
    func canvasConversion() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.canvas, "cv-1", Stories.journey)
            let entry =
                #"{"entries":[{"user_id":"u1","canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"s-1"}]}"#
            _ = try await running.report(.entries, entry, key: "k1")
            for (index, step) in ["s-1", "s-2"].enumerated() {
                let more = """
                    "canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"\(step)",
                    "time":\(running.world.now + Int64(index * 100)),
                    """
                _ = try await running.report(.sends, Stories.sends(["u1"], campaign: nil, more: more), key: step)
            }
            for (key, time) in [("early", 50), ("late", 150)] {
                let deed = """
                    {"behaviours":[{"type":"custom_event","user_id":"u1","name":"\(key == "early" ? "other" : "signed_up")",
                    "time":\(running.world.now + Int64(time))}]}
                    """
                _ = try await running.report(.behaviours, deed, key: key)
            }
            let events = try await running.events("users.canvas.Conversion")
            #expect(events.count == 1)
            #expect(events.first?["canvas_step_id"] == "s-2")
            #expect(events.first?["canvas_step_name"] == "Again")
            #expect(events.first?["canvas_variation_id"] == "w-1")
        }
    }

    @Test("a state change is an event only when the state really changes; an unknown state counts as different")
    func subscriptions() async throws {
        try await TrackingWorld().run { running in
            func report(_ status: String, key: String) async throws {
                let body = """
                    {"subscriptions":[{"user_id":"u1","subscription_group_id":"g-1","subscription_status":"\(status)",
                    "email_address":"u1@example.com"}]}
                    """
                _ = try await running.report(.subscriptions, body, key: key)
            }
            for (key, status) in [("1", "Subscribed"), ("2", "Subscribed"), ("3", "Unsubscribed"), ("1", "Subscribed")]
            {
                try await report(status, key: key)
            }
            let events = try await running.events("users.behaviors.subscriptiongroup.StateChange")
            #expect(events.map { $0["subscription_status"] } == ["Subscribed", "Unsubscribed"])
        }
    }

    @Test("push results: a Send that went through, a Bounce, and faults that are no event")
    func pushResults() async throws {
        try await TrackingWorld(sends: .provider).run { running in
            let common = #""user_id":"u1","app_id":"a-1","platform":"ios","service":"apns""#
            let body = """
                {"results":[{\(common),"status":200},{\(common),"status":410,"reason":"Unregistered"},
                {\(common),"status":429,"reason":"TooManyRequests"},{\(common),"status":400,"reason":"BadTopic"}]}
                """
            let answer = try await running.report(.pushResults, body, key: "k1")
            #expect(answer.accepted == 2)
            #expect(answer.withoutEvent.map(\.index) == [2, 3])
            #expect(answer.withoutEvent.map(\.outcome) == ["retry", "fault"])
            #expect(try await running.events("users.messages.pushnotification.Send").count == 1)
            #expect(try await running.events("users.messages.pushnotification.Bounce").count == 1)
        }
    }

    @Test("news feed cards have no context fields, other interactions are filled in from their message")
    func interactions() async throws {
        try await TrackingWorld().run { running in
            let push = Stories.sends(
                ["u1"],
                channel: "push",
                trigger: "api",
                more: #""app_id":"a-1","platform":"ios","#
            )
            let answer = try await running.report(.sends, push, key: "k1")
            let body = """
                {"interactions":[
                {"type":"push_open","message_id":"\(answer.messages[0].messageID)","button_action_type":"CLOSE","button_string":"b"},
                {"type":"news_feed_card_click","user_id":"u1","app_id":"a-1","card_id":"card"}]}
                """
            let answered = try await running.report(.interactions, body, key: "k2")
            #expect(answered.accepted == 2, "\(answered)")
            let open = try #require(try await running.events("users.messages.pushnotification.Open").first)
            #expect(open["campaign_id"] == "c-1")
            #expect(open["dispatch_id"] == answer.messages[0].dispatchID)
            #expect(open["button_action_type"] == "CLOSE")
            let click = try #require(try await running.events("users.messages.newsfeedcard.Click").first)
            #expect(click.fields["campaign_id"] == nil)
        }
    }
}
