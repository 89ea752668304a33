import Avro

@testable import Tracking

/// What each field means, as the catalogue says it.
let fieldSentences: [Sentence] = [
    Sentence(
        "id",
        #"unique id of this event; the key for de-duplication"#,
        .email
    ) { events in
        // Everything was told twice.
        Set(events.map { $0["id"] }).count == events.count && events.count > 20
    },
    Sentence(
        "user_id",
        #"id of the user on the platform"#,
        .email
    ) { events in
        events.one("messages.email.Bounce")?["user_id"] == "u2"
    },
    Sentence(
        "external_user_id",
        #"the customer's own id of the user"#,
        .email
    ) { events in
        events.one("messages.email.Bounce")?["external_user_id"] == "x2"
    },
    Sentence(
        "app_id",
        #"app the action happened on"#,
        .behaviours
    ) { events in
        events.one("behaviors.app.SessionStart")?["app_id"] == "a-1"
    },
    Sentence(
        "time",
        #"UTC time of the event, ten-digit seconds since the epoch"#,
        .email
    ) { events in
        events.one("messages.email.Delivery")?.integer("time") == Scenario.start + 60
    },
    Sentence(
        "timezone",
        #"IANA time zone of the user at the time of the event"#,
        .email
    ) { events in
        events.one("messages.email.Open")?["timezone"] == "Europe/Paris"
    },
    Sentence(
        "platform",
        #"platform of the device: ios, android, web, and others; kept as sent (an open list)"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Open", "u1")?["platform"] == "ios"
    },
    Sentence(
        "campaign_id",
        #"campaign, if from one"#,
        .email
    ) { events in
        events.one("messages.email.Delivery")?["campaign_id"] == "c-1"
            && events.one("messages.email.Bounce", "u5")?.isNull("campaign_id") == true
    },
    Sentence(
        "campaign_name",
        #"name of the campaign"#,
        .email
    ) { events in
        events.one("messages.email.Delivery")?["campaign_name"] == "Spring"
    },
    Sentence(
        "message_variation_id",
        #"message variation, if from a campaign"#,
        .email
    ) { events in
        events.one("messages.email.Delivery")?["message_variation_id"] == "v-a"
            && events.of("messages.email.Click").last?.isNull("message_variation_id") == true
    },
    Sentence(
        "canvas_id",
        #"canvas, if from one"#,
        .email
    ) { events in
        events.of("messages.email.Click").map { $0["canvas_id"] } == [nil, nil, nil, "cv-1"]
    },
    Sentence(
        "canvas_name",
        #"name of the canvas"#,
        .email
    ) { events in
        events.of("messages.email.Click").last?["canvas_name"] == "Welcome"
    },
    Sentence(
        "canvas_variation_id",
        #"canvas variation the user is in"#,
        .email
    ) { events in
        events.of("messages.email.Click").last?["canvas_variation_id"] == "w-1"
    },
    Sentence(
        "canvas_variation_name",
        #"name of that variation"#,
        .email
    ) { events in
        events.of("messages.email.Click").last?["canvas_variation_name"] == "One"
    },
    Sentence(
        "canvas_step_id",
        #"canvas step of this message"#,
        .email
    ) { events in
        events.of("messages.email.Click").last?["canvas_step_id"] == "s-2"
    },
    Sentence(
        "canvas_step_name",
        #"name of that step"#,
        .email
    ) { events in
        events.of("messages.email.Click").last?["canvas_step_name"] == "Again"
    },
    Sentence(
        "send_id",
        #"send identifier of the message, if one was given for the campaign"#,
        .email
    ) { events in
        // The definition's, unless the report names one; of a canvas none.
        events.sent("u2").map { $0["send_id"] } == ["spring-1", "own", "spring-1", nil, nil]
    },
    Sentence(
        "dispatch_id",
        #"id of the transmission: users of one scheduled message share it; action-based and API-triggered "#
            + #"messages get one per user; canvas steps count as triggered even when scheduled, except entry "#
            + #"steps, which can be scheduled"#,
        .email
    ) { events in
        // Scheduled, API, action, a canvas step, an entry step.
        zip(events.sent("u1"), events.sent("u2")).map { $0["dispatch_id"] == $1["dispatch_id"] }
            == [true, false, false, false, true]
            && events.one("messages.email.Open")?["dispatch_id"] == events.sent("u1", 0)?["dispatch_id"]
    },
    Sentence(
        "device_id",
        #"device to which delivery was attempted"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Bounce")?["device_id"] == "d-1"
    },
    Sentence(
        "ad_id",
        #"advertising id; only there when the app explicitly collects it"#,
        .push
    ) { events in
        // Where nobody collected one there is none.
        ["u1", "u3"].map { events.one("messages.pushnotification.Send", $0)?["ad_id"] } == ["ad-1", nil]
    },
    Sentence(
        "ad_id_type",
        #"one of ios_idfa, google_ad_id, windows_ad_id, roku_ad_id"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Send", "u1")?["ad_id_type"] == "ios_idfa"
    },
    Sentence(
        "ad_tracking_enabled",
        #"whether ad tracking is enabled on the device"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Send", "u1")?.fields["ad_tracking_enabled"] == .boolean(true)
    },
    Sentence(
        "canvas_step_message_variation_id",
        #"id of the message variation of the canvas step that the user received"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Open", "u3")?["canvas_step_message_variation_id"] == "m-2"
    },
    Sentence(
        "os_version",
        #"operating system version of the device used"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Open", "u1")?["os_version"] == "17.6"
    },
    Sentence(
        "device_model",
        #"hardware model of the device"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Open", "u1")?["device_model"] == "Phone"
    },
    Sentence(
        "button_action_type",
        #"URI, DEEP_LINK, NONE, CLOSE, SHARE; null when no button was clicked (real files also carry "#
            + #"other values and lower case: an open list)"#,
        .push
    ) { events in
        events.of("messages.pushnotification.Open", "u1").map { $0["button_action_type"] } == [nil, "CLOSE"]
    },
    Sentence(
        "button_string",
        #"identifier of the clicked push button; null when no button was clicked"#,
        .push
    ) { events in
        events.of("messages.pushnotification.Open", "u1").map { $0["button_string"] } == [nil, "b-1"]
    },
    Sentence(
        "app_id",
        #"app the bounce occurred on"#,
        .push
    ) { events in
        events.one("messages.pushnotification.Bounce")?["app_id"] == "a-2"
    },
    Sentence(
        "email_address",
        #"email address of this event"#,
        .email
    ) { events in
        events.one("messages.email.Open")?["email_address"] == "u1@example.com"
    },
    Sentence(
        "ip_pool",
        #"IP pool the message was sent from"#,
        .email
    ) { events in
        events.one("messages.email.Open")?["ip_pool"] == "bulk"
    },
    Sentence(
        "sending_ip",
        #"IP the message was sent from (email Delivery, Bounce, SoftBounce only), shown only when sending "#
            + #"was really attempted; may be lost where the receiving server accepted the mail and only later "#
            + #"refused it"#,
        .email
    ) { events in
        let bounces = events.of("messages.email.Bounce")
        return bounces.map { $0["sending_ip"] } == ["192.0.2.7", nil]
            && events.one("messages.email.Delivery")?["sending_ip"] == "192.0.2.7"
            && events.one("messages.email.SoftBounce")?["sending_ip"] == "192.0.2.7"
            && events.owners(of: "sending_ip") == ["Bounce", "Delivery", "SoftBounce"]
    },
    Sentence(
        "user_agent",
        #"system and browser of the user (email Click, Open, MarkAsSpam only)"#,
        .email
    ) { events in
        ["Open", "Click", "MarkAsSpam"].allSatisfy { name in
            events.one("messages.email.\(name)")?["user_agent"] == Scenario.agent
        } && events.owners(of: "user_agent") == ["Click", "MarkAsSpam", "Open"]
    },
    Sentence(
        "dispatch_id",
        #"id of the transmission: users of one scheduled message share it; action-based and API-triggered "#
            + #"messages get one per user; canvas steps count as triggered even when scheduled, except entry "#
            + #"steps, which can be scheduled; on Click present only when campaign_id is present"#,
        .email
    ) { events in
        events.of("messages.email.Click").map { $0.isNull("dispatch_id") } == [false, false, false, true]
    },
    Sentence(
        "url",
        #"clicked URL (email Click only)"#,
        .email
    ) { events in
        events.one("messages.email.Click")?["url"] == "https://shop.example/a" && events.owners(of: "url") == ["Click"]
    },
    Sentence(
        "ip_pool",
        #"absent in some bounce cases"#,
        .email
    ) { events in
        events.of("messages.email.Bounce").map { $0["ip_pool"] } == ["bulk", nil]
    },
    Sentence(
        "bounce_reason",
        #"reason given by the server"#,
        .email
    ) { events in
        events.one("messages.email.SoftBounce")?["bounce_reason"] == "452 mailbox full"
    },
    Sentence(
        "email_address",
        #"email address of the user"#,
        .email
    ) { events in
        events.one("behaviors.subscriptiongroup.StateChange")?["email_address"] == "u4@example.com"
    },
    Sentence(
        "phone_number",
        #"E.164"#,
        .sms
    ) { events in
        events.one("behaviors.subscriptiongroup.StateChange")?["phone_number"] == Stories.phone("u6")
    },
    Sentence(
        "subscription_group_id",
        #"id of the subscription group whose state changed"#,
        .email
    ) { events in
        events.one("behaviors.subscriptiongroup.StateChange")?["subscription_group_id"] == "g-news"
    },
    Sentence(
        "subscription_status",
        #"state after the change: 'Subscribed' or 'Unsubscribed'"#,
        .sms
    ) { events in
        events.of("behaviors.subscriptiongroup.StateChange").map { $0["subscription_status"] } == [
            "Unsubscribed", "Subscribed",
        ]
    },
    Sentence(
        "channel",
        #"'sms' or 'email'"#,
        .sms
    ) { events in
        events.every("behaviors.subscriptiongroup.StateChange") { $0["channel"] == "sms" }
    },
    Sentence(
        "card_id",
        #"API id of the card of this in-app message"#,
        .inApp
    ) { events in
        ["Impression", "Click"].allSatisfy { name in
            events.one("messages.inappmessage.\(name)")?["card_id"] == "card-1"
        }
    },
    Sentence(
        "device_id",
        #"device on which the event occurred"#,
        .inApp
    ) { events in
        ["Impression", "Click"].allSatisfy { name in
            events.one("messages.inappmessage.\(name)")?["device_id"] == "d-1"
        }
    },
    Sentence(
        "button_id",
        #"index of the clicked button, or the click tracking id when it comes from the message bridge's "#
            + #"log-click call"#,
        .inApp
    ) { events in
        events.one("messages.inappmessage.Click")?["button_id"] == "0"
    },
    Sentence(
        "content_card_id",
        #"id of the content card that was sent"#,
        .cards
    ) { events in
        events.one("messages.contentcard.Send")?["content_card_id"] == "cc-1"
    },
    Sentence(
        "content_card_id",
        #"id of the content card that was viewed, clicked or dismissed"#,
        .cards
    ) { events in
        ["Impression", "Click", "Dismiss"].allSatisfy { name in
            events.one("messages.contentcard.\(name)")?["content_card_id"] == "cc-1"
        }
    },
    Sentence(
        "card_id",
        #"id of the card that was viewed"#,
        .cards
    ) { events in
        events.one("messages.newsfeedcard.Impression")?["card_id"] == "n-1"
    },
    Sentence(
        "card_id",
        #"id of the card that was clicked"#,
        .cards
    ) { events in
        events.one("messages.newsfeedcard.Click")?["card_id"] == "n-1"
    },
    Sentence(
        "to_phone_number",
        #"number the SMS was sent to"#,
        .sms
    ) { events in
        events.one("messages.sms.Delivery")?["to_phone_number"] == Stories.phone("u1")
    },
    Sentence(
        "subscription_group_id",
        #"subscription group targeted by this SMS"#,
        .sms
    ) { events in
        events.one("messages.sms.Delivery")?["subscription_group_id"] == "g-sms"
    },
    Sentence(
        "category",
        #"set when the SMS is an automatic reply to a global keyword: Opt-In, Opt-out, Help, or a custom "#
            + #"category (an open list)"#,
        .sms
    ) { events in
        events.of("messages.sms.Send").map { $0["category"] } == [nil, nil, nil, "Opt-In"]
    },
    Sentence(
        "from_phone_number",
        #"number the SMS was sent from; the page says for delivered and undelivered only, real files "#
            + #"carry it on CarrierSend, Delivery and Rejection: filled whenever known"#,
        .sms
    ) { events in
        ["CarrierSend", "Delivery", "Rejection"].allSatisfy { name in
            events.one("messages.sms.\(name)")?["from_phone_number"] == Scenario.ours
        }
    },
    Sentence(
        "error",
        #"error given by the platform (Rejection and DeliveryFailure only)"#,
        .sms
    ) { events in
        events.one("messages.sms.Rejection")?["error"] == "Unknown destination handset"
            && events.owners(of: "error") == ["DeliveryFailure", "Rejection"]
    },
    Sentence(
        "provider_error_code",
        #"provider's reason code (Rejection and DeliveryFailure only)"#,
        .sms
    ) { events in
        events.one("messages.sms.DeliveryFailure")?["provider_error_code"] == "30005"
            && events.owners(of: "provider_error_code") == ["DeliveryFailure", "Rejection"]
    },
    Sentence(
        "subscription_group_api_id",
        #"API id of the subscription group targeted by this SMS"#,
        .sms
    ) { events in
        // Ours have one id only.
        events.one("messages.sms.Rejection")?.isNull("subscription_group_api_id") == true
    },
    Sentence(
        "app_group_id",
        #"API id of the app group (workspace) that the inbound number belongs to"#,
        .sms
    ) { events in
        events.every("messages.sms.InboundReceive") { $0["app_group_id"] == "ag-1" }
    },
    Sentence(
        "user_phone_number",
        #"number of the user who sent the message"#,
        .sms
    ) { events in
        events.one("messages.sms.InboundReceive", "u6")?["user_phone_number"] == Stories.phone("u6")
    },
    Sentence(
        "subscription_group_id",
        #"id of the subscription group that the number the user texted belongs to"#,
        .sms
    ) { events in
        events.every("messages.sms.InboundReceive") { $0["subscription_group_id"] == "g-sms" }
    },
    Sentence(
        "inbound_phone_number",
        #"number the message was sent to"#,
        .sms
    ) { events in
        events.every("messages.sms.InboundReceive") { $0["inbound_phone_number"] == Scenario.ours }
    },
    Sentence(
        "action",
        #"subscription action taken: subscribed, unsubscribed, or none when the body matches no opt-in or "#
            + #"opt-out keyword; read in any letter case, written as the glossary has it, in lower case"#,
        .sms
    ) { events in
        events.of("messages.sms.InboundReceive", "u6").map { $0["action"] } == ["unsubscribed", "subscribed", "none"]
    },
    Sentence(
        "message_body",
        #"what the user wrote"#,
        .sms
    ) { events in
        events.of("messages.sms.InboundReceive", "u6").map { $0["message_body"] } == [
            "sToP ", "Start", "please stop it",
        ]
    },
    Sentence(
        "campaign_id",
        #"campaign that this message answers, if it is a reply to one"#,
        .sms
    ) { events in
        events.of("messages.sms.InboundReceive", "u2").map { $0["campaign_id"] } == ["c-1", nil]
    },
    Sentence(
        "message_variation_id",
        #"message variation that this message answers, if it is a reply to a campaign"#,
        .sms
    ) { events in
        events.of("messages.sms.InboundReceive", "u2").map { $0["message_variation_id"] } == ["v-a", nil]
    },
    Sentence(
        "conversion_behavior_index",
        #"which conversion event: 0 = A, 1 = B, 2 = C, 3 = D (the page's prose also calls it "#
            + #"conversion_index)"#,
        .campaign
    ) { events in
        events.of("campaigns.Conversion", "u1").compactMap { $0.integer("conversion_behavior_index") }.sorted() == [
            0, 1, 2, 3,
        ]
    },
    Sentence(
        "conversion_behavior",
        #"JSON-encoded string: type of the conversion event, its window in seconds, and details that "#
            + #"depend on the type, such as {"type":"Makes Purchase","window":3600,"product":"any"}"#,
        .campaign
    ) { events in
        Set(events.of("campaigns.Conversion", "u1").map { $0["conversion_behavior"] }) == [
            #"{"type":"Makes Purchase","window":3600,"product":"any"}"#,
            #"{"type":"Performs Custom Event","window":3600,"custom_event_name":"signed_up"}"#,
            #"{"type":"Starts Session","window":3600}"#, #"{"type":"Clicks Message","window":3600}"#,
        ]
    },
    Sentence(
        "canvas_step_id",
        #"id of the last step the user was sent before converting"#,
        .canvas
    ) { events in
        events.one("canvas.Conversion")?["canvas_step_id"] == "s-2"
    },
    Sentence(
        "canvas_step_id",
        #"id of the step the user entered"#,
        .canvas
    ) { events in
        events.every("canvas.Entry") { $0["canvas_step_id"] == "s-1" }
    },
    Sentence(
        "canvas_step_name",
        #"the page lists the field twice, once as always null, once as the name of the step: our own "#
            + #"tracking writes null, a value sent by others is kept"#,
        .canvas
    ) { events in
        events.every("canvas.Entry") { $0.isNull("canvas_step_name") }
            && events.one("canvas.Conversion")?["canvas_step_name"] == "Again"
    },
    Sentence(
        "in_control_group",
        #"whether the user was enrolled in the control group"#,
        .canvas
    ) { events in
        events.of("canvas.Entry").map { $0.fields["in_control_group"] } == [.boolean(false), .boolean(true)]
    },
]
