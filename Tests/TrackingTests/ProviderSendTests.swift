import Avro
import Platform
import Testing

@testable import Tracking

@Suite("one Send for each message, and each message's own user")
struct ProviderSendTests {
    private static let send = "\(Stories.email).Send"

    private func processed(_ key: String, _ own: [String: String] = [:], _ world: TrackingWorld) -> ProviderReport {
        var report = Stories.email("Send", "u1", key: key, time: world.now)
        report.kind = .sent(type: Self.send)
        report.metadata = own
        return report
    }

    @Test("a provider's event that brings its context along, told three times, is one Send")
    func ownContext() async throws {
        try await TrackingWorld(sends: .provider).run { running in
            for key in ["a", "a", "b"] {
                let own = ["user_id": "u1", "campaign_id": "c-1"]
                try await running.provider([processed(key, own, running.world)])
            }
            #expect(try await running.events(Self.send).count == 1)
        }
    }

    @Test("told before and after the report of the send, or only after waiting, it is one Send", arguments: [0, 1_000])
    func aroundReport(seconds: Int64) async throws {
        try await TrackingWorld(sends: .provider).run { running in
            let first = processed("a", running.world)
            try await running.provider([first])
            try await running.pass(.seconds(seconds))
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            try await running.provider([first, processed("b", running.world)])
            #expect(try await running.events(Self.send).count == 1)
        }
    }

    private func processed(_ key: String, _ world: TrackingWorld) -> ProviderReport { processed(key, [:], world) }

    @Test("an SMS of a service that is accepted, then queued, is one Send, and a reply finds it by its number")
    func service() async throws {
        try await TrackingWorld(sends: .provider, settings: noWaiting).run { running in
            try await running.define(.group, "g-sms", Stories.texts)
            func said(_ key: String, _ fields: [JSONValue.Member]) -> ProviderReport {
                ProviderReport(
                    .sent(type: "\(Stories.sms).Send"),
                    key: key,
                    time: running.world.now,
                    address: .phone(Stories.phone("u1")),
                    providerMessageID: "SM1",
                    metadata: ["user_id": "u1", "campaign_id": "c-1"],
                    fields: fields
                )
            }
            let service = JSONValue.Member(ProviderReport.serviceKey, .string("MG1"))
            try await running.provider([said("accepted", [service])], name: "twilio")
            let queued = said("queued", [service, .init("from_phone_number", .string("+15005550006"))])
            try await running.provider([queued], name: "twilio")
            #expect(try await running.events("\(Stories.sms).Send").count == 1)
            try await reply(service: "MG1", campaign: "c-1", running)
        }
    }

    @Test("a reply to the number that a callback named finds the message of a service that the report named")
    func learntNumber() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.group, "g-sms", Stories.texts)
            let service = #""messaging_service":"MG9","#
            _ = try await running.report(.sends, Stories.sends(["u1"], channel: "sms", more: service), key: "k")
            var delivery = Stories.email("Delivery", "u1", key: "d", time: running.world.now)
            delivery.kind = .happened(type: "\(Stories.sms).Delivery")
            delivery.address = .phone(Stories.phone("u1"))
            delivery.fields = [.init("from_phone_number", .string("+15005550006"))]
            try await running.provider([delivery], name: "twilio")
            try await reply(service: nil, campaign: "c-1", running)
        }
    }

    private func reply(service: String?, campaign: String, _ running: TrackingWorld.Running) async throws {
        let text = InboundMessage(from: Stories.phone("u1"), to: "+15005550006", service: service, body: "ok")
        let report = ProviderReport(
            .inbound(text),
            key: "reply",
            time: running.world.now + 5,
            address: .phone(Stories.phone("u1"))
        )
        try await running.provider([report], name: "twilio")
        let events = try await running.events("\(Stories.sms).InboundReceive")
        #expect(events.map { $0["campaign_id"] } == [campaign])
    }

    @Test("answers of a push service for one message, under several keys, are one Send")
    func pushResults() async throws {
        try await TrackingWorld(sends: .provider).run { running in
            let push = #""app_id":"a","platform":"ios","#
            let sent = try await running.report(.sends, Stories.sends(["u1"], channel: "push", more: push), key: "k")
            let result = """
                {"service":"apns","status":200,"message_id":"\(sent.messages[0].messageID)","app_id":"a",
                "platform":"ios"}
                """
            let body = #"{"results":[\#(result),\#(result)]}"#
            for (key, accepted) in [("1", 1), ("2", 0)] {
                let answer = try await running.report(.pushResults, body, key: key)
                #expect(answer.accepted == accepted && answer.duplicates == 2 - accepted)
            }
            #expect(try await running.events("\(Stories.push).Send").count == 1)
        }
    }

    @Test("where reports make the Send, a push service's answer makes none, also without a message id")
    func pushReported() async throws {
        try await TrackingWorld().run { running in
            let body = #"{"results":[{"service":"apns","status":200,"user_id":"u1","app_id":"a","platform":"ios"}]}"#
            let answer = try await running.report(.pushResults, body, key: "k")
            #expect(answer.accepted == 0 && answer.withoutEvent.map(\.outcome) == ["reported"])
            #expect(try await running.events().isEmpty)
        }
    }

    @Test("of recipients that share a provider's id each has its own events", arguments: [2, 9], [false, true])
    func sharedID(people: Int, isEarly: Bool) async throws {
        try await TrackingWorld().run { running in
            let users = (1...people).map { "u\($0)" }
            let body = users.reduce(Stories.sends(users)) {
                $0.replacing(#""provider_message_id":"p-\#($1)""#, with: #""provider_message_id":"MX""#)
            }
            let deliveries = users.map { user in
                var report = Stories.email("Delivery", user, key: user, time: running.world.now)
                report.providerMessageID = "MX"
                return report
            }
            if isEarly { try await running.provider(deliveries) }
            _ = try await running.report(.sends, body, key: "k")
            if !isEarly { try await running.provider(deliveries) }
            let events = try await running.events("\(Stories.email).Delivery")
            #expect(events.count == people)
            #expect(events.allSatisfy { $0["email_address"] == "\($0["user_id"] ?? "")@example.com" })
            #expect(events.allSatisfy { $0["campaign_id"] == "c-1" })
        }
    }

    @Test("of two messages in one second the later told is the latest: for a reply, and for a conversion's step")
    func ties() async throws {
        for round in 0..<6 {
            try await TrackingWorld().run { running in
                try await running.define(.group, "g-sms", Stories.texts)
                try await running.define(.canvas, "cv-1", Stories.journey)
                let entry = #"{"entries":[{"user_id":"u1","canvas_id":"cv-1","canvas_variation_id":"w-1"}]}"#
                _ = try await running.report(.entries, entry, key: "e\(round)")
                for (key, step) in [("a\(round)", "s-1"), ("b\(round)", "s-2")] {
                    let more =
                        #""from_phone_number":"+15005550006","canvas_id":"cv-1","canvas_variation_id":"w-1","#
                        + #""canvas_step_id":"\#(step)","#
                    let body = Stories.sends(["u1"], channel: "sms", campaign: nil, more: more)
                    _ = try await running.report(.sends, body, key: key)
                }
                let text = InboundMessage(from: Stories.phone("u1"), to: "+15005550006", body: "ok")
                let inbound = ProviderReport(.inbound(text), key: "i", time: running.world.now, address: .none)
                try await running.provider([inbound], name: "twilio")
                let received = try await running.events("\(Stories.sms).InboundReceive")
                #expect(received.map { $0["canvas_step_id"] } == ["s-2"])
                let deed = """
                    {"behaviours":[{"type":"custom_event","user_id":"u1","app_id":"a","name":"signed_up"}]}
                    """
                _ = try await running.report(.behaviours, deed, key: "d\(round)")
                let converted = try await running.events("users.canvas.Conversion")
                #expect(converted.map { $0["canvas_step_id"] } == ["s-2"])
            }
        }
    }

    private var noWaiting: TrackingSettings {
        var settings = TrackingSettings()
        settings.overtake = .zero
        return settings
    }
}
