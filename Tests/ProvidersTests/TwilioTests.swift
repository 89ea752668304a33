import Avro
import Platform
import Testing
import Tracking

@testable import Providers

@Suite("Twilio's webhook: signatures")
struct TwilioTests {
    @Test("forms and bodies with their hash in the address are taken as they were signed")
    func vectors() async throws {
        for path in [\Vectors.twilioForm, \Vectors.twilioInbound, \Vectors.twilioJson] {
            let (token, request) = try Vectors.twilio(path)
            let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: [token]))
            #expect(await webhook.refusal(of: request) == nil)
            let stranger = try TwilioWebhook(TwilioConfiguration(authTokens: ["another"]))
            #expect(await stranger.refusal(of: request)?.code == WebhookRefusal.wrongSignature)
            #expect(await webhook.refusal(of: request.with(body: request.body + [0x31]))?.reason == .forged)
            #expect(await webhook.refusal(of: request.with(TwilioSignature.header, nil))?.code == "unsigned")
            #expect(await webhook.refusal(of: request.with(TwilioSignature.header, "?"))?.reason == .forged)
            #expect(await webhook.refusal(of: request.with(TwilioSignature.header, ""))?.reason == .forged)
        }
    }

    @Test("an address other than the one that Twilio knows is refused")
    func addresses() async throws {
        let (token, request) = try Vectors.twilio(\.twilioForm)
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: [token]))
        let wrong = [
            request.url.replacing("https", with: "http"), request.url.replacing("ingest", with: "internal"),
            request.url.replacing("/twilio", with: "/twilio/"), request.url.replacing("u-42", with: "u-43"),
            String(request.url.prefix { $0 != "?" }),
        ]
        for url in wrong {
            #expect(await webhook.refusal(of: request.with(url: url))?.reason == .forged, "\(url)")
        }
    }

    @Test(
        "Twilio signs an address with or without a port, whichever we know",
        arguments: [
            ("https://a.example/x?y=1", "https://a.example:443/x?y=1"), ("http://a.example/x", "http://a.example:80/x"),
            ("https://a.example", "https://a.example:443"), ("https://a.example?y=1", "https://a.example:443?y=1"),
            ("https://a.example/x", "https://a.example:8443/x"), ("https://[::1]/x", "https://[::1]:443/x"),
        ]
    )
    func ports(bare: String, full: String) async throws {
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: ["t"]))
        let sample = TwilioSample(token: "t")
        let signedFull = sample.status("sent", message: "SM1", url: full, at: Vectors.time)
        let signedBare = sample.status("sent", message: "SM1", url: bare, at: Vectors.time)
        for (request, url) in [
            (signedFull, full), (signedBare, bare), (signedBare, full), (signedBare, bare + "#rc=5"),
        ] {
            #expect(await webhook.refusal(of: request.with(url: url)) == nil, "\(url)")
        }
        // From a bare address the port can be guessed only if it is the scheme's.
        let isUsual = !full.contains("8443")
        #expect((await webhook.refusal(of: signedFull.with(url: bare)) == nil) == isUsual)
    }

    @Test("while a token is exchanged for another, either is good")
    func rotation() async throws {
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: ["primary", "secondary"]))
        for (token, isTaken) in [("primary", true), ("secondary", true), ("third", false), ("", false)] {
            let request = TwilioSample(token: token)
                .inbound("Hi", message: "SM1", url: "https://a.example/", at: Vectors.time)
            #expect((await webhook.refusal(of: request) == nil) == isTaken)
        }
    }

    @Test("each name is signed once, with each of its values once, in the order of their bytes")
    func order() async throws {
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: ["t"]))
        let sample = TwilioSample(token: "t")
        let fields = [("b", "2"), ("a", "é"), ("B", "3"), ("b", "1"), ("b", "2"), ("c", "")]
        let request = sample.request(url: "https://a.example/", fields: fields, at: Vectors.time)
        let other = sample.request(url: "https://a.example/", fields: fields.reversed(), at: Vectors.time)
        #expect(request.header(TwilioSignature.header) == other.header(TwilioSignature.header))
        #expect(await webhook.refusal(of: request.with(body: Array("B=3&a=%c3%A9&b=1&b=2&c".utf8))) == nil)
        // Two spellings of one letter are two values.
        #expect(await webhook.refusal(of: request.with(body: Array("B=3&a=e%CC%81&b=1&b=2&c".utf8))) != nil)
    }

    @Test("a signature with SHA-256 is taken when the header says so, and another algorithm is not")
    func algorithms() async throws {
        let sample = TwilioSample(token: "t").inbound("Hi", message: "SM1", url: "https://a.example/", at: Vectors.time)
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: ["t"]))
        let header = TwilioSignature.settingsHeader
        #expect(await webhook.refusal(of: sample.with(header, "key=k, algorithm=hmac_sha1")) == nil)
        for settings in ["key=k,algorithm=HMAC_SHA256", "algorithm=none"] {
            #expect(await webhook.refusal(of: sample.with(header, settings))?.reason == .forged)
        }
    }

    @Test("a form of more fields than anybody sends is refused, since it could not be checked")
    func many() async throws {
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: ["t"]))
        let request = TwilioSample(token: "t").inbound("Hi", message: "1", url: "https://a.example/", at: Vectors.time)
        let body = Array(String(repeating: "a=1&", count: FormFields.fieldsMax + 1).utf8)
        #expect(await webhook.refusal(of: request.with(body: body))?.reason == .forged)
    }

    @Test("no tokens, an empty one, or tokens that would not be looked at: the source refuses to start")
    func settings() async throws {
        for tokens in [[], [""], ["t", ""], Array(repeating: "t", count: 17)] {
            #expect(throws: ProviderError.self) { try TwilioWebhook(TwilioConfiguration(authTokens: tokens)) }
        }
        #expect(throws: ProviderError.self) {
            try TwilioWebhook(TwilioConfiguration(authTokens: ["t"], isUnverified: true))
        }
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: [], isUnverified: true))
        let request = TwilioSample(token: "x").inbound("Hi", message: "1", url: "https://a.example/", at: Vectors.time)
        #expect(await webhook.refusal(of: request) == nil)
    }
}

/// What Twilio says, and what it means in the glossary's words.
@Suite("What Twilio's callbacks become")
struct TwilioMappingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let sentence: String
        let status: String
        let kind: ProviderReport.Kind
        var key: String?

        var testDescription: String { sentence }
    }

    static func happened(_ action: String) -> ProviderReport.Kind { .happened(type: "users.messages.sms.\(action)") }

    static let sent = ProviderReport.Kind.sent(type: "users.messages.sms.Send")
    static let rows: [Row] = [
        Row(sentence: "queued: Twilio took the message on", status: "queued", kind: sent),
        Row(sentence: "accepted by a service is the same fact", status: "accepted", kind: sent, key: "SM1:queued"),
        Row(sentence: "sent: handed to the carrier", status: "sent", kind: happened("CarrierSend")),
        Row(sentence: "delivered: it reached the phone", status: "delivered", kind: happened("Delivery")),
        Row(sentence: "undelivered: the carrier rejected it", status: "undelivered", kind: happened("Rejection")),
        Row(sentence: "failed: it never left Twilio", status: "failed", kind: happened("DeliveryFailure")),
        Row(sentence: "read has no counterpart in SMS", status: "read", kind: .unmapped(name: "read")),
        Row(sentence: "sending is no fact yet", status: "sending", kind: .unmapped(name: "sending")),
        Row(sentence: "scheduled is no fact yet", status: "scheduled", kind: .unmapped(name: "scheduled")),
        Row(sentence: "canceled never was sent", status: "canceled", kind: .unmapped(name: "canceled")),
        Row(
            sentence: "a status that is not known is counted",
            status: "teleported",
            kind: .unmapped(name: "teleported")
        ),
    ]

    @Test("the mapping table, row by row", arguments: rows)
    func mapping(row: Row) throws {
        let request = TwilioSample(token: "t").status(row.status, message: "SM1", url: Self.url, at: Vectors.time)
        let report = try report(request)
        #expect(report.kind == row.kind)
        #expect(report.key == row.key ?? "SM1:\(row.status)")
        #expect(report.account == TwilioSample.account)
        #expect(report.address == .phone("+15005550009"))
        #expect(report.providerMessageID == "SM1")
        #expect(report.field("from_phone_number") == .string("+15005550006"))
        #expect(report.time == nil, "Twilio says no time: that of arrival counts")
        #expect(try webhook().answer(to: request) == WebhookAnswer(status: 200))
    }

    static let url =
        "https://ingest.example.com/v1/webhooks/twilio/default?message_id=m%201&user_id=u-42&x=y&bodySHA256="

    @Test("the address's query names the message and its context")
    func query() throws {
        let report = try report(TwilioSample(token: "t").status("sent", message: "S", url: Self.url, at: Vectors.time))
        #expect(report.messageID == "m 1")
        #expect(report.metadata == ["user_id": "u-42"])
    }

    @Test("rejections and failures carry the provider's code, and the error where there is one")
    func codes() throws {
        let report = try report(try Vectors.twilio(\.twilioForm).request)
        #expect(report.kind == Self.happened("Rejection"))
        #expect(report.key == "SM00000000000000000000000000000001:undelivered:30005")
        #expect(report.field("provider_error_code") == .string("30005"))
        #expect(report.metadata == ["campaign_id": "c-9", "user_id": "u-42"])
        let form = "MessageSid=S&MessageStatus=failed&To=%2B1&ErrorCode=30001&ErrorMessage=Queue+overflow"
        #expect(try self.report(request(form)).field("error") == .string("Queue overflow"))
        let sent = "MessageSid=S&MessageStatus=sent&To=%2B1&ErrorCode=30001"
        #expect(try self.report(request(sent)).field("provider_error_code") == nil)
    }

    @Test("a message to our number: who wrote what to whom, answered with TwiML that does nothing")
    func inbound() throws {
        let (_, request) = try Vectors.twilio(\.twilioInbound)
        let report = try report(request)
        let message = InboundMessage(from: "+15005550009", to: "+15005550006", body: "Stop é ✓", word: .stop)
        #expect(report.kind == .inbound(message))
        #expect(report.key == "SM00000000000000000000000000000002")
        #expect(report.address == .phone("+15005550009"))
        let answer = try webhook().answer(to: request)
        #expect(answer.status == 200)
        #expect(answer.contentType == "text/xml")
        #expect(String(decoding: answer.body, as: UTF8.self) == "<Response></Response>")
    }

    @Test("pictures, and the service that the number belongs to")
    func media() throws {
        let form =
            "MessageSid=S&From=%2B1&To=%2B2&Body=&SmsStatus=received&NumMedia=2&MessagingServiceSid=MG1"
            + "&MediaUrl0=https%3A%2F%2Fa.example%2F0&MediaUrl1=https%3A%2F%2Fa.example%2F1&OptOutType=help"
        let expected = InboundMessage(
            from: "+1",
            to: "+2",
            service: "MG1",
            body: "",
            mediaURLs: ["https://a.example/0", "https://a.example/1"],
            word: .help
        )
        #expect(try report(request(form)).kind == .inbound(expected))
        for count in ["-1", "x", "999999999999", "9223372036854775807"] {
            let report = try report(request("MessageSid=S&From=%2B1&To=%2B2&Body=x&NumMedia=\(count)"))
            #expect(report.kind == .inbound(InboundMessage(from: "+1", to: "+2", body: "x")))
        }
    }

    @Test("other channels are counted, by their name", arguments: ["whatsapp", "rcs", "messenger"])
    func channels(name: String) throws {
        let status = "MessageSid=S&MessageStatus=read&From=\(name)%3A%2B1&To=\(name)%3A%2B2"
        #expect(try report(request(status)).kind == .unmapped(name: "\(name):read"))
        let inbound = "MessageSid=S&SmsStatus=received&Body=Hi&From=\(name)%3A%2B1&To=\(name)%3A%2B2"
        #expect(try report(request(inbound)).kind == .unmapped(name: "\(name):received"))
    }

    @Test(
        "what is neither a status nor a message is one dead letter",
        arguments: ["", "a=b", "MessageSid=&Body=x", "MessageSid=S", "MessageSid=S&MessageStatus=sent", "%", "&&=&"]
    )
    func strange(form: String) throws {
        let reading = try webhook().read(request(form))
        #expect(reading.reports.isEmpty)
        #expect(reading.strange.map(\.raw) == [Array(form.utf8)])
    }

    @Test("a body that is no form is a dead letter, however genuine")
    func json() throws {
        let (_, request) = try Vectors.twilio(\.twilioJson)
        #expect(try webhook().read(request).strange.map(\.raw) == [request.body])
        #expect(try webhook().answer(to: request) == WebhookAnswer(status: 200))
    }

    private func webhook() throws -> TwilioWebhook {
        try TwilioWebhook(TwilioConfiguration(authTokens: [], isUnverified: true))
    }

    private func request(_ form: String) -> WebhookRequest {
        WebhookRequest(
            url: "https://a.example/",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array(form.utf8),
            arrived: Vectors.time
        )
    }

    private func report(_ request: WebhookRequest) throws -> ProviderReport {
        let reading = try webhook().read(request)
        #expect(reading.strange.isEmpty)
        return try #require(reading.reports.first)
    }
}
