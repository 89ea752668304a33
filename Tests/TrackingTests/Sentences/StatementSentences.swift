import Avro

@testable import Tracking

/// The statements about the glossary that say when events occur, part by part.
let statementSentences: [Sentence] = [
    Sentence("statement 8", "users of one scheduled campaign message share its dispatch id", .email) { events in
        let ids = ["u1", "u2", "u3", "u4"].compactMap { user in events.sent(user, 0)?["dispatch_id"] }
        return ids.count == 4 && Set(ids).count == 1
    },
    Sentence("statement 8", "an API-triggered message gets one dispatch id for each user", .email) { events in
        events.sent("u1", 1)?["dispatch_id"] != events.sent("u2", 1)?["dispatch_id"]
    },
    Sentence("statement 8", "an action-based message gets one dispatch id for each user", .email) { events in
        events.sent("u1", 2)?["dispatch_id"] != events.sent("u2", 2)?["dispatch_id"]
    },
    Sentence("statement 8", "a canvas step counts as triggered even when it is scheduled", .email) { events in
        events.sent("u1", 3)?["dispatch_id"] != events.sent("u2", 3)?["dispatch_id"]
    },
    Sentence("statement 8", "a canvas's entry step can be scheduled", .email) { events in
        events.sent("u1", 4)?["dispatch_id"] == events.sent("u2", 4)?["dispatch_id"]
            && events.sent("u1", 4)?["dispatch_id"] != nil
    },
    Sentence("statement 8", "the canvas half holds for every channel that has the field", .canvas) { events in
        events.sent("u1").map { $0["dispatch_id"] }.count == 2
            && events.sent("u1").allSatisfy { $0["dispatch_id"] != nil }
    },
    Sentence("statement 8", "on email Click dispatch_id is there only with a campaign_id", .email) { events in
        events.every("messages.email.Click") { $0.isNull("dispatch_id") == $0.isNull("campaign_id") }
    },
    Sentence("statement 9", "the fields of certain cases stand on the types that the notes name", .email) { events in
        ["sending_ip", "user_agent", "url", "bounce_reason"].map(events.owners)
            == [
                ["Bounce", "Delivery", "SoftBounce"], ["Click", "MarkAsSpam", "Open"], ["Click"],
                ["Bounce", "SoftBounce"],
            ]
    },
    Sentence("statement 9", "the fields of failed SMS stand on Rejection and DeliveryFailure", .sms) { events in
        ["error", "provider_error_code"].allSatisfy { field in
            events.owners(of: field) == ["DeliveryFailure", "Rejection"]
        }
    },
    Sentence("statement 9", "send_id is null where none was given", .email) { events in
        events.one("messages.email.Send", "u5")?.isNull("send_id") == true
    },
    Sentence("statement 10", "Send never means arrival: what bounced was sent", .email) { events in
        events.one("messages.email.Send", "u2") != nil && events.one("messages.email.Delivery", "u2") == nil
    },
    Sentence("statement 10", "Send never means arrival: a push that bounced was sent", .push) { events in
        events.one("messages.pushnotification.Send", "u2") != nil
            && events.one("messages.pushnotification.Bounce", "u2") != nil
    },
    Sentence("statement 10", "Send never means arrival: of a webhook there is nothing but its Send", .webhook) {
        events in
        events.map(\.type) == ["users.messages.webhook.Send"]
    },
    Sentence("statement 10", "opens and clicks repeat, one event each", .email) { events in
        events.count("messages.email.Open") == 2 && events.count("messages.email.Click") == 4
    },
    Sentence(
        "statement 11",
        "Bounce is hard and permanent, SoftBounce is temporary: they are events of their own",
        .email
    ) { events in
        events.of("messages.email.Bounce").map { $0["user_id"] } == ["u2", "u5"]
            && events.of("messages.email.SoftBounce").map { $0["user_id"] } == ["u3"]
    },
    Sentence(
        "statement 11",
        "in edition 2021 a provider's temporary failure becomes a SoftBounce when the provider has given up",
        .providers
    ) { events in
        events.of("messages.email.SoftBounce").map { $0["user_id"] } == ["u1", "u3"]
            && events.every("messages.email.SoftBounce") { $0["campaign_id"] == "c-1" }
            && events.one("messages.email.SoftBounce", "u1")?["bounce_reason"] == "452 too busy"
            && events.count("messages.email.Bounce") == 0
    },
    Sentence(
        "statement 11",
        "in edition 2021 what was only put off makes no event before it arrives or is given up",
        .providers
    ) { events in
        events.of("messages.email.Delivery").map { $0["user_id"] } == ["u5"]
            && Set(events.map(\.type)).isDisjoint(with: ["users.messages.email.Deferral"])
            && events.count == 5 + 1 + 2 + 2
    },
    Sentence("statement 12", "MarkAsSpam is the user's button, and neither unsubscribes nor changes state", .providers)
    { events in
        events.of("messages.email.MarkAsSpam").map { $0["user_id"] } == ["u2", "u4"]
            && events.every("messages.email.MarkAsSpam") { $0["campaign_id"] == "c-1" }
            && events.count("messages.email.Unsubscribe") == 0
            && events.count("behaviors.subscriptiongroup.StateChange") == 0
    },
    Sentence("statement 12", "Unsubscribe is a click on the link and not the change of state", .email) { events in
        events.count("messages.email.Unsubscribe") == 1
            && events.one("behaviors.subscriptiongroup.StateChange", "u1") == nil
    },
    Sentence("statement 12", "the change is a StateChange of its own", .email) { events in
        events.of("behaviors.subscriptiongroup.StateChange", "u4").map { $0["subscription_status"] } == ["Unsubscribed"]
    },
    Sentence("statement 13", "the states are Subscribed and Unsubscribed, the channel is that of the group", .sms) {
        events in
        Set(events.of("behaviors.subscriptiongroup.StateChange").map { $0["subscription_status"] })
            == ["Subscribed", "Unsubscribed"]
            && events.every("behaviors.subscriptiongroup.StateChange") { $0["channel"] == "sms" }
    },
    Sentence("statement 14", "one event for each user who shares the sending number", .sms) { events in
        events.of("messages.sms.InboundReceive").filter { $0["message_body"] == "What sizes?" }.map { $0["user_id"] }
            == ["u1", "u2"]
    },
    Sentence("statement 14", "a reply comes at most 14,400 seconds after the latest Send to that number", .sms) {
        events in
        events.of("messages.sms.InboundReceive", "u1").map { $0["message_body"] } == ["What sizes?", "too late"]
            && events.of("messages.sms.InboundReceive", "u1").map { $0["campaign_id"] } == ["c-1", nil]
    },
    Sentence("statement 14", "every event of an inbound message carries the campaign that it answers", .sms) { events in
        ["u1", "u2"].allSatisfy { user in
            let event = events.one("messages.sms.InboundReceive", user)
            return event?["campaign_id"] == "c-1" && event?["campaign_name"] == "Spring"
        }
    },
    Sentence("statement 15", "conversion_behavior is a JSON string with type, window and type-specific keys", .campaign)
    { events in
        events.every("campaigns.Conversion") { event in
            let json = event["conversion_behavior"].flatMap { try? JSONValue(parsing: $0) }
            return json?["type"]?.string != nil && json?["window"]?.integer == 3_600
        }
    },
    Sentence("statement 15", "index 0 to 3 is A to D", .campaign) { events in
        let types = ["Makes Purchase", "Performs Custom Event", "Starts Session", "Clicks Message"]
        return events.every("campaigns.Conversion") { event in
            guard let index = event.integer("conversion_behavior_index"), types.indices.contains(Int(index)) else {
                return false
            }
            return event["conversion_behavior"]?.contains(types[Int(index)]) == true
        }
    },
    Sentence("statement 16", "Entry tells the variation, the step entered and whether in the control group", .canvas) {
        events in
        events.of("canvas.Entry").map { $0["canvas_variation_id"] } == ["w-1", "w-2"]
            && events.of("canvas.Entry").map { $0["canvas_step_id"] } == ["s-1", "s-1"]
            && events.of("canvas.Entry").map { $0.fields["in_control_group"] } == [.boolean(false), .boolean(true)]
    },
    Sentence("statement 16", "campaign control enrolment stands in place of a send", .campaign) { events in
        events.count("campaigns.EnrollInControl") == 1 && events.one("messages.email.Send", "u2") == nil
    },
]

/// Parts of the statements that tests of their own show.
let statementsElsewhere: [SentenceElsewhere] = [
    SentenceElsewhere(
        "statement 11",
        "a deferral is an event of edition v10 and of no other",
        in: "TrackingTests/ProviderEventTests.swift",
        "edition 2021 has no deferral, v10 has (statement 11)"
    ),
    SentenceElsewhere(
        "statement 11",
        "a connector of edition 2021 carries no deferral",
        in: "DeliveryTests/ConnectorTests.swift",
        "a type that the connector's edition lacks is not carried"
    ),
    SentenceElsewhere(
        "statement 12",
        "a provider's group unsubscribe reports both facts",
        in: "TrackingTests/ProviderEventTests.swift",
        "a group unsubscribe states two facts: a click and a change of state (statement 12)"
    ),
    SentenceElsewhere(
        "statement 13",
        "subscription groups exist for email and SMS only",
        in: "GlossaryTests/StatementTests.swift",
        "statement 13: subscription groups are for email and SMS, their states Subscribed and Unsubscribed"
    ),
    SentenceElsewhere(
        "statement 14",
        "latest-recipient credits the user of the latest SMS Delivery",
        in: "TrackingTests/InboundTests.swift",
        "with attribution: latest-recipient only the user of the latest delivery is credited (statement 14)"
    ),
]
