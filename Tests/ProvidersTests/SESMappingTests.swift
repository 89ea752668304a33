import Avro
import Platform
import Testing
import Tracking

@testable import Providers

/// What Amazon SES says, and what it means in the glossary's words.
@Suite("What Amazon SES's events become")
struct SESMappingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let sentence: String
        /// Members beside `mail`.
        let event: String
        let kinds: [ProviderReport.Kind]
        var fields: [String: JSONValue] = [:]
        var time: Int64? = 1_767_225_605

        var testDescription: String { sentence }

        init(
            _ sentence: String,
            _ event: String,
            _ kinds: [ProviderReport.Kind],
            _ fields: [String: JSONValue] = [:],
            time: Int64? = 1_767_225_605
        ) {
            self.sentence = sentence
            self.event = event
            self.kinds = kinds
            self.fields = fields
            self.time = time
        }
    }

    static func happened(_ action: String) -> ProviderReport.Kind { .happened(type: "users.messages.email.\(action)") }

    static let moment = #""timestamp":"2026-01-01T00:00:05.120Z""#
    static let esp = JSONValue.string("Amazon SES")
    static let domain = JSONValue.string("example.com")
    static let sender = JSONValue.string("192.0.2.7")

    static let rows: [Row] = messages + engagement + subscriptions

    static let messages: [Row] = [
        Row(
            "Send: the request was taken, at the mail's own time",
            #""eventType":"Send","send":{}"#,
            [.sent(type: "users.messages.email.Send")],
            ["from_domain": domain],
            time: 1_767_225_600
        ),
        Row(
            "Delivery: with the sending address and domain",
            #""eventType":"Delivery","delivery":{\#(moment),"recipients":["kim@example.net"],"smtpResponse":"250"}"#,
            [happened("Delivery")],
            ["sending_ip": sender, "from_domain": domain, "esp": esp]
        ),
        Row(
            "an identity's notification has the other name",
            #""notificationType":"Delivery","delivery":{\#(moment),"recipients":["kim@example.net"]}"#,
            [happened("Delivery")],
            ["sending_ip": sender, "from_domain": domain, "esp": esp]
        ),
        bounce(
            "Bounce, Permanent: a hard bounce, with the server's reason",
            "Permanent",
            "General",
            "smtp; 550 none",
            happened("Bounce"),
            ["bounce_reason": .string("smtp; 550 none"), "is_drop": .boolean(false), "sending_ip": sender]
        ),
        bounce(
            "Bounce of a suppressed address: a drop, not attempted, so without a sending address",
            "Permanent",
            "OnAccountSuppressionList",
            nil,
            happened("Bounce"),
            ["bounce_reason": .string("Permanent/OnAccountSuppressionList"), "is_drop": .boolean(true)]
        ),
        bounce(
            "Bounce, Transient: SES has given up, a soft bounce",
            "Transient",
            "MailboxFull",
            "smtp; 452 full",
            happened("SoftBounce"),
            ["bounce_reason": .string("smtp; 452 full"), "sending_ip": sender]
        ),
        bounce(
            "Bounce, Undetermined: a soft bounce",
            "Undetermined",
            "Undetermined",
            nil,
            happened("SoftBounce"),
            ["bounce_reason": .string("Undetermined/Undetermined"), "sending_ip": sender]
        ),
        Row(
            "DeliveryDelay: each single deferral",
            #""eventType":"DeliveryDelay","deliveryDelay":{\#(moment),"delayType":"MailboxFull","#
                + #""delayedRecipients":[{"emailAddress":"kim@example.net","status":"4.2.2","diagnosticCode":"452"}]}"#,
            [happened("Deferral")],
            [
                "deferral_reason": .string("452"), "recipient_domain": .string("example.net"), "sending_ip": sender,
                "from_domain": domain, "esp": esp,
            ]
        ),
        Row(
            "DeliveryDelay without a server's word: the delay's type is the reason",
            #""eventType":"DeliveryDelay","deliveryDelay":{\#(moment),"delayType":"MailboxFull","#
                + #""delayedRecipients":[{"emailAddress":"kim@example.net"}]}"#,
            [happened("Deferral")],
            [
                "deferral_reason": .string("MailboxFull"), "recipient_domain": .string("example.net"),
                "sending_ip": sender, "from_domain": domain, "esp": esp,
            ]
        ),
        Row(
            "Reject: nothing was sent, counted",
            #""eventType":"Reject","reject":{"reason":"Bad content"}"#,
            [.unmapped(name: "Reject")],
            time: nil
        ),
        Row(
            "Rendering Failure: nothing was sent, counted",
            #""eventType":"Rendering Failure","failure":{"errorMessage":"x","templateName":"t"}"#,
            [.unmapped(name: "Rendering Failure")],
            time: nil
        ),
        Row("a name that is not known is counted", #""eventType":"Beamed""#, [.unmapped(name: "Beamed")], time: nil),
    ]

    static let engagement: [Row] = [
        Row(
            "Open: with the user's system",
            #""eventType":"Open","open":{\#(moment),"ipAddress":"198.51.100.4","userAgent":"UA"}"#,
            [happened("Open")],
            ["user_agent": .string("UA"), "from_domain": domain, "esp": esp]
        ),
        Row(
            "Click: with the address clicked, and the link's tags as its alias",
            #""eventType":"Click","click":{\#(moment),"link":"https://a.example/","userAgent":"UA","#
                + #""linkTags":{"a":["1"],"b":["2"]}}"#,
            [happened("Click")],
            [
                "url": .string("https://a.example/"), "link_alias": .string("a:1;b:2"), "user_agent": .string("UA"),
                "from_domain": domain, "esp": esp,
            ]
        ),
        Row(
            "Click on a link whose tag names its alias",
            #""eventType":"Click","click":{\#(moment),"link":"l","linkTags":{"a":["1"],"link_alias":["top"]}}"#,
            [happened("Click")],
            ["url": .string("l"), "link_alias": .string("top"), "from_domain": domain, "esp": esp]
        ),
        Row(
            "Complaint: the user pressed the spam button; the reporting program is not the user's system",
            #""eventType":"Complaint","complaint":{\#(moment),"feedbackId":"f1","userAgent":"Loop/1","#
                + #""complainedRecipients":[{"emailAddress":"kim@example.net"}],"complaintFeedbackType":"abuse"}"#,
            [happened("MarkAsSpam")],
            ["from_domain": domain, "esp": esp]
        ),
        Row(
            "Complaint of type not-spam is none",
            #""eventType":"Complaint","complaint":{\#(moment),"feedbackId":"f1","complaintFeedbackType":"not-spam","#
                + #""complainedRecipients":[{"emailAddress":"kim@example.net"}]}"#,
            [.unmapped(name: "Complaint:not-spam")],
            time: nil
        ),
    ]

    static let subscriptions: [Row] = [
        subscription(
            "Subscription, out of everything: a click, and the state of every message",
            old:
                #"{"unsubscribeAll":false,"topicSubscriptionStatus":[{"topicName":"t","subscriptionStatus":"OptIn"}]}"#,
            new:
                #"{"unsubscribeAll":true,"topicSubscriptionStatus":[{"topicName":"t","subscriptionStatus":"OptOut"}]}"#,
            [happened("Unsubscribe"), .everything(isSubscribed: false)]
        ),
        subscription(
            "Subscription, out of a topic: a click, and the state of each topic that changed",
            old: topics(#""a":"OptIn","b":"OptIn","c":"OptOut""#),
            new: topics(#""a":"OptOut","b":"OptIn","c":"OptIn""#),
            [happened("Unsubscribe"), .group(id: "a", isSubscribed: false), .group(id: "c", isSubscribed: true)]
        ),
        subscription(
            "Subscription, into a topic: no click to leave",
            old: topics(#""a":"OptOut""#),
            new: topics(#""a":"OptIn""#),
            [.group(id: "a", isSubscribed: true)]
        ),
        subscription(
            "Subscription, back into everything",
            old: #"{"unsubscribeAll":true}"#,
            new: #"{"unsubscribeAll":false}"#,
            [.everything(isSubscribed: true)]
        ),
    ]

    @Test("the mapping table, row by row", arguments: rows)
    func mapping(row: Row) throws {
        let reports = try read(row.event)
        #expect(reports.map(\.kind) == row.kinds)
        #expect(Set(reports.map(\.key)).count == reports.count, "two facts have two keys")
        for report in reports {
            #expect(report.account == "000000000000")
            #expect(report.providerMessageID == "ses-1")
            #expect(report.messageID == "m-1")
            #expect(report.metadata == ["user_id": "u-42"])
            #expect(report.time == row.time)
            if case .unmapped = report.kind { continue }
            #expect(report.address == .email("kim@example.net"))
        }
        #expect(Dictionary(uniqueKeysWithValues: reports[0].fields.map { ($0.key, $0.value) }) == row.fields)
    }

    @Test("a subscription that changed nothing is counted")
    func unchanged() throws {
        let preferences = Self.topics(#""a":"OptIn""#)
        let row = Self.subscription("", old: preferences, new: preferences, [])
        #expect(try read(row.event).map(\.kind) == [.unmapped(name: "Subscription")])
    }

    @Test("each recipient has an event of its own, with its own key")
    func fanOut() throws {
        let three =
            #"[{"emailAddress":"a@b.example"},{"emailAddress":"C <c@d.example>"},{"emailAddress":"e@f.example"}]"#
        let addresses: [ProviderReport.Address] = ["a@b.example", "c@d.example", "e@f.example"].map { .email($0) }
        let bounce = #""eventType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":\#(three)"#
        let events = [
            (bounce + #","feedbackId":"f1"}"#, "f1"), (bounce + "}", "sns-1"),
            (#""eventType":"Complaint","complaint":{"feedbackId":"f2","complainedRecipients":\#(three)}"#, "f2"),
            (#""eventType":"DeliveryDelay","deliveryDelay":{"delayedRecipients":\#(three)}"#, "sns-1"),
            (
                #""eventType":"Delivery","delivery":{"recipients":["a@b.example","c@d.example","e@f.example"]}"#,
                "sns-1"
            ),
        ]
        for (event, key) in events {
            let reports = try read(event)
            #expect(reports.map(\.address) == addresses)
            #expect(reports.map(\.key) == ["\(key):0", "\(key):1", "\(key):2"])
        }
        let sent = try read(#""eventType":"Send""#, destination: #"["a@b.example","c@d.example","e@f.example"]"#)
        #expect(sent.map(\.address) == addresses)
    }

    @Test("an open or a click of a message to several is nobody's: a dead letter", arguments: ["Open", "Click"])
    func several(name: String) throws {
        let event = #""eventType":"\#(name)","\#(name.lowercased())":{\#(Self.moment)}"#
        #expect(try reading(event, destination: #"["a@b.example","c@d.example"]"#).strange.count == 1)
        #expect(try read(event).count == 1)
    }

    @Test("the text that SES posts when it may publish says nothing")
    func greeting() throws {
        let text = "Successfully validated SNS topic for Amazon SES event publishing."
        #expect(try reading(text: text) == WebhookReading())
    }

    @Test(
        "a genuine message that is no event is one dead letter, with its envelope",
        arguments: [
            "", "hello", "7", "[]", "{}", #"{"eventType":7}"#, #"{"eventType":"Bounce"}"#,
            #"{"eventType":"Bounce","bounce":{"bouncedRecipients":[]}}"#,
            #"{"eventType":"Bounce","bounce":{"bouncedRecipients":[{}]}}"#, #"{"eventType":"Send"}"#,
            #"{"eventType":"Delivery","delivery":{"recipients":["a@b.example"],"timestamp":"yesterday"}}"#,
        ]
    )
    func strange(text: String) throws {
        let reading = try reading(text: text)
        #expect(reading.reports.isEmpty)
        #expect(reading.strange.count == 1)
        #expect(reading.strange[0].raw.starts(with: Array("{\"Type\":".utf8)))
    }

    @Test("the sample goes through with what was given to it")
    func sample() async throws {
        let sample = try SESSample.shared.get()
        let text = SESSample.delivery(at: Vectors.time, tags: [("message_id", "m-1"), ("user_id", "u-1")])
        let request = try sample.notification(text, id: "1", url: SESSample.address, at: Vectors.time, subject: "x")
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: sample.host.fetch)
        #expect(await webhook.refusal(of: request) == nil)
        let report = try #require(webhook.read(request).reports.first)
        #expect(report.kind == Self.happened("Delivery"))
        #expect(report.messageID == "m-1")
        #expect(report.metadata == ["user_id": "u-1"])
    }

    private func reading(text: String) throws -> WebhookReading {
        let sample = try SESSample.shared.get()
        let webhook = try SESWebhook(SESConfiguration(topics: [], isUnverified: true), fetch: sample.host.fetch)
        return webhook.read(try sample.notification(text, id: "sns-1", url: SESSample.address, at: Vectors.time))
    }

    private func reading(_ event: String, destination: String = #"["kim@example.net"]"#) throws -> WebhookReading {
        try reading(
            text: #"{\#(event),"mail":{"timestamp":"2026-01-01T00:00:00.000Z","messageId":"ses-1","#
                + #""sendingAccountId":"000000000000","destination":\#(destination),"tags":{"#
                + #""ses:outgoing-ip":["192.0.2.7"],"ses:from-domain":["example.com"],"message_id":["m-1"],"#
                + #""user_id":["u-42"],"other":["x"]}}}"#
        )
    }

    private func read(_ event: String, destination: String = #"["kim@example.net"]"#) throws -> [ProviderReport] {
        let reading = try reading(event, destination: destination)
        #expect(reading.strange.isEmpty)
        return reading.reports
    }

    private static func bounce(
        _ sentence: String,
        _ type: String,
        _ subtype: String,
        _ code: String?,
        _ kind: ProviderReport.Kind,
        _ fields: [String: JSONValue]
    ) -> Row {
        let code = code.map { #","action":"failed","diagnosticCode":"\#($0)""# } ?? ""
        let event =
            #""eventType":"Bounce","bounce":{\#(moment),"bounceType":"\#(type)","bounceSubType":"\#(subtype)","#
            + #""feedbackId":"f1","bouncedRecipients":[{"emailAddress":"kim@example.net"\#(code)}]}"#
        return Row(sentence, event, [kind], fields.merging(["from_domain": domain, "esp": esp]) { $1 })
    }

    private static func subscription(
        _ sentence: String,
        old: String,
        new: String,
        _ kinds: [ProviderReport.Kind]
    ) -> Row {
        let event =
            #""eventType":"Subscription","subscription":{\#(moment),"contactList":"l","source":"UnsubscribeHeader","#
            + #""newTopicPreferences":\#(new),"oldTopicPreferences":\#(old)}"#
        return Row(sentence, event, kinds)
    }

    /// Preferences of `"a":"OptIn","b":"OptOut"`.
    private static func topics(_ text: String) -> String {
        let items = text.split(separator: ",").map { pair in
            let parts = pair.split(separator: ":")
            return #"{"topicName":\#(parts[0]),"subscriptionStatus":\#(parts[1])}"#
        }
        return #"{"unsubscribeAll":false,"topicSubscriptionStatus":[\#(items.joined(separator: ","))]}"#
    }
}
