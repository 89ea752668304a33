import Avro
import Platform
import Testing
import Tracking

@testable import Providers

@Suite("SNS's envelopes: signatures, topics and confirmations")
struct SNSTests {
    static let certificateURL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-own.pem"

    @Test("messages of both versions, with and without a subject, are taken as they were signed")
    func vectors() async throws {
        let host = CertificateHost([Self.certificateURL: try Vectors.file("sns-cert.pem")])
        let webhook = try SESWebhook(SESConfiguration(topics: [Vectors.topic]), fetch: host.fetch)
        for name in ["sns-ses-bounce-v1.json", "sns-ses-bounce-v2-subject.json"] {
            let request = try Vectors.sns(name)
            #expect(await webhook.refusal(of: request) == nil, "\(name)")
            let report = try #require(webhook.read(request).reports.first)
            #expect(report.kind == .happened(type: "users.messages.email.SoftBounce"))
            #expect(report.key == "own-feedback-1:0")
            #expect(report.account == "000000000000")
            #expect(report.time == 1_767_225_605)
            #expect(report.address == .email("pat@example.net"))
            #expect(report.providerMessageID == "own-ses-1")
            #expect(report.metadata == ["user_id": "u-42", "campaign_id": "c-9"])
            #expect(report.field("bounce_reason") == .string("smtp; 452 4.2.2 over quota"))
            #expect(webhook.answer(to: request) == WebhookAnswer(status: 200))
        }
        let confirmation = try Vectors.sns("sns-subscription-confirmation-v2.json")
        #expect(await webhook.refusal(of: confirmation) == nil)
        let reading = webhook.read(confirmation)
        #expect(reading.confirmation?.hasSuffix("&Token=0123abcd") == true)
        #expect(reading.reports.isEmpty && reading.strange.isEmpty)
        #expect(await host.requests == [Self.certificateURL], "a certificate is fetched once")
    }

    @Test("whatever of the signed parts is changed, the message is refused")
    func tampered() async throws {
        let host = CertificateHost([Self.certificateURL: try Vectors.file("sns-cert.pem")])
        let webhook = try SESWebhook(SESConfiguration(topics: [Vectors.topic]), fetch: host.fetch)
        let changes = [
            ("MailboxFull", "MailboxFuII"), ("00000001\"", "00000009\""), ("00:00:06.000Z\"", "00:00:07.000Z\""),
            ("Amazon SES Email", "Amazon SES Mail"), ("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"1\""),
            ("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"3\""), ("c+sXHo", "c+sXHp"),
            ("\"Signature\"", "\"Signature2\""), ("\"Subject\"", "\"Subject2\""), ("\"Timestamp\"", "\"Timestamp2\""),
            ("\"Type\": \"Notification\"", "\"Type\": \"Notification\", \"Type\": \"Notification\""),
            ("SimpleNotificationService-own.pem", "SimpleNotificationService-own.txt"),
        ]
        let request = try Vectors.sns("sns-ses-bounce-v2-subject.json")
        let text = String(decoding: request.body, as: UTF8.self)
        for (old, new) in changes {
            #expect(text.contains(old), "\(old)")
            let changed = request.with(body: text.replacing(old, with: new).utf8)
            #expect(await webhook.refusal(of: changed)?.reason == .forged, "\(old)")
        }
    }

    @Test("a foreign topic is refused before anything is fetched")
    func foreignTopic() async throws {
        let sample = try SESSample.shared.get()
        let host = sample.host
        let webhook = try SESWebhook(SESConfiguration(topics: [Vectors.topic]), fetch: host.fetch)
        let notification = try sample.notification("{}", id: "1", url: SESSample.address, at: Vectors.time)
        #expect(await webhook.refusal(of: notification)?.code == "foreign_topic")
        let confirmation = try sample.confirmation(id: "1", url: SESSample.address, at: Vectors.time)
        #expect(await webhook.refusal(of: confirmation)?.code == "foreign_topic")
        #expect(webhook.read(confirmation).confirmation == nil)
        #expect(await host.requests.isEmpty)
    }

    @Test(
        "a certificate is asked for on SNS's own hosts only",
        arguments: [
            "sns.us-east-1.amazonaws.com.a.example/a.pem", "sns.us-east-1.amazonaws.com:8443/a.pem",
            "a@sns.us-east-1.amazonaws.com/a.pem", "s3.us-east-1.amazonaws.com/a.pem",
            "sns.us.east.amazonaws.com/a.pem", "sns.us-east-1.amazonaws.com/a.pem?x",
            "sns.us-east-1.amazonaws.com/a.txt#.pem", "sns.us-east-1.amazonaws.com/?a=.pem",
            "a.example\\@sns.us-east-1.amazonaws.com/a.pem", "sns.e1.amazonaws.com/a.pem",
            "sns.us-east-1.amazonaws.com.de/a.pem", "SNS.us-east-1.amazonaws.com/a.pem", "sns..amazonaws.com/a.pem",
            "sns.us-east-1.amazonaws.com\n/a.pem", "", "/a.pem", "https://sns.us-east-1.amazonaws.com/a.pem",
        ]
    )
    func foreignHost(place: String) async throws {
        let url = "https://" + place
        #expect(SNSAddress(url)?.isCertificate != true)
        let sample = try SESSample.shared.get()
        let host = sample.host
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: host.fetch)
        let request = try sample.request(
            [("Type", "Notification"), ("MessageId", "1"), ("TopicArn", SESSample.topic), ("Message", "{}")],
            url: SESSample.address,
            at: Vectors.time,
            version: 2,
            certificateURL: url
        )
        #expect(await webhook.refusal(of: request)?.code == "foreign_certificate")
        #expect(await host.requests.isEmpty)
    }

    @Test(
        "hosts in every region are SNS's own",
        arguments: [
            "sns.us-east-1.amazonaws.com/a.pem", "sns.cn-north-1.amazonaws.com.cn/a/b.pem",
            "sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        ]
    )
    func ownHost(place: String) {
        #expect(SNSAddress("https://" + place)?.isCertificate == true)
        #expect(SNSAddress("http://" + place) == nil)
        #expect(SNSAddress(place) == nil)
    }

    @Test("a certificate that has expired, or is not valid yet, is refused, when fetched and when kept")
    func expired() async throws {
        let sample = try SESSample(from: Vectors.time - .seconds(10), until: Vectors.time + .seconds(10))
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: sample.host.fetch)
        let request = try sample.notification("{}", id: "1", url: SESSample.address, at: Vectors.time)
        for seconds: Int64 in [11, -11] {
            let late = request.arriving(Vectors.time + .seconds(seconds))
            #expect(await webhook.refusal(of: late)?.code == "expired_certificate")
        }
        #expect(await webhook.refusal(of: request) == nil)
        let late = request.arriving(Vectors.time + .seconds(11))
        #expect(await webhook.refusal(of: late)?.code == "expired_certificate")
    }

    @Test("a certificate of another name, and one of another key, are refused")
    func foreignCertificate() async throws {
        let sample = try SESSample.shared.get()
        let named = try SESSample(
            from: Vectors.time,
            until: Vectors.time + .seconds(1),
            commonName: "sns.amazonaws.com.a.example"
        )
        let configuration = SESConfiguration(topics: [SESSample.topic])
        let other = try SESWebhook(configuration, fetch: named.host.fetch)
        let request = try named.notification("{}", id: "1", url: SESSample.address, at: Vectors.time)
        #expect(await other.refusal(of: request)?.code == "foreign_certificate")
        let ours = try sample.notification("{}", id: "1", url: SESSample.address, at: Vectors.time)
        let wrongKey = CertificateHost([SESSample.certificateURL: try Vectors.file("sns-cert.pem")])
        let webhook = try SESWebhook(configuration, fetch: wrongKey.fetch)
        #expect(await webhook.refusal(of: ours)?.code == WebhookRefusal.wrongSignature)
    }

    @Test("where roots are trusted, the certificate must chain to one of them")
    func roots() async throws {
        let sample = try SESSample.shared.get()
        let request = try sample.notification("{}", id: "1", url: SESSample.address, at: Vectors.time)
        let own = String(decoding: sample.certificate, as: UTF8.self)
        let foreign = String(decoding: try Vectors.file("sns-cert.pem"), as: UTF8.self)
        for (roots, isTaken) in [(own, true), (foreign, false), (foreign + own, true)] {
            let configuration = SESConfiguration(topics: [SESSample.topic], trustedRoots: roots)
            let webhook = try SESWebhook(configuration, fetch: sample.host.fetch)
            #expect((await webhook.refusal(of: request) == nil) == isTaken)
        }
    }

    @Test("what cannot be fetched now is asked for again: unchecked, not forged")
    func unreachable() async throws {
        let sample = try SESSample.shared.get()
        let request = try sample.notification("{}", id: "1", url: SESSample.address, at: Vectors.time)
        let garbage: [[UInt8]] = [[], Array("<html>".utf8), [0xFF], Array(repeating: 0x41, count: 1 << 20)]
        for host in [CertificateHost([:])] + garbage.map({ CertificateHost([SESSample.certificateURL: $0]) }) {
            let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: host.fetch)
            #expect(await webhook.refusal(of: request)?.reason == .unchecked)
        }
    }

    @Test("forged messages with ever new addresses make only so many requests in a minute")
    func budget() async throws {
        let sample = try SESSample.shared.get()
        let host = CertificateHost([:])
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: host.fetch)
        for index in 0..<(SNSCertificates.Shelf<Int>.fetchesPerMinuteMax + 5) {
            let request = try sample.request(
                [("Type", "Notification"), ("MessageId", "1"), ("TopicArn", SESSample.topic), ("Message", "{}")],
                url: SESSample.address,
                at: Vectors.time,
                version: 2,
                certificateURL: SESSample.certificateURL.replacing("sample", with: "\(index)")
            )
            #expect(await webhook.refusal(of: request)?.reason == .unchecked)
        }
        #expect(await host.requests.count == SNSCertificates.Shelf<Int>.fetchesPerMinuteMax)
    }

    @Test("only so many certificates are kept, the newest")
    func kept() async throws {
        let sample = try SESSample.shared.get()
        let certificate = try await SNSCertificate(pem: sample.certificate, trust: nil, at: Vectors.time)
        var shelf = SNSCertificates.Shelf<Int>()
        for index in 0...SNSCertificates.Shelf<Int>.keptMax { _ = shelf.put(.success(certificate), for: "\(index)") }
        guard case .fetch = shelf.take("0", at: Vectors.time) else {
            Issue.record("the oldest is still kept")
            return
        }
        guard case .use = shelf.take("1", at: Vectors.time) else {
            Issue.record("a newer one is gone")
            return
        }
    }

    @Test("who comes while a certificate is on its way waits for it, and it is fetched once")
    func together() async throws {
        let sample = try SESSample.shared.get()
        let host = sample.host
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic])) { url in
            for _ in 0..<200 { await Task.yield() }
            return try await host.get(url)
        }
        let request = try sample.notification("{}", id: "1", url: SESSample.address, at: Vectors.time)
        let refusals = await withTaskGroup(of: WebhookRefusal?.self) { group in
            for _ in 0..<50 { group.addTask { await webhook.refusal(of: request) } }
            return await group.reduce(into: 0) { $0 += $1 == nil ? 0 : 1 }
        }
        #expect(refusals == 0)
        #expect(await host.requests.count == 1)
    }

    @Test("who waits for a certificate learns what came of it, also in between, and only so many wait")
    func waiters() throws {
        var shelf = SNSCertificates.Shelf<Int>()
        let missing = WebhookRefusal(.unchecked, "missing", "missing")
        guard case .fetch = shelf.take("a", at: Vectors.time), case .join = shelf.take("a", at: Vectors.time) else {
            Issue.record("the first fetches, the second waits")
            return
        }
        for waiter in 0..<SNSCertificates.Shelf<Int>.waitersMax { #expect(shelf.join("a", waiter) == nil) }
        guard case .refuse = shelf.take("a", at: Vectors.time) else {
            Issue.record("one waits too many")
            return
        }
        #expect(shelf.put(.failure(missing), for: "a").count == SNSCertificates.Shelf<Int>.waitersMax)
        #expect(throws: WebhookRefusal.self) { try shelf.join("a", 1)?.get() }
        guard case .fetch = shelf.take("a", at: Vectors.time) else {
            Issue.record("what failed is fetched again")
            return
        }
    }

    @Test("a signature is good for 48 hours")
    func age() async throws {
        let sample = try SESSample.shared.get()
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: sample.host.fetch)
        let request = try sample.notification("{}", id: "1", url: SESSample.address, at: Vectors.time, version: 1)
        #expect(await webhook.refusal(of: request.arriving(Vectors.time + .seconds(48 * 3_600))) == nil)
        let late = request.arriving(Vectors.time + .seconds(48 * 3_600 + 1))
        #expect(await webhook.refusal(of: late)?.code == "stale")
        let early = request.arriving(Vectors.time - .seconds(3_601))
        #expect(await webhook.refusal(of: early)?.code == "stale")
    }

    @Test("raw delivery has no signature and is refused, unless the source is unverified")
    func raw() async throws {
        let sample = try SESSample.shared.get()
        let event = SESSample.delivery(at: Vectors.time)
        let request = try Vectors.sns("sns-ses-bounce-v1.json").with(body: event.utf8)
            .with("x-amz-sns-rawdelivery", "true").with("x-amz-sns-message-id", "raw-1")
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: sample.host.fetch)
        #expect(await webhook.refusal(of: request)?.code == WebhookRefusal.unsigned)
        let open = try SESWebhook(SESConfiguration(topics: [], isUnverified: true), fetch: sample.host.fetch)
        #expect(await open.refusal(of: request) == nil)
        #expect(open.read(request).reports.map(\.key) == ["raw-1:0"])
    }

    @Test("unverified, an event without an envelope is taken without any header, as a first try with curl posts it")
    func bare() async throws {
        let sample = try SESSample.shared.get()
        let request = WebhookRequest(
            url: SESSample.address,
            headers: [("Content-Type", "application/json")],
            body: Array(SESSample.delivery(at: Vectors.time).utf8),
            arrived: Vectors.time
        )
        let open = try SESWebhook(SESConfiguration(topics: [], isUnverified: true), fetch: sample.host.fetch)
        #expect(await open.refusal(of: request) == nil)
        #expect(open.read(request).reports.count == 1)
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: sample.host.fetch)
        #expect(await webhook.refusal(of: request)?.code == WebhookRefusal.unsigned)
        let broken = request.with(body: [0x7B, 0xFF, 0x7D]).with("x-amz-sns-rawdelivery", "true")
        #expect(open.read(broken).strange.map(\.message) == ["not UTF-8"])
    }

    @Test("a subscription is confirmed at SNS's own address and for a named topic only")
    func confirmations() throws {
        let sample = try SESSample.shared.get()
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: sample.host.fetch)
        let host = "https://sns.us-east-1.amazonaws.com"
        let addresses = [
            ("\(host)/?Action=ConfirmSubscription&TopicArn=x&Token=y", true), ("\(host)/?Action=DeleteTopic", false),
            ("\(host)/x?Action=ConfirmSubscription", false), ("https://a.example/?Action=ConfirmSubscription", false),
            ("http://169.254.169.254/?Action=ConfirmSubscription", false), ("\(host)/", false),
        ]
        for (url, isTaken) in addresses {
            let request = try sample.confirmation(
                id: "1",
                url: SESSample.address,
                at: Vectors.time,
                subscribeURL: url
            )
            let reading = webhook.read(request)
            #expect(reading.confirmation == (isTaken ? url : nil))
            #expect(reading.strange.isEmpty == isTaken)
        }
        let open = try SESWebhook(SESConfiguration(topics: [], isUnverified: true), fetch: sample.host.fetch)
        let request = try sample.confirmation(id: "1", url: SESSample.address, at: Vectors.time)
        #expect(open.read(request).confirmation == nil, "unverified, and no topic named: nothing is confirmed")
        #expect(open.read(request).strange.count == 1)
    }

    @Test("the end of a subscription is counted, and not undone")
    func unsubscribed() async throws {
        let sample = try SESSample.shared.get()
        let webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic]), fetch: sample.host.fetch)
        let members = [
            ("Type", "UnsubscribeConfirmation"), ("MessageId", "1"), ("TopicArn", SESSample.topic),
            ("Message", "You have left."), ("Token", "t"), ("SubscribeURL", "https://a.example/"),
        ]
        let request = try sample.request(members, url: SESSample.address, at: Vectors.time, version: 2)
        #expect(await webhook.refusal(of: request) == nil)
        let reading = webhook.read(request)
        #expect(reading.reports.map(\.kind) == [.unmapped(name: "UnsubscribeConfirmation")])
        #expect(reading.confirmation == nil)
    }

    @Test("no topics, or what is no topic: the source refuses to start")
    func settings() throws {
        let fetch = CertificateHost([:]).fetch
        for topics in [[], ["topic"], ["arn:aws:sqs:us-east-1:0:x"], ["arn:aws:sns:us-east-1::x"]] {
            #expect(throws: ProviderError.self) { try SESWebhook(SESConfiguration(topics: topics), fetch: fetch) }
        }
        let noRoots = SESConfiguration(topics: [SESSample.topic], trustedRoots: "none")
        #expect(throws: ProviderError.self) { try SESWebhook(noRoots, fetch: fetch) }
    }
}
