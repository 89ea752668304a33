import Avro
import Platform
import Testing

@testable import Tracking

@Suite("what users write to our numbers")
struct InboundTests {
    private static let inbound = "users.messages.sms.InboundReceive"
    private static let change = "users.behaviors.subscriptiongroup.StateChange"
    private static let ours = "+15005550006"

    private func message(_ body: String, _ user: String, key: String, time: Int64) -> ProviderReport {
        ProviderReport(
            .inbound(InboundMessage(from: Stories.phone(user), to: Self.ours, body: body)),
            key: key,
            time: time,
            address: .phone(Stories.phone(user))
        )
    }

    private func sharing(_ running: TrackingWorld.Running) async throws {
        try await running.define(.group, "g-sms", Stories.texts)
        let users = ["u1", "u2"].map { #"{"user_id":"\#($0)","phones":["\#(Stories.phone("u1"))"]}"# }
        try await running.users(#"{"users":[\#(users.joined(separator: ","))]}"#)
    }

    @Test("one event for each user who shares the sending number (statement 14)")
    func shared() async throws {
        try await TrackingWorld().run { running in
            try await sharing(running)
            try await running.provider([message("hi", "u1", key: "1", time: running.world.now)], name: "twilio")
            let events = try await running.events(Self.inbound)
            #expect(events.map { $0["user_id"] } == ["u1", "u2"])
            #expect(events.map { $0["action"] } == ["none", "none"])
            #expect(events.allSatisfy { $0["app_group_id"] == "ag-1" && $0["subscription_group_id"] == "g-sms" })
        }
    }

    @Test("with attribution: latest-recipient only the user of the latest delivery is credited (statement 14)")
    func latestRecipient() async throws {
        var settings = TrackingSettings()
        settings.attribution = .latestRecipient
        try await TrackingWorld(settings: settings).run { running in
            try await sharing(running)
            let now = running.world.now
            for (user, time) in [("u2", now - 50), ("u1", now - 90)] {
                var delivery = ProviderReport(
                    .happened(type: "users.messages.sms.Delivery"),
                    key: user,
                    time: time,
                    address: .phone(Stories.phone("u1"))
                )
                delivery.metadata = ["user_id": user, "campaign_id": "c-1"]
                delivery.fields = [.init("from_phone_number", .string(Self.ours))]
                try await running.provider([delivery], name: "twilio")
            }
            let more = #"{"name":"More","channel":"sms","app_group_id":"ag-1","numbers":["+15005550001"]}"#
            try await running.define(.group, "g-more", more)
            // The latest of all, from another number of ours, to somebody known by the sender's own id only.
            var other = ProviderReport(
                .happened(type: "users.messages.sms.Delivery"),
                key: "other",
                time: now - 10,
                address: .phone(Stories.phone("u1"))
            )
            other.metadata = ["external_user_id": "x3", "campaign_id": "c-1"]
            other.fields = [.init("from_phone_number", .string("+15005550001"))]
            try await running.provider([other], name: "twilio")
            try await running.provider([message("hi", "u1", key: "1", time: now)], name: "twilio")
            #expect(try await running.events(Self.inbound).map { $0["user_id"] } == ["u2"])
            let reply = InboundMessage(from: Stories.phone("u1"), to: "+15005550001", body: "hi")
            let report = ProviderReport(.inbound(reply), key: "2", time: now, address: .none)
            try await running.provider([report], name: "twilio")
            #expect(try await running.events(Self.inbound).last?["external_user_id"] == "x3")
        }
    }

    @Test(
        "a reply comes within 14,400 seconds of the latest message and carries its campaign (statement 14)",
        arguments: [
            (14_400, true), (14_401, false),
        ]
    )
    func reply(seconds: Int, isReply: Bool) async throws {
        try await TrackingWorld().run { running in
            try await sharing(running)
            let from = #""from_phone_number":"\#(Self.ours)","#
            let sends = Stories.sends(["u1"], channel: "sms", trigger: "api", more: from)
            _ = try await running.report(.sends, sends, key: "k1")
            let time = running.world.now + Int64(seconds)
            try await running.provider([message("ok", "u1", key: "1", time: time)], name: "twilio")
            let events = try await running.events(Self.inbound)
            #expect(events.map { $0["campaign_id"] } == (isReply ? ["c-1", "c-1"] : [nil, nil]))
        }
    }

    @Test("a reply to a message sent by the number's service is one too")
    func replyToService() async throws {
        try await TrackingWorld().run { running in
            try await sharing(running)
            let service = #""messaging_service":"MG1","#
            let sends = Stories.sends(["u1"], channel: "sms", trigger: "api", more: service)
            _ = try await running.report(.sends, sends, key: "k1")
            var reply = message("ok", "u1", key: "1", time: running.world.now + 5)
            reply.kind = .inbound(
                InboundMessage(from: Stories.phone("u1"), to: Self.ours, service: "MG1", body: "ok")
            )
            try await running.provider([reply], name: "twilio")
            #expect(try await running.events(Self.inbound).first?["campaign_id"] == "c-1")
        }
    }

    @Test(
        "keywords give the action and change the subscription, once for each real change",
        arguments: [
            ("STOP", "unsubscribed", "Unsubscribed"), (" start ", "subscribed", "Subscribed"),
        ]
    )
    func keywords(body: String, action: String, status: String) async throws {
        try await TrackingWorld().run { running in
            try await sharing(running)
            let now = running.world.now
            try await running.provider([message(body, "u1", key: "1", time: now)], name: "twilio")
            try await running.provider([message(body, "u1", key: "2", time: now + 1)], name: "twilio")
            #expect(try await running.events(Self.inbound).map { $0["action"] } == Array(repeating: action, count: 4))
            let changes = try await running.events(Self.change)
            #expect(changes.map { $0["user_id"] } == ["u1", "u2"])
            #expect(changes.allSatisfy { $0["subscription_status"] == status && $0["channel"] == "sms" })
            #expect(changes.allSatisfy { $0["phone_number"] == Stories.phone("u1") })
        }
    }

    @Test("an inbound message to a number of no group becomes a dead letter, for it lacks an app group")
    func unknownNumber() async throws {
        try await TrackingWorld().run { running in
            try await running.provider([message("hi", "u1", key: "1", time: running.world.now)], name: "twilio")
            #expect(try await running.events(Self.inbound).isEmpty)
            #expect(try await running.events("courant.DeadLetter").count == 1)
        }
    }
}
