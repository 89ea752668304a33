import Avro
import Platform
import PlatformTesting
import Testing

@testable import Tracking

@Suite("what providers' events become")
struct ProviderEventTests {
    private static let delivery = "users.messages.email.Delivery"

    @Test("an event finds its message by the provider's id, by ours, or brings its context along")
    func context() async throws {
        try await TrackingWorld().run { running in
            let answer = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let now = running.world.now
            var ours = Stories.email("Delivery", "u1", key: "2", time: now)
            ours.providerMessageID = nil
            ours.messageID = answer.messages[0].messageID
            var own = Stories.email("Delivery", "u9", key: "3", time: now)
            own.metadata = ["user_id": "u9", "campaign_id": "c-7"]
            try await running.provider([Stories.email("Delivery", "u1", key: "1", time: now), ours, own])
            let events = try await running.events(Self.delivery)
            #expect(events.map { $0["campaign_id"] } == ["c-1", "c-1", "c-7"])
            #expect(events.map { $0["user_id"] } == ["u1", "u1", "u9"])
        }
    }

    @Test("an event whose message is not known waits, and goes out with context once its send is reported")
    func parked() async throws {
        try await TrackingWorld().run { running in
            let now = running.world.now
            try await running.provider([Stories.email("Delivery", "u1", key: "1", time: now)])
            #expect(try await running.events(Self.delivery).isEmpty)
            try await running.pass(.seconds(899))
            #expect(try await running.events(Self.delivery).isEmpty)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let events = try await running.events(Self.delivery)
            #expect(events.count == 1)
            #expect(events.first?["campaign_id"] == "c-1")
            try await running.pass(.seconds(10_000))
            #expect(try await running.events(Self.delivery).count == 1)
        }
    }

    @Test("after overtake it goes out without context, never earlier, and a derived id stands for a stranger")
    func overtaken() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.provider([Stories.email("Delivery", "u1", key: "1", time: running.world.now)])
        }
        // What waits outlives a restart.
        try await world.run { running in
            try await running.pass(.seconds(899))
            #expect(try await running.events(Self.delivery).isEmpty)
            try await running.pass(.seconds(2))
            let events = try await running.events(Self.delivery)
            #expect(events.count == 1)
            #expect(events.first?.isNull("campaign_id") == true)
            #expect(events.first?["user_id"]?.count == 24)
        }
    }

    @Test("what then lacks a required field becomes a dead letter")
    func deadLetter() async throws {
        try await TrackingWorld().run { running in
            var report = Stories.email("Delivery", "u1", key: "1", time: running.world.now)
            report.address = .none
            try await running.provider([report])
            try await running.pass(.seconds(901))
            #expect(try await running.events(Self.delivery).isEmpty)
            let letters = try await running.events("courant.DeadLetter")
            #expect(letters.map { $0["code"] } == ["field_missing"])
        }
    }

    @Test("the directory names the user of an address")
    func directory() async throws {
        try await TrackingWorld(settings: noWaiting).run { running in
            let user =
                #"{"user_id":"u1","external_user_id":"x1","timezone":"Europe/Paris","emails":["U1@Example.com"]}"#
            try await running.users(#"{"users":[\#(user)]}"#)
            try await running.provider([Stories.email("Open", "u1", key: "1", time: running.world.now)])
            let event = try #require(try await running.events("users.messages.email.Open").first)
            #expect(event["user_id"] == "u1")
            #expect(event["external_user_id"] == "x1")
            #expect(event["timezone"] == "Europe/Paris")
        }
    }

    @Test("opens and clicks repeat, one event each; a provider's repeat of one makes none (statement 10)")
    func repeats() async throws {
        try await TrackingWorld().run { running in
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let now = running.world.now
            let opens = (1...3).map { Stories.email("Open", "u1", key: "open-\($0)", time: now) }
            try await running.provider(opens)
            let answer = try await running.provider(opens)
            #expect(answer.duplicates == 3)
            #expect(try await running.events("users.messages.email.Open").count == 3)
        }
    }

    @Test(
        "a webhook that is journalled, and whose state is lost in a crash, is known when it comes 20 hours later (schedule 10)",
        arguments: [1, 3]
    )
    func schedule10(partitions: Int) async throws {
        let world = try TrackingWorld(partitions: partitions)
        try await world.run { running in
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
        }
        try world.keepStore(as: "before")
        let open = Stories.email("Open", "u1", key: "1", time: world.now)
        try await world.run { try await $0.provider([open]) }
        try world.putStoreBack("before")
        world.clock.advance(by: .seconds(20 * 3_600))
        try await world.run { running in
            let answer = try await running.provider([open])
            #expect(answer.duplicates == 1)
            #expect(try await running.events("users.messages.email.Open").count == 1)
        }
    }

    @Test("a canvas message's click has no dispatch id, a campaign's has one (statement 8)")
    func clickDispatch() async throws {
        try await TrackingWorld().run { running in
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let canvas = Stories.sends(["u2"], campaign: nil, more: #""canvas_id":"cv-1","canvas_step_id":"s-2","#)
            _ = try await running.report(.sends, canvas, key: "k2")
            let now = running.world.now
            try await running.provider(["u1", "u2"].map { Stories.email("Click", $0, key: $0, time: now) })
            let events = try await running.events("users.messages.email.Click")
            #expect(events.map { $0.isNull("dispatch_id") } == [false, true])
        }
    }

    @Test("edition 2021 has no deferral, v10 has (statement 11)", arguments: [("2021", 0), ("v10", 1)])
    func deferral(edition: String, count: Int) async throws {
        try await TrackingWorld(edition: edition, settings: noWaiting).run { running in
            try await running.provider([Stories.email("Deferral", "u1", key: "1", time: running.world.now)])
            #expect(try await running.events("users.messages.email.Deferral").count == count)
        }
    }

    @Test("a group unsubscribe states two facts: a click and a change of state (statement 12)")
    func groupUnsubscribe() async throws {
        try await TrackingWorld(settings: noWaiting).run { running in
            let group = #"{"name":"News","channel":"email","provider_groups":{"sendgrid":["123"]}}"#
            try await running.define(.group, "g-1", group)
            let now = running.world.now
            let change = ProviderReport(
                .group(id: "123", isSubscribed: false),
                key: "1",
                time: now,
                address: .email("u1@example.com")
            )
            try await running.provider([Stories.email("Unsubscribe", "u1", key: "1", time: now), change])
            #expect(try await running.events("users.messages.email.Unsubscribe").count == 1)
            let changes = try await running.events("users.behaviors.subscriptiongroup.StateChange")
            #expect(changes.count == 1)
            #expect(changes.first?["subscription_group_id"] == "g-1")
            #expect(changes.first?["subscription_status"] == "Unsubscribed")
            #expect(changes.first?["channel"] == "email")
        }
    }

    @Test("a change of all subscriptions is an event of v10 only", arguments: [("2021", 0), ("v10", 1)])
    func everything(edition: String, count: Int) async throws {
        try await TrackingWorld(edition: edition, settings: noWaiting).run { running in
            try await running.provider([
                ProviderReport(
                    .everything(isSubscribed: false),
                    key: "1",
                    time: running.world.now,
                    address: .email("u1@example.com")
                )
            ])
            #expect(try await running.events("users.behaviors.subscription.GlobalStateChange").count == count)
        }
    }

    private var noWaiting: TrackingSettings {
        var settings = TrackingSettings()
        settings.overtake = .zero
        return settings
    }
}
