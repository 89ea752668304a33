import Avro

@testable import Tracking

/// When each event occurs, as the catalogue says it.
let occasionSentences: [Sentence] = [
    Sentence(
        "users.messages.pushnotification.Send",
        #"a push for a user has been processed and handed to APNs or FCM; not proof that the device got it"#,
        .push
    ) { events in
        events.count("messages.pushnotification.Send") == 3
            && events.one("messages.pushnotification.Send", "u2") != nil
            && events.one("messages.pushnotification.Bounce", "u2") != nil
    },
    Sentence(
        "users.messages.pushnotification.Open",
        #"the user clicked the push itself, or one of its buttons (CLOSE too): a direct open; total and "#
            + #"influenced opens are never counted here"#,
        .push
    ) { events in
        events.of("messages.pushnotification.Open", "u1").map { $0["button_action_type"] } == [nil, "CLOSE"]
            && !events.contains { $0.type.contains("InfluencedOpen") }
    },
    Sentence(
        "users.messages.pushnotification.IosForeground",
        #"a push was sent while the iOS app was in the foreground; whether the user sees it depends on "#
            + #"how the app handles foreground pushes"#,
        .push
    ) { events in
        events.count("messages.pushnotification.IosForeground") == 1
            && events.one("messages.pushnotification.IosForeground")?["platform"] == "ios"
    },
    Sentence(
        "users.messages.pushnotification.Bounce",
        #"APNs or FCM answered with an error, so the push did not reach the device"#,
        .push
    ) { events in
        // The fault that is to be tried again is none.
        events.of("messages.pushnotification.Bounce").map { $0["user_id"] } == ["u2"]
    },
    Sentence(
        "users.messages.email.Send",
        #"the request to send was accepted by the email provider; not proof that it reached the inbox"#,
        .email
    ) { events in
        // Also of what bounced.
        events.one("messages.email.Send", "u2")?["dispatch_id"] != nil
            && events.one("messages.email.Bounce", "u2") != nil
    },
    Sentence(
        "users.messages.email.Delivery",
        #"the email reached the inbox of the end user"#,
        .email
    ) { events in
        events.of("messages.email.Delivery").map { $0["user_id"] } == ["u1"]
    },
    Sentence(
        "users.messages.email.Open",
        #"the user opened the email; repeated opens make repeated events"#,
        .email
    ) { events in
        events.count("messages.email.Open") == 2
    },
    Sentence(
        "users.messages.email.Click",
        #"the user clicked a link; repeated clicks, or clicks on other links, make repeated events"#,
        .email
    ) { events in
        events.of("messages.email.Click").map { $0["url"]?.last }.filter { $0 != "c" } == ["a", "a", "b"]
    },
    Sentence(
        "users.messages.email.Bounce",
        #"hard bounce: a permanent delivery failure returned by the receiving side"#,
        .email
    ) { events in
        events.one("messages.email.Bounce", "u2")?["bounce_reason"] == "550 no such user"
    },
    Sentence(
        "users.messages.email.SoftBounce",
        #"soft bounce: a temporary delivery failure"#,
        .email
    ) { events in
        events.of("messages.email.SoftBounce").map { $0["bounce_reason"] } == ["452 mailbox full"]
    },
    Sentence(
        "users.messages.email.MarkAsSpam",
        #"the user pressed the spam button; mail that merely lands in a spam folder is not tracked"#,
        .email
    ) { events in
        events.of("messages.email.MarkAsSpam").map { $0["user_id"] } == ["u1"]
    },
    Sentence(
        "users.messages.email.Unsubscribe",
        #"the user clicked the unsubscribe link: a specialised click, not the change of subscription state"#,
        .email
    ) { events in
        // The click of one user, the change of another.
        events.of("messages.email.Unsubscribe").map { $0["user_id"] } == ["u1"]
            && events.one("behaviors.subscriptiongroup.StateChange", "u1") == nil
    },
    Sentence(
        "users.behaviors.subscriptiongroup.StateChange",
        #"the user's state in a subscription group changed; email and SMS only"#,
        .email
    ) { events in
        events.of("behaviors.subscriptiongroup.StateChange").map { $0["user_id"] } == ["u4"]
    },
    Sentence(
        "users.messages.inappmessage.Impression",
        #"the user saw an in-app message"#,
        .inApp
    ) { events in
        events.count("messages.inappmessage.Impression") == 1
    },
    Sentence(
        "users.messages.inappmessage.Click",
        #"the user clicked an in-app message"#,
        .inApp
    ) { events in
        events.count("messages.inappmessage.Click") == 1
    },
    Sentence(
        "users.messages.webhook.Send",
        #"a webhook was processed and sent to its third party; says nothing of whether the request was "#
            + #"received"#,
        .webhook
    ) { events in
        events.map(\.type) == ["users.messages.webhook.Send"]
    },
    Sentence(
        "users.messages.contentcard.Send",
        #"a content card was sent to the user"#,
        .cards
    ) { events in
        events.count("messages.contentcard.Send") == 1
    },
    Sentence(
        "users.messages.contentcard.Impression",
        #"the user saw a content card"#,
        .cards
    ) { events in
        events.count("messages.contentcard.Impression") == 1
    },
    Sentence(
        "users.messages.contentcard.Click",
        #"the user clicked a content card"#,
        .cards
    ) { events in
        events.count("messages.contentcard.Click") == 1
    },
    Sentence(
        "users.messages.contentcard.Dismiss",
        #"the user dismissed a content card"#,
        .cards
    ) { events in
        events.count("messages.contentcard.Dismiss") == 1
    },
    Sentence(
        "users.messages.newsfeedcard.Impression",
        #"the user viewed a news feed card; the impression of the feed itself is "#
            + #"users.behaviors.app.NewsFeedImpression, a customer-behaviour event"#,
        .cards
    ) { events in
        events.count("messages.newsfeedcard.Impression") == 1 && events.count("behaviors.app.NewsFeedImpression") == 0
    },
    Sentence(
        "users.messages.newsfeedcard.Click",
        #"the user clicked a news feed card; the impression of the feed itself is "#
            + #"users.behaviors.app.NewsFeedImpression, a customer-behaviour event"#,
        .cards
    ) { events in
        events.count("messages.newsfeedcard.Click") == 1 && events.count("behaviors.app.NewsFeedImpression") == 0
    },
    Sentence(
        "users.messages.sms.Send",
        #"an SMS was sent to a user"#,
        .sms
    ) { events in
        events.of("messages.sms.Send").map { $0["user_id"] } == ["u1", "u3", "u4", "u5"]
    },
    Sentence(
        "users.messages.sms.CarrierSend",
        #"an SMS was handed to the carrier"#,
        .sms
    ) { events in
        events.of("messages.sms.CarrierSend").map { $0["user_id"] } == ["u1"]
    },
    Sentence(
        "users.messages.sms.Delivery",
        #"an SMS reached the user's phone"#,
        .sms
    ) { events in
        events.of("messages.sms.Delivery").map { $0["user_id"] } == ["u1"]
    },
    Sentence(
        "users.messages.sms.Rejection",
        #"the carrier rejected an SMS, for one of several reasons; its error and provider code say which, "#
            + #"to troubleshoot sending"#,
        .sms
    ) { events in
        events.of("messages.sms.Rejection").map { $0["error"] } == ["Unknown destination handset"]
            && events.one("messages.sms.Rejection", "u3")?["provider_error_code"] == "30005"
    },
    Sentence(
        "users.messages.sms.DeliveryFailure",
        #"an SMS failed to be delivered; its error and provider code say why, to troubleshoot sending"#,
        .sms
    ) { events in
        events.of("messages.sms.DeliveryFailure").map { $0["error"] } == ["Unknown destination handset"]
            && events.one("messages.sms.DeliveryFailure", "u4")?["provider_error_code"] == "30005"
    },
    Sentence(
        "users.messages.sms.InboundReceive",
        #"a user sent an SMS to a number of one of the subscription groups; one event for each user who "#
            + #"shares the sending phone number; campaign or canvas is set when it replies (within four hours) "#
            + #"to an outbound message; to credit one user only, use SMS Delivery: the user who last received a "#
            + #"message from that number"#,
        .sms
    ) { events in
        // Two share the number, of which one was the last to be delivered a message.
        ["What sizes?", "too late"].map { body in
            events.of("messages.sms.InboundReceive").filter { $0["message_body"] == body }.map { $0["campaign_id"] }
        } == [["c-1", "c-1"], [nil, nil]]
            && Set(events.of("messages.sms.InboundReceive").map { $0["user_id"] }) == ["u1", "u2", "u6"]
            && events.of("messages.sms.Delivery").map { $0["user_id"] } == ["u1"]
    },
    Sentence(
        "users.campaigns.Conversion",
        #"the user did what the campaign defines as a conversion event"#,
        .campaign
    ) { events in
        events.of("campaigns.Conversion").compactMap { $0["user_id"] }.sorted() == ["u1", "u1", "u1", "u1", "u2"]
    },
    Sentence(
        "users.canvas.Conversion",
        #"the user did what the canvas defines as a conversion event"#,
        .canvas
    ) { events in
        events.of("canvas.Conversion").map { $0["user_id"] } == ["u1"]
    },
    Sentence(
        "users.canvas.Entry",
        #"the user entered a canvas; tells the variation entered; canvas_step_name is always null"#,
        .canvas
    ) { events in
        events.of("canvas.Entry").map { $0["canvas_variation_id"] } == ["w-1", "w-2"]
            && events.every("canvas.Entry") { $0.isNull("canvas_step_name") }
    },
    Sentence(
        "users.campaigns.EnrollInControl",
        #"the user was enrolled in the control variation of a multivariate campaign, so no send event "#
            + #"exists"#,
        .campaign
    ) { events in
        events.of("campaigns.EnrollInControl").map { $0["message_variation_id"] } == ["v-0"]
            && events.of("messages.email.Send").map { $0["user_id"] } == ["u1"]
    },
    Sentence(
        "users.behaviors.CustomEvent",
        #"the user performed a custom event; properties is a JSON string"#,
        .behaviours
    ) { events in
        events.of("behaviors.CustomEvent").map { $0["properties"] } == [#"{"plan":"pro"}"#]
    },
    Sentence(
        "users.behaviors.Purchase",
        #"the user made a purchase; properties is a JSON string"#,
        .behaviours
    ) { events in
        events.of("behaviors.Purchase").map { $0["properties"] } == [#"{"size":"M"}"#]
    },
    Sentence(
        "users.behaviors.Location",
        #"a location of the user was recorded"#,
        .behaviours
    ) { events in
        events.of("behaviors.Location").map { JSONNumber.double($0.fields["latitude"]) } == [48.85]
    },
    Sentence(
        "users.behaviors.InstallAttribution",
        #"an install was attributed to a source"#,
        .behaviours
    ) { events in
        events.of("behaviors.InstallAttribution").map { $0["source"] } == ["a network"]
    },
    Sentence(
        "users.behaviors.Uninstall",
        #"the user uninstalled the app"#,
        .behaviours
    ) { events in
        events.of("behaviors.Uninstall").map { $0["app_id"] } == ["a-1"]
    },
    Sentence(
        "users.behaviors.app.FirstSession",
        #"the user had a first session in the app"#,
        .behaviours
    ) { events in
        events.of("behaviors.app.FirstSession").map { $0["session_id"] } == ["s-1"]
    },
    Sentence(
        "users.behaviors.app.SessionStart",
        #"a session of the app began"#,
        .behaviours
    ) { events in
        events.of("behaviors.app.SessionStart").map { $0["session_id"] } == ["s-1"]
    },
    Sentence(
        "users.behaviors.app.SessionEnd",
        #"a session of the app ended; duration in seconds"#,
        .behaviours
    ) { events in
        events.of("behaviors.app.SessionEnd").map { JSONNumber.double($0.fields["duration"]) } == [61]
    },
    Sentence(
        "users.behaviors.app.NewsFeedImpression",
        #"the user viewed the news feed"#,
        .behaviours
    ) { events in
        events.of("behaviors.app.NewsFeedImpression").map { $0["app_id"] } == ["a-1"]
    },
    Sentence(
        "users.RandomBucketNumberUpdate",
        #"the random bucket number of the user changed"#,
        .posted
    ) { events in
        events.of("RandomBucketNumberUpdate").map { $0.integer("random_bucket_number") } == [42]
    },
]
