import Avro
import Platform
import Testing
import Tracking

@testable import Providers

@Suite("Bodies that nobody means well with")
struct HostileBodyTests {
    @Test("random bytes are dead letters, never a crash")
    func random() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Generator(state: seed)
        for _ in 0..<300 {
            let count = Int.random(in: 0..<400, using: &generator)
            var body = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if Bool.random(using: &generator) { body.insert(UInt8(ascii: "["), at: 0) }
            for reading in try readings(of: body) {
                #expect(reading.reports.isEmpty, "seed \(seed)")
                #expect(reading.strange.reduce(0) { $0 + $1.raw.count } <= body.count, "seed \(seed)")
            }
        }
    }

    @Test("changed at random, a genuine body gives reports and dead letters, never a crash")
    func changed() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Generator(state: seed)
        for body in try genuine() {
            for _ in 0..<200 {
                var body = body
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    body[Int.random(in: body.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                _ = try readings(of: body)
            }
        }
    }

    @Test("a text with U+0000 is a dead letter, since it would name another user or message")
    func zero() throws {
        let sendGrid = try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
        let event = #"[{"email":"a@b","event":"open","timestamp":1767225600,"user_id":"vic\u0000tim"}]"#
        let reading = sendGrid.read(request(Array(event.utf8)))
        #expect(reading.reports.isEmpty && reading.strange.map(\.message) == ["a text with the character U+0000"])
        let twilio = try TwilioWebhook(TwilioConfiguration(authTokens: [], isUnverified: true))
        let forms = [
            ("https://a.example/", "MessageSid=SM1&MessageStatus=sent&To=%2B15005550009%00"),
            ("https://a.example/?user_id=vic%00tim", "MessageSid=SM1&MessageStatus=sent&To=%2B15005550009"),
        ]
        for (url, form) in forms {
            let reading = twilio.read(
                WebhookRequest(
                    url: url,
                    headers: [("Content-Type", "application/x-www-form-urlencoded")],
                    body: Array(form.utf8),
                    arrived: Vectors.time
                )
            )
            #expect(reading.reports.isEmpty && reading.strange.count == 1, "\(url)")
        }
    }

    @Test("nesting as deep as a body is long takes neither the stack nor the time")
    func nesting() throws {
        for opening in ["[", "{\"a\":", "[{\"event\":[", "{\"Message\":\"", "\\\"", "[\"\\"] {
            let body = Array(String(repeating: opening, count: 200_000).utf8.prefix(1_000_000))
            for reading in try readings(of: body) { #expect(reading.reports.isEmpty) }
        }
    }

    @Test("cut anywhere, a body gives what came before the cut, and the rest as a dead letter")
    func truncated() throws {
        let bodies = try genuine()
        let sendGrid = try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
        let whole = sendGrid.read(request(bodies[0]))
        // Behind the closing bracket stands the line's end alone.
        for count in 0..<(bodies[0].count - 2) {
            let reading = sendGrid.read(request(Array(bodies[0].prefix(count))))
            #expect(reading.reports == Array(whole.reports.prefix(reading.reports.count)))
            #expect(reading.strange.count == 1)
        }
        for count in stride(from: 0, to: bodies[1].count, by: 7) {
            for reading in try readings(of: Array(bodies[1].prefix(count))) { #expect(reading.reports.isEmpty) }
        }
    }

    @Test("a list of more items than anybody sends is read to the limit, the rest is one dead letter")
    func many() throws {
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
        let body = Array("[\(String(repeating: "0,", count: JSONItems.itemsMax + 10))0]".utf8)
        let reading = webhook.read(request(body))
        #expect(reading.strange.count == JSONItems.itemsMax + 1)
        #expect(reading.strange.last?.raw == Array("0,0,0,0,0,0,0,0,0,0,0]".utf8))
    }

    /// SendGrid's vector, one of SNS's, and one of Twilio's.
    private func genuine() throws -> [[UInt8]] {
        [
            try Vectors.file("sendgrid-body.json"), try Vectors.file("sns-ses-bounce-v1.json"),
            try Vectors.twilio(\.twilioForm).request.body,
        ]
    }

    private func request(_ body: [UInt8]) -> WebhookRequest {
        WebhookRequest(
            url: "https://a.example/",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: body,
            arrived: Vectors.time
        )
    }

    /// What each of the providers takes the body for, unverified.
    private func readings(of body: [UInt8]) throws -> [WebhookReading] {
        let webhooks: [any ProviderWebhook] = [
            try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true)),
            try TwilioWebhook(TwilioConfiguration(authTokens: [], isUnverified: true)),
            try SESWebhook(SESConfiguration(topics: [], isUnverified: true), fetch: { _ in [] }),
        ]
        return webhooks.map { $0.read(request(body)) }
    }

    /// SplitMix64, so that a seed gives the same bodies again.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }
}
