import Avro
import Platform
import Testing
import Tracking

@testable import Providers

/// What SendGrid says, and what it means in the glossary's words.
@Suite("What SendGrid's events become")
struct SendGridMappingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let sentence: String
        /// Members beside address, time and id.
        let event: String
        let kinds: [ProviderReport.Kind]
        var fields: [String: JSONValue] = [:]

        var testDescription: String { sentence }

        init(
            _ sentence: String,
            _ event: String,
            _ kinds: [ProviderReport.Kind],
            _ fields: [String: JSONValue] = [:]
        ) {
            self.sentence = sentence
            self.event = event
            self.kinds = kinds
            self.fields = fields
        }
    }

    static func happened(_ action: String) -> ProviderReport.Kind { .happened(type: "users.messages.email.\(action)") }

    static let esp = JSONValue.string("SendGrid")
    static let rows: [Row] = [
        Row(
            "processed: the provider took the message on",
            #""event":"processed","pool":{"name":"bulk","id":7}"#,
            [.sent(type: "users.messages.email.Send")],
            ["ip_pool": .string("bulk")]
        ),
        Row(
            "delivered: the email reached the inbox, with the sending address",
            #""event":"delivered","response":"250 OK","ip":"192.0.2.7","tls":1"#,
            [happened("Delivery")],
            ["sending_ip": .string("192.0.2.7"), "esp": esp]
        ),
        Row(
            "deferred: each single deferral, with its count as a number",
            #""event":"deferred","response":"400 try again","attempt":"5","ip":"192.0.2.7""#,
            [happened("Deferral")],
            [
                "attempt_count": .number("5"), "deferral_reason": .string("400 try again"),
                "sending_ip": .string("192.0.2.7"), "recipient_domain": .string("example.net"), "esp": esp,
            ]
        ),
        Row(
            "bounce: a permanent failure",
            #""event":"bounce","type":"bounce","reason":"550 none","status":"5.1.1","ip":"192.0.2.7""#,
            [happened("Bounce")],
            [
                "bounce_reason": .string("550 none"), "sending_ip": .string("192.0.2.7"), "esp": esp,
                "is_drop": .boolean(false),
            ]
        ),
        Row(
            "bounce without a type is a permanent one",
            #""event":"bounce","reason":"550 none""#,
            [happened("Bounce")],
            ["bounce_reason": .string("550 none"), "esp": esp, "is_drop": .boolean(false)]
        ),
        Row(
            "bounce of type blocked: a temporary failure",
            #""event":"bounce","type":"blocked","reason":"452 full","ip":"192.0.2.7""#,
            [happened("SoftBounce")],
            ["bounce_reason": .string("452 full"), "sending_ip": .string("192.0.2.7"), "esp": esp]
        ),
        Row(
            "dropped because it bounced before: a bounce, not attempted, so without a sending address",
            #""event":"dropped","reason":"Bounced Address","ip":"192.0.2.7""#,
            [happened("Bounce")],
            ["bounce_reason": .string("Bounced Address"), "is_drop": .boolean(true), "esp": esp]
        ),
        Row(
            "dropped because the address is invalid: a bounce",
            #""event":"dropped","reason":"Invalid""#,
            [happened("Bounce")],
            ["bounce_reason": .string("Invalid"), "is_drop": .boolean(true), "esp": esp]
        ),
        Row(
            "dropped for another reason: counted, no event",
            #""event":"dropped","reason":"Unsubscribed Address""#,
            [.unmapped(name: "dropped")]
        ),
        Row(
            "open: with the user's system, and whether a machine opened",
            #""event":"open","useragent":"UA","ip":"198.51.100.4","sg_machine_open":false"#,
            [happened("Open")],
            ["user_agent": .string("UA"), "machine_open": .string("false"), "esp": esp]
        ),
        Row(
            "click: with the address clicked",
            #""event":"click","url":"https://a.example/?b","url_offset":{"index":0,"type":"html"},"useragent":"UA""#,
            [happened("Click")],
            ["url": .string("https://a.example/?b"), "user_agent": .string("UA"), "esp": esp]
        ),
        Row(
            "spamreport: the user pressed the spam button",
            #""event":"spamreport""#,
            [happened("MarkAsSpam")],
            ["esp": esp]
        ),
        Row(
            "unsubscribe: a click on the link, and the state of every message",
            #""event":"unsubscribe""#,
            [happened("Unsubscribe"), .everything(isSubscribed: false)]
        ),
        Row(
            "group_unsubscribe reports both facts: a click and a change of state",
            #""event":"group_unsubscribe","asm_group_id":42"#,
            [happened("Unsubscribe"), .group(id: "42", isSubscribed: false)]
        ),
        Row(
            "group_resubscribe: a change of state",
            #""event":"group_resubscribe","asm_group_id":42"#,
            [.group(id: "42", isSubscribed: true)]
        ),
        Row(
            "a name that is not known is counted, no error",
            #""event":"account_status_change","type":"compliance_suspend""#,
            [.unmapped(name: "account_status_change")]
        ),
    ]

    @Test("the mapping table, row by row", arguments: rows)
    func mapping(row: Row) throws {
        let reports = try read(
            #"{"email":"kim@example.net","timestamp":1767225600,"sg_event_id":"e1",\#(row.event)}"#
        )
        #expect(reports.map(\.kind) == row.kinds)
        #expect(reports.allSatisfy { $0.key.hasPrefix("e1") })
        #expect(Set(reports.map(\.key)).count == reports.count, "two facts have two keys")
        #expect(reports.allSatisfy { $0.address == .email("kim@example.net") && $0.time == 1_767_225_600 })
        #expect(Dictionary(uniqueKeysWithValues: reports[0].fields.map { ($0.key, $0.value) }) == row.fields)
    }

    @Test(
        "times are seconds, and what is beyond the year 5138 is milliseconds",
        arguments: [
            ("1767225600", 1_767_225_600), ("1767225600123", 1_767_225_600), ("\"1767225600\"", 1_767_225_600),
            ("1767225600.9", 1_767_225_600), ("null", nil),
        ] as [(String, Int64?)]
    )
    func time(text: String, time: Int64?) throws {
        #expect(try read(#"{"event":"open","email":"a@b.example","timestamp":\#(text)}"#)[0].time == time)
    }

    @Test("custom arguments name the message and its context; SendGrid's own names are never taken for them")
    func arguments() throws {
        let report = try read(
            #"{"event":"open","email":"a@b.example","category":"news","message_id":"m-1","user_id":42,"send_id":"","#
                + #""timezone":"Europe/Paris","useragent":"UA","other":"x","canvas_id":["c"],"app_id":null}"#
        )[0]
        #expect(report.messageID == "m-1")
        #expect(report.metadata == ["user_id": "42", "timezone": "Europe/Paris"])
    }

    @Test("a category is a text or a list", arguments: [#""news""#, #"["news","weekly"]"#])
    func category(text: String) throws {
        #expect(try read(#"{"event":"open","email":"a@b.example","category":\#(text)}"#).count == 1)
    }

    @Test(
        "SendGrid's message id stands before the first full stop, and of late bounces in smtp-id alone",
        arguments: [
            (#""sg_message_id":"own-msg-1.recvd-abc-1-0.0","smtp-id":"<x@y>""#, "own-msg-1"),
            (#""sg_message_id":"own""#, "own"), (#""smtp-id":"<own-msg-1@ismtpd-1>""#, "own-msg-1"),
            (#""smtp-id":"""#, nil), (#""x":1"#, nil),
        ] as [(String, String?)]
    )
    func messageID(members: String, id: String?) throws {
        #expect(try read(#"{"event":"bounce","email":"a@b.example",\#(members)}"#)[0].providerMessageID == id)
    }

    @Test("the sample goes through with what was given to it")
    func sample() async throws {
        let sample = SendGridSample()
        let body = SendGridSample.body(at: Vectors.time, arguments: [("message_id", "m-1"), ("user_id", "u-1")])
        let request = try sample.request(url: "https://a.example/", body: body, at: Vectors.time)
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [sample.publicKey]))
        #expect(await webhook.refusal(of: request) == nil)
        let reading = webhook.read(request)
        #expect(reading.strange.isEmpty)
        let sent = ProviderReport.Kind.sent(type: "users.messages.email.Send")
        #expect(reading.reports.map(\.kind) == [sent] + ["Delivery", "Open", "Click"].map(Self.happened))
        #expect(reading.reports.allSatisfy { $0.messageID == "m-1" && $0.metadata == ["user_id": "u-1"] })
    }

    @Test("two samples of one second are told apart, and go to whom they are told to")
    func samples() throws {
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
        let keys = [Vectors.time, Vectors.time + .milliseconds(1)].flatMap { time in
            webhook.read(
                WebhookRequest(
                    url: "https://a.example/",
                    headers: [],
                    body: SendGridSample.body(at: time, to: "ann@example.com"),
                    arrived: time
                )
            ).reports.map { report in
                #expect(report.address == .email("ann@example.com"))
                return report.key
            }
        }
        #expect(Set(keys).count == 8)
    }

    private func read(_ event: String) throws -> [ProviderReport] {
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
        let request = WebhookRequest(
            url: "https://a.example/",
            headers: [],
            body: Array("[\(event)]".utf8),
            arrived: Vectors.time
        )
        let reading = webhook.read(request)
        #expect(reading.strange.isEmpty)
        return reading.reports
    }
}
