import Avro
import Platform
import Testing
import Tracking

@testable import Providers

@Suite("SendGrid's webhook")
struct SendGridTests {
    @Test("a body is taken as it was signed, byte for byte, and read event by event")
    func vector() async throws {
        let (key, request) = try Vectors.sendGrid()
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [key]))
        #expect(await webhook.refusal(of: request) == nil)
        let reading = webhook.read(request)
        #expect(reading.strange.isEmpty)
        try #require(reading.reports.count == 2)
        let bounce = reading.reports[0]
        #expect(bounce.kind == .happened(type: "users.messages.email.Bounce"))
        #expect(bounce.key == "b3duLXZlY3Rvci0x")
        #expect(bounce.time == 1_767_225_600)
        #expect(bounce.address == .email("pat@example.net"))
        #expect(bounce.providerMessageID == "own-msg-1")
        #expect(bounce.metadata == ["user_id": "u-42", "campaign_id": "c-9", "dispatch_id": "d-7"])
        #expect(bounce.field("bounce_reason") == .string("550 5.1.1 no such user"))
        let open = reading.reports[1]
        #expect(open.kind == .happened(type: "users.messages.email.Open"))
        #expect(open.field("machine_open") == .string("true"))
        #expect(open.field("user_agent") == .string("ExampleAgent/1.0"))
        #expect(webhook.answer(to: request) == WebhookAnswer(status: 200))
    }

    @Test("what was changed on its way is refused")
    func tampered() async throws {
        let (key, request) = try Vectors.sendGrid()
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [key]))
        let signature = SendGridSignature.signatureHeader
        let time = SendGridSignature.timestampHeader
        var body = request.body
        body[20] ^= 1
        let changed: [(String, WebhookRequest)] = [
            ("a byte", request.with(body: body)),
            ("the line's end", request.with(body: request.body.dropLast(2))),
            ("more", request.with(body: request.body + [0x20])),
            ("nothing", request.with(body: [])),
            ("the time", request.with(time, "1767225611")),
            ("the time's spelling", request.with(time, "01767225610")),
            ("no time", request.with(time, nil)),
            ("no signature", request.with(signature, nil)),
            ("no base64", request.with(signature, "?")),
            ("no signature in it", request.with(signature, "AAAA")),
        ]
        for (what, request) in changed {
            #expect(await webhook.refusal(of: request)?.reason == .forged, "\(what)")
        }
    }

    @Test("while a key is exchanged for another, either is good; a stranger's is not")
    func rotation() async throws {
        let (old, new, stranger) = (SendGridSample(), SendGridSample(), SendGridSample())
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [old.publicKey, new.publicKey]))
        let body = SendGridSample.body(at: Vectors.time)
        for (sample, isTaken) in [(old, true), (new, true), (stranger, false)] {
            let request = try sample.request(url: "https://a.example/", body: body, at: Vectors.time)
            #expect((await webhook.refusal(of: request) == nil) == isTaken)
        }
    }

    @Test("a signature is good for the 48 hours for which events are remembered")
    func age() async throws {
        let (key, request) = try Vectors.sendGrid()
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [key]))
        #expect(await webhook.refusal(of: request.arriving(Vectors.time + .seconds(48 * 3_600))) == nil)
        let late = await webhook.refusal(of: request.arriving(Vectors.time + .seconds(48 * 3_600 + 1)))
        #expect(late?.code == "stale")
        #expect(await webhook.refusal(of: request.arriving(Vectors.time - .seconds(3_600))) == nil)
        #expect(await webhook.refusal(of: request.arriving(Vectors.time - .seconds(3_601)))?.code == "stale")
        let sample = SendGridSample()
        let far = try sample.request(
            url: "https://a.example/",
            body: Array("[]".utf8),
            at: Timestamp(nanoseconds: .max)
        )
        let own = try SendGridWebhook(SendGridConfiguration(publicKeys: [sample.publicKey]))
        #expect(await own.refusal(of: far.arriving(Vectors.time))?.code == "stale")
    }

    @Test("no keys, a bad key, or keys that would not be looked at: the source refuses to start")
    func settings() throws {
        let key = SendGridSample().publicKey
        for keys in [[], ["?"], [key, ""], ["AAAA"], Array(repeating: key, count: 17)] {
            #expect(throws: ProviderError.self) { try SendGridWebhook(SendGridConfiguration(publicKeys: keys)) }
        }
        #expect(throws: ProviderError.self) {
            try SendGridWebhook(SendGridConfiguration(publicKeys: [key], isUnverified: true))
        }
        let pem = "-----BEGIN PUBLIC KEY-----\n\(key.prefix(64))\n\(key.dropFirst(64))\n-----END PUBLIC KEY-----\n"
        _ = try SendGridWebhook(SendGridConfiguration(publicKeys: [pem]))
    }

    @Test("unverified takes whatever comes")
    func unverified() async throws {
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
        let request = try Vectors.sendGrid().request.with(SendGridSignature.signatureHeader, nil)
        #expect(await webhook.refusal(of: request) == nil)
    }

    @Test("one strange event costs only itself, and its bytes are kept")
    func strange() throws {
        let good = #"{"event":"open","email":"a@b.example","sg_event_id":"1"}"#
        let strange = [
            #"{"event":"open","sg_event_id":"2"}"#, #"{"email":"a@b.example"}"#, "7",
            #"{"event":"open","email":"a@b.example","timestamp":"soon"}"#,
            #"{"event":"open","email":"a@b.example","timestamp":-1}"#,
            #"{"event":"open","email":"\ud800"}"#, #"{"event":"open","event":"click","email":"a@b.example"}"#,
            #"{"event":"group_unsubscribe","email":"a@b.example"}"#,
        ]
        for text in strange {
            let reading = try read("[\(good),\r\n\(text),\(good)]")
            #expect(reading.reports.count == 2, "\(text)")
            #expect(reading.strange.map(\.raw) == [Array(text.utf8)])
        }
        let half = #"{"event":"open","#
        let cut = try read("[\(good),\(half)")
        #expect(cut.reports.count == 1)
        #expect(cut.strange.map(\.raw) == [Array(half.utf8)])
        var bytes = Array("[\(good),{\"event\":\"open\",\"email\":\"".utf8)
        bytes += [0xFF, 0xFE] + Array("\"},\(good)]".utf8)
        let broken = try webhook().read(request(bytes))
        #expect(broken.reports.count == 2)
        #expect(broken.strange.count == 1)
    }

    @Test(
        "a body that is no list of events is one dead letter",
        arguments: ["", "x", "null", "\"[]\"", "event=open", "[] []"]
    )
    func noList(text: String) throws {
        let reading = try read(text)
        #expect(reading.reports.isEmpty)
        #expect(reading.strange.count == 1)
    }

    @Test("an empty list says nothing, and an event alone is a list of one")
    func small() throws {
        #expect(try read("[ ]\r\n") == WebhookReading())
        #expect(try read(#"{"event":"open","email":"a@b.example"}"#).reports.count == 1)
    }

    @Test("an event without an id has the same key whenever it comes, and another event has another")
    func keys() throws {
        let event = #"{"event":"open","email":"a@b.example","timestamp":1767225600}"#
        let long = #"{"event":"open","email":"a@b.example","sg_event_id":"\#(String(repeating: "x", count: 300))"}"#
        let reports = try read("[\(event),\(event),\(event.replacing("600", with: "601")),\(long)]").reports
        #expect(reports[0].key == reports[1].key)
        #expect(reports[0].key != reports[2].key)
        #expect(reports.allSatisfy { $0.key.utf8.count < 100 })
    }

    private func webhook() throws -> SendGridWebhook {
        try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
    }

    private func request(_ body: [UInt8]) -> WebhookRequest {
        WebhookRequest(url: "https://a.example/", headers: [], body: body, arrived: Vectors.time)
    }

    private func read(_ text: String) throws -> WebhookReading { try webhook().read(request(Array(text.utf8))) }
}
