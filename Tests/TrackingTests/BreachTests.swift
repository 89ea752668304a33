import Avro
import Platform
import Telemetry
import Testing

@testable import Tracking

@Suite("reports that say what definitions deny")
struct BreachTests {
    private static let reports: [(TrackRoute, String, String)] = [
        (
            .sends, "variation_unknown",
            Stories.sends(["u1"]).replacing("v-a", with: "zzz")
        ),
        (
            .sends, "step_unknown",
            Stories.sends(
                ["u1"],
                campaign: nil,
                more: #""canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"nostep","#
            )
        ),
        (.sends, "campaign_and_canvas", Stories.sends(["u1"], more: #""canvas_id":"cv-1","#)),
        (
            .entries, "step_unknown",
            """
            {"entries":[{"user_id":"u","canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"s-9"}]}
            """
        ),
        (
            .entries, "variation_unknown",
            """
            {"entries":[{"user_id":"u","canvas_id":"cv-1","canvas_variation_id":"w-9","in_control_group":false}]}
            """
        ),
        (
            .enrolments, "variation_not_control",
            #"{"enrolments":[{"user_id":"u","campaign_id":"c-1","message_variation_id":"v-a"}]}"#
        ),
    ]

    @Test(
        "a lenient source takes them and counts the rule, a strict one rejects them",
        arguments: reports,
        [false, true]
    )
    func breaches(report: (TrackRoute, String, String), isStrict: Bool) async throws {
        let (route, rule, body) = report
        try await TrackingWorld(isStrict: isStrict).run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            try await running.define(.canvas, "cv-1", Stories.journey)
            let answer = try await running.report(route, body, key: "k")
            #expect(answer.accepted == (isStrict ? 0 : 1))
            #expect(answer.rejected.map(\.code) == (isStrict ? [rule] : []))
            let counted = running.metrics.counter(
                "courant_intake_rules_broken_total",
                help: "",
                labels: [("source", "default"), ("rule", rule)]
            )
            #expect(counted.value == (isStrict ? 0 : 1))
        }
    }

    @Test("an entry with an unknown variation is told that, not what its definition would have said")
    func unknownVariation() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.canvas, "cv-1", Stories.journey)
            let body = #"{"entries":[{"user_id":"u","canvas_id":"cv-1","canvas_variation_id":"w-9"}]}"#
            let answer = try await running.report(.entries, body, key: "k")
            #expect(answer.rejected.map(\.code) == ["variation_unknown"])
            #expect(answer.rejected.first?.message == "canvas cv-1 has no variation w-9")
        }
    }

    @Test(
        "an entry that denies what its variation is breaks a rule, which a strict source rejects",
        arguments: [false, true]
    )
    func otherGroup(isStrict: Bool) async throws {
        try await TrackingWorld(isStrict: isStrict).run { running in
            try await running.define(.canvas, "cv-1", Stories.journey)
            let items = [("w-1", true), ("w-2", false), ("w-2", true)].map { variation, isControl in
                """
                {"user_id":"u","canvas_id":"cv-1","canvas_variation_id":"\(variation)","in_control_group":\(isControl)}
                """
            }
            let body = #"{"entries":[\#(items.joined(separator: ","))]}"#
            let answer = try await running.report(.entries, body, key: "k")
            #expect(answer.rejected.map(\.code) == (isStrict ? ["control_differs", "control_differs"] : []))
            #expect(answer.accepted == (isStrict ? 1 : 3))
        }
    }

    @Test("an entry into a canvas that is not defined is told that, with the canvas that was probably meant")
    func undefinedCanvas() async throws {
        try await TrackingWorld().run { running in
            let body = #"{"entries":[{"user_id":"u","canvas_id":"welcom","canvas_variation_id":"w-1"}]}"#
            let first = try await running.report(.entries, body, key: "k")
            #expect(first.rejected.map(\.code) == ["field_missing"])
            #expect(first.rejected.map(\.field) == ["in_control_group"])
            let rule = "in_control_group is missing, and canvas \"welcom\" is not defined; "
            #expect(first.rejected.map(\.message) == ["\(rule)define it, or say in_control_group"])
            try await running.define(.canvas, "welcome", Stories.journey)
            let second = try await running.report(.entries, body, key: "k")
            #expect(second.rejected.map(\.message) == ["\(rule)did you mean welcome?"])
        }
    }

    @Test("items that name what nobody has defined are counted by its kind, and a repeat's are not")
    func undefined() async throws {
        try await TrackingWorld().run { running in
            func counts() -> [Int] {
                ["campaign", "canvas", "group"].map { kind in
                    let labels = [("kind", kind)]
                    return running.metrics.counter("courant_tracking_undefined_total", help: "", labels: labels).value
                }
            }
            try await running.define(.campaign, "c-1", Stories.spring)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            #expect(counts() == [0, 0, 0])
            for _ in 0..<2 {
                _ = try await running.report(.sends, Stories.sends(["u1", "u2"], campaign: "c-l"), key: "l")
            }
            #expect(counts() == [2, 0, 0])
            let entry = #""user_id":"u","canvas_id":"cv","canvas_variation_id":"v","in_control_group":false"#
            _ = try await running.report(.entries, #"{"entries":[{\#(entry)}]}"#, key: "m")
            let change = #""user_id":"u","subscription_group_id":"g","subscription_status":"Subscribed""#
            let body = #"{"subscriptions":[{\#(change),"channel":"email"}]}"#
            #expect(try await running.report(.subscriptions, body, key: "n").accepted == 1)
            #expect(counts() == [2, 1, 1])
        }
    }

    @Test("users of a canvas's control variation are sent nothing")
    func control() async throws {
        try await TrackingWorld().run { running in
            try await running.define(.canvas, "cv-1", Stories.journey)
            let more = #""canvas_id":"cv-1","canvas_variation_id":"w-2","canvas_step_id":"s-1","#
            let answer = try await running.report(.sends, Stories.sends(["u1"], campaign: nil, more: more), key: "k")
            #expect(answer.rejected.map(\.code) == ["variation_is_control"])
        }
    }

    @Test("one dispatch key over several messages makes a dispatch id for each")
    func dispatchKey() async throws {
        try await TrackingWorld().run { running in
            let key = #""dispatch_key":"d","#
            let push = key + #""app_id":"a","platform":"ios","#
            let bodies = [
                Stories.sends(["u1", "u2"], more: key), Stories.sends(["u3"], more: key),
                Stories.sends(["u1"], channel: "push", more: push), Stories.sends(["u1"], campaign: "c-2", more: key),
            ]
            var ids: [String?] = []
            for (index, body) in bodies.enumerated() {
                ids += try await running.report(.sends, body, key: "k\(index)").messages.map(\.dispatchID)
            }
            #expect(ids[0] == ids[1] && ids[1] == ids[2])
            #expect(Set(ids).count == 3)
        }
    }

    @Test("a definition's name outweighs the sender's word, and that a custom argument's")
    func names() async throws {
        try await TrackingWorld().run { running in
            let named = Stories.sends(["u1"], more: #""campaign_name":"Own","#)
            _ = try await running.report(.sends, named, key: "k")
            func open(_ key: String) async throws -> String? {
                var report = Stories.email("Open", "u1", key: key, time: running.world.now)
                report.metadata = ["campaign_name": "stale"]
                try await running.provider([report])
                return try await running.events("\(Stories.email).Open").last?["campaign_name"]
            }
            #expect(try await open("1") == "Own")
            try await running.define(.campaign, "c-1", Stories.spring)
            #expect(try await open("2") == "Spring")
        }
    }

    @Test("a click on a card of the news feed is no click on a message")
    func newsFeed() async throws {
        try await TrackingWorld().run { running in
            let clicks = #"{"name":"C","conversions":[{"type":"Clicks Message","window":3600}]}"#
            try await running.define(.campaign, "c-1", clicks)
            let sent = try await running.report(.sends, Stories.sends(["u1"]), key: "k")
            let body = """
                {"interactions":[{"type":"news_feed_card_click","message_id":"\(sent.messages[0].messageID)",
                "card_id":"n","app_id":"a"}]}
                """
            let answer = try await running.report(.interactions, body, key: "c")
            #expect(answer.rejected.map(\.code) == ["message_of_other_channel"])
            let alone = #"{"interactions":[{"type":"news_feed_card_click","user_id":"u1","card_id":"n","app_id":"a"}]}"#
            #expect(try await running.report(.interactions, alone, key: "d").accepted == 1)
            try await running.pass(.seconds(1_000))
            #expect(try await running.events("users.campaigns.Conversion").isEmpty)
        }
    }
}
