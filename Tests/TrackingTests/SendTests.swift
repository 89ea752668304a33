import Avro
import Platform
import Testing

@testable import Tracking

@Suite("what a report of sends makes")
struct SendTests {
    private static let send = "users.messages.email.Send"

    @Test("users of one scheduled campaign message share a dispatch id (statement 8)")
    func scheduled() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let answer = try await running.report(.sends, Stories.sends(["u1", "u2", "u3"]), key: "k1")
            #expect(answer.accepted == 3)
            let ids = try await running.events(Self.send).map { $0["dispatch_id"] }
            #expect(Set(ids).count == 1)
            #expect(ids[0] != nil)
        }
    }

    @Test(
        "action-based and API-triggered messages get one dispatch id for each user (statement 8)",
        arguments: ["action", "api"]
    )
    func triggered(trigger: String) async throws {
        try await TrackingWorld().run { running in
            _ = try await running.report(.sends, Stories.sends(["u1", "u2"], trigger: trigger), key: "k1")
            #expect(Set(try await running.events(Self.send).map { $0["dispatch_id"] }).count == 2)
        }
    }

    @Test(
        "canvas steps count as triggered even when scheduled, except entry steps, which can be scheduled (statement 8)",
        arguments: [("s-1", 1), ("s-2", 2)]
    )
    func canvasSteps(step: String, ids: Int) async throws {
        try await TrackingWorld().run { running in
            try await running.define(.canvas, "cv-1", Stories.journey)
            let message = #""canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"\#(step)","#
            let body = Stories.sends(["u1", "u2"], campaign: nil, more: message)
            _ = try await running.report(.sends, body, key: "k1")
            let events = try await running.events(Self.send)
            #expect(Set(events.map { $0["dispatch_id"] }).count == ids)
            #expect(events[0]["canvas_step_name"] == (step == "s-1" ? "Hello" : "Again"))
            #expect(events[0]["canvas_variation_name"] == "One")
        }
    }

    @Test("a dispatch key joins the requests of one scheduled send, for two days")
    func dispatchKey() async throws {
        try await TrackingWorld().run { running in
            let more = #""dispatch_key":"newsletter","#
            _ = try await running.report(.sends, Stories.sends(["u1"], more: more), key: "k1")
            try await running.pass(.seconds(3_600))
            _ = try await running.report(.sends, Stories.sends(["u2"], more: more), key: "k2")
            try await running.pass(.seconds(4 * 86_400))
            _ = try await running.report(.sends, Stories.sends(["u3"], more: more), key: "k3")
            let ids = try await running.events(Self.send).map { $0["dispatch_id"] }
            #expect(ids[0] == ids[1])
            #expect(ids[1] != ids[2])
        }
    }

    @Test("a repeat of a report makes nothing and is answered in the same words, also after a crash (schedule 11)")
    func repeated() async throws {
        let world = try TrackingWorld()
        let body = Stories.sends(["u1", "u2"], trigger: "api")
        let first = try await world.run { try await $0.report(.sends, body, key: "k1") }
        let second = try await world.run { running in
            let answer = try await running.report(.sends, body, key: "k1")
            #expect(try await running.events(Self.send).count == 2)
            return answer
        }
        #expect(first.accepted == 2)
        #expect(second.accepted == 0)
        #expect(second.duplicates == 2)
        #expect(first.messages == second.messages)
    }

    @Test("a report that was not answered makes the same ids when it comes again (schedule 11)")
    func repeatedUnanswered() async throws {
        let world = try TrackingWorld()
        let body = Stories.sends(["u1", "u2"])
        try await world.run { _ in }
        try world.keepStore(as: "before")
        let first = try await world.run { try await $0.report(.sends, body, key: "k1") }
        try world.putStoreBack("before")
        try await world.run { running in
            let answer = try await running.report(.sends, body, key: "k1")
            #expect(answer.messages == first.messages)
            #expect(answer.duplicates == 2)
            #expect(try await running.events(Self.send).count == 2)
        }
    }

    @Test("a key that comes with another report is refused")
    func otherReport() async throws {
        try await TrackingWorld().run { running in
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            await #expect(throws: TrackingError.self) {
                _ = try await running.report(.sends, Stories.sends(["u2"]), key: "k1")
            }
        }
    }

    @Test("a recipient that cannot be sent to is named, and the others go on")
    func rejected() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let body = """
                {"channel":"email","trigger":"api","campaign_id":"c-1","recipients":[
                {"user_id":"u1","email_address":"a@example.com","message_variation_id":"v-a"},
                {"user_id":"u2","message_variation_id":"v-a"},
                {"email_address":"c@example.com"},
                {"user_id":"u4","email_address":"d@example.com","message_variation_id":"v-0"}]}
                """
            let answer = try await running.report(.sends, body, key: "k1")
            #expect(answer.accepted == 1)
            #expect(answer.rejected.map(\.index) == [1, 2, 3])
            #expect(answer.rejected.map(\.code) == ["field_missing", "recipient_unknown", "variation_is_control"])
            #expect(answer.messages.map(\.index) == [0])
        }
    }

    @Test("names in events are those at the event's time")
    func names() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            let send = Stories.sends(["u1"], channel: "push", more: #""app_id":"a-1","platform":"ios","#)
            let answer = try await running.report(.sends, send, key: "k1")
            try await running.pass(.seconds(100))
            try await running.define(.campaign, "c-1", Stories.spring.replacing("Spring", with: "Summer"))
            let opens = [10, 200].map { (seconds: Int64) in
                """
                {"type":"push_open","app_id":"a-1","message_id":"\(answer.messages[0].messageID)",
                "time":\(TrackingWorld.start + seconds)}
                """
            }
            let body = #"{"interactions":[\#(opens.joined(separator: ","))]}"#
            _ = try await running.report(.interactions, body, key: "k2")
            let events = try await running.events("users.messages.pushnotification.Open")
            #expect(events.map { $0["campaign_name"] } == ["Spring", "Summer"])
        }
    }

    @Test("the campaign's send id goes where the report names none (statement 9)")
    func sendID() async throws {
        try await TrackingWorld().run { running in
            let named = Stories.spring.replacing(#""name":"Spring""#, with: #""name":"Spring","send_id":"s-9""#)
            try await running.define(.campaign, "c-1", named)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            _ = try await running.report(.sends, Stories.sends(["u1"], more: #""send_id":"own","#), key: "k2")
            #expect(try await running.events(Self.send).map { $0["send_id"] } == ["s-9", "own"])
        }
    }

    @Test("with sends: provider the provider's word makes the one Send, with the report's context")
    func providersWord() async throws {
        try await TrackingWorld(sends: .provider).run { running in
            let answer = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            #expect(answer.accepted == 0)
            #expect(try await running.events(Self.send).isEmpty)
            for key in ["a", "b"] {
                try await running.provider([
                    ProviderReport(
                        .sent(type: Self.send),
                        key: key,
                        time: running.world.now,
                        address: .email("u1@example.com"),
                        messageID: answer.messages[0].messageID
                    )
                ])
            }
            let events = try await running.events(Self.send)
            #expect(events.count == 1)
            #expect(events[0]["campaign_id"] == "c-1")
            #expect(events[0]["dispatch_id"] == answer.messages[0].dispatchID)
        }
    }

    @Test("with sends: reported what a provider says of a send makes no second one")
    func reportedWord() async throws {
        try await TrackingWorld().run { running in
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let sent = ProviderReport(
                .sent(type: Self.send),
                key: "a",
                time: running.world.now,
                address: .email("u1@example.com"),
                providerMessageID: "p-u1"
            )
            try await running.provider([sent])
            #expect(try await running.events(Self.send).count == 1)
        }
    }
}
