import Glossary
import Testing

@Suite("What the glossary states")
struct StatementTests {
    private let edition2021 = Glossary.standard.edition("2021")

    @Test("statement 1: the glossary's document says that events are tracked and sent to the storage of one's choice")
    func tracksAndSends() {
        #expect(GlossaryDocument.markdown(.standard).contains("tracks and sends to the storage of your choice"))
    }

    @Test(
        "statement 2: types are looked up by name, by text and by tag, and customer behaviour is a section of its own"
    )
    func looksUp() throws {
        let edition = try #require(edition2021)
        #expect(edition.type(named: "users.messages.email.Click")?.title == "Email Click")
        #expect(edition.types(matching: Filter(text: "spam button")).map(\.recordName) == ["MarkAsSpam"])
        let smsDelivery = edition.types(matching: Filter(channels: ["sms"], actions: ["delivery"])).map(\.recordName)
        #expect(smsDelivery == ["CarrierSend", "Delivery", "DeliveryFailure"])
        #expect(edition.types(matching: Filter(sections: ["customer-behaviour"])).count == 10)
        #expect(GlossaryDocument.markdown(.standard).contains("courant sample --each"))
    }

    @Test("statement 4: the document shows the three parts of an event, and every field stands in one of them")
    func threeParts() throws {
        let document = GlossaryDocument.markdown(.standard)
        for group in FieldGroup.allCases {
            #expect(document.contains("**\(group.title)**"))
            #expect(document.contains("// \(group.title.lowercased())"))
        }
        for type in Glossary.standard.editions.flatMap(\.types) {
            let parts = FieldGroup.allCases.flatMap { type.fields(in: $0) }
            #expect(parts.count == type.fields.count && Set(parts) == Set(type.fields))
        }
        let click = try standardType("users.messages.email.Click")
        #expect(click.fields(in: .user).map(\.name) == ["id", "user_id", "external_user_id", "time", "timezone"])
    }

    @Test("statement 5: the document says that the schemas are those of flat files, and that other partners' differ")
    func flatFilesOnly() {
        let document = GlossaryDocument.markdown(.standard)
        #expect(document.contains("flat files in Amazon S3, Google Cloud Storage, Azure Blob Storage"))
        #expect(document.contains("Other partners get other shapes"))
    }

    @Test("statement 6: the size limit holds in every source")
    func sizeLimit() {
        #expect(Rule.sizeOverLimit.code == "size_over_limit" && Rule.sizeOverLimit.enforcement == .always)
        #expect(Rule.sizeOverLimit.sentence.contains("900,000"))
    }

    @Test("the rule of senders and the description of a subscription's action say what is taken and kept")
    func wordsOfRules() throws {
        #expect(!holds(.sender, "24/7") && holds(.sender, "24/7 A"))
        #expect(FieldRule.sender.rule.sentence.contains("at least one of them a letter"))
        let inbound = try standardType("users.messages.sms.InboundReceive")
        let action = try #require(inbound.field(named: "action"))
        #expect(holds(try #require(action.rule), "Subscribed"))
        #expect(action.description.contains("kept as it was sent"))
    }

    @Test("statement 7: the description of ad_id says that the app must collect it")
    func advertisingIDs() throws {
        let field = try #require(try standardType("users.messages.pushnotification.Send").field(named: "ad_id"))
        #expect(field.description.contains("only when the app collects it"))
        #expect(!field.isRequired && field.isPersonal)
    }

    @Test(
        "statement 8: dispatch_id is explained, and on email Click alone it needs a campaign",
        arguments: ["2021", "v10"]
    )
    func dispatchIDs(name: String) throws {
        let edition = try #require(Glossary.standard.edition(name))
        let needing = edition.types.filter(\.dispatchNeedsCampaign).map(\.name)
        #expect(needing == ["users.messages.email.Click"])
        for type in edition.types {
            guard let field = type.field(named: "dispatch_id") else { continue }
            for word in ["scheduled", "one for each user", "except entry steps"] {
                #expect(field.description.contains(word), "\(type.name)")
            }
        }
        let click = try #require(edition.type(named: "users.messages.email.Click")?.field(named: "dispatch_id"))
        #expect(click.description.contains("only together with a campaign_id"))
    }

    @Test("statement 9: fields of certain cases are nullable and stand on the types that the notes name")
    func fieldsOfCertainCases() throws {
        let owners = [
            "sending_ip": ["Delivery", "Bounce", "SoftBounce"], "user_agent": ["Open", "Click", "MarkAsSpam"],
            "url": ["Click"], "bounce_reason": ["Bounce", "SoftBounce"], "error": ["Rejection", "DeliveryFailure"],
            "provider_error_code": ["Rejection", "DeliveryFailure"],
        ]
        for (name, types) in owners {
            let found = try #require(edition2021).types.filter { $0.field(named: name) != nil }
            #expect(found.map(\.recordName) == types, "\(name)")
            for type in found { #expect(type.field(named: name)?.isRequired == false) }
        }
    }

    @Test("statement 10: Send never means arrival, and opens and clicks repeat")
    func sendIsNoArrival() throws {
        for channel in ["pushnotification", "email"] {
            #expect(try standardType("users.messages.\(channel).Send").occurs.contains("no proof"))
        }
        #expect(try standardType("users.messages.webhook.Send").occurs.contains("says nothing of whether"))
        #expect(try standardType("users.messages.email.Open").occurs.contains("Each further open is an event"))
        #expect(try standardType("users.messages.email.Click").occurs.contains("events of their own"))
    }

    @Test("statement 11: a Bounce is for good, a SoftBounce for the time being, and a Deferral is of v10 only")
    func bounces() throws {
        #expect(try standardType("users.messages.email.Bounce").occurs.contains("hard bounce"))
        #expect(try standardType("users.messages.email.SoftBounce").occurs.contains("soft bounce"))
        #expect(edition2021?.type(named: "users.messages.email.Deferral") == nil)
        #expect(Glossary.standard.edition("v10")?.type(named: "users.messages.email.Deferral") != nil)
    }

    @Test("statement 12: MarkAsSpam is the button, Unsubscribe a click and no change of state")
    func spamAndUnsubscribe() throws {
        #expect(try standardType("users.messages.email.MarkAsSpam").occurs.contains("spam button"))
        #expect(try standardType("users.messages.email.Unsubscribe").occurs.contains("not the change"))
    }

    @Test("statement 13: subscription groups are for email and SMS, their states Subscribed and Unsubscribed")
    func subscriptionGroups() throws {
        let type = try standardType("users.behaviors.subscriptiongroup.StateChange")
        #expect(type.channels.map(\.slug) == ["email", "sms"])
        let status = try #require(FieldRule.rule(forField: "subscription_status", type: type))
        let channel = try #require(FieldRule.rule(forField: "channel", type: type))
        #expect(status.rule.enforcement == .strict && channel.rule.enforcement == .strict)
        #expect(holds(status, "Subscribed") && holds(status, "Unsubscribed") && !holds(status, "Opted-In"))
        #expect(holds(channel, "email") && holds(channel, "sms") && !holds(channel, "push"))
    }

    @Test("statement 14: the inbound SMS says who shares the number and what a reply is")
    func inboundMessages() throws {
        let type = try standardType("users.messages.sms.InboundReceive")
        #expect(type.occurs.contains("one event for each user who shares") && type.occurs.contains("four hours"))
        #expect(type.field(named: "campaign_id")?.description.contains("reply") == true)
    }

    @Test("statement 15: conversion_behavior is a JSON object in a string, its index 0 to 3")
    func conversions() throws {
        for name in ["users.campaigns.Conversion", "users.canvas.Conversion"] {
            let type = try standardType(name)
            #expect(FieldRule.rule(forField: "conversion_behavior", type: type) == .jsonObject)
            #expect(FieldRule.rule(forField: "conversion_behavior_index", type: type) == .conversionIndex)
        }
    }

    @Test("statement 16: Entry tells variation, step and control group, and enrolment stands in place of a send")
    func entries() throws {
        let entry = try standardType("users.canvas.Entry")
        for name in ["canvas_variation_id", "canvas_step_id", "in_control_group"] {
            #expect(entry.field(named: name) != nil)
        }
        #expect(FieldRule.rule(forField: "canvas_step_name", type: entry)?.rule.enforcement == .counted)
        let conversion = try standardType("users.canvas.Conversion")
        #expect(FieldRule.rule(forField: "canvas_step_name", type: conversion) == nil)
        #expect(try standardType("users.campaigns.EnrollInControl").occurs.contains("no send event"))
    }

    @Test("statement 17: InboundReceived is an alias", arguments: ["users.messages.sms.InboundReceived"])
    func alias(name: String) throws {
        let edition = try #require(edition2021)
        #expect(edition.type(named: name)?.name == "users.messages.sms.InboundReceive")
        #expect(edition.types(matching: Filter(events: [name])).map(\.recordName) == ["InboundReceive"])
        #expect(edition.types(matching: Filter(events: ["*.InboundReceived"])).map(\.recordName) == ["InboundReceive"])
        #expect(edition.types(matching: Filter(text: "InboundReceived")).map(\.recordName) == ["InboundReceive"])
        #expect(Glossary.standard.edition("v10")?.type(named: name)?.recordName == "InboundReceive")
    }

    @Test("statement 18: tags over-count, and the document warns")
    func tagsOverCount() throws {
        let edition = try #require(edition2021)
        let sends = edition.types(matching: Filter(channels: ["push"], actions: ["sends"])).map(\.recordName)
        #expect(sends == ["Send", "IosForeground", "Bounce"])
        let deliveries = edition.types(matching: Filter(actions: ["delivery"])).map(\.recordName)
        #expect(deliveries == ["Delivery", "CarrierSend", "Delivery", "DeliveryFailure"])
        let document = GlossaryDocument.markdown(.standard)
        for name in ["IosForeground", "CarrierSend and DeliveryFailure", "Count by event type"] {
            #expect(document.contains(name))
        }
    }
}
