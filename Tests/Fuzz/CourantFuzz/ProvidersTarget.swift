import Avro
import Platform
import PlatformTesting
import Providers
import Tracking

/// Webhooks as strangers post them.
///
/// The first byte says whose; then come parts that end with a zero (the query, a header's value, a certificate), then
/// the body. Nobody but the provider's key may pass for the provider, and of what is taken every fact has its key.
struct ProvidersTarget: FuzzTarget {
    static let name = "providers"

    private static let arrived = Timestamp(seconds: 1_767_225_600)
    private static let address = "https://events.example.com/v1/webhooks/any/default"
    private static let topics = ["arn:aws:sns:us-east-1:000000000000:sample"]
    /// Of the shared vectors; the signature that they hold is of another time than requests here.
    private static let sendGridKey =
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPmSKdlw8Pz/1hxdRbSls9UGA4w3UkuOMGnPqCCNZ6y2T9sP2bxMdfOkc"
        + "Ix6MWfE2LNe6cTlpQ7e714HiadtLAQ=="

    private let open: [any ProviderWebhook]
    private let closed: [any ProviderWebhook]
    private let presented = Locked<[UInt8]>([])
    private let sample: SESSample

    init() throws {
        sample = try SESSample(from: Self.arrived - .seconds(86_400), until: Self.arrived + .seconds(86_400))
        let trusted = String(decoding: sample.certificate, as: UTF8.self)
        let presented = presented
        open = [
            try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true)),
            try TwilioWebhook(TwilioConfiguration(authTokens: [], isUnverified: true)),
            try SESWebhook(SESConfiguration(topics: Self.topics, isUnverified: true)) { _ in [] },
        ]
        closed = [
            try SendGridWebhook(SendGridConfiguration(publicKeys: [Self.sendGridKey])),
            try TwilioWebhook(TwilioConfiguration(authTokens: ["a token that no input has"])),
            try SESWebhook(SESConfiguration(topics: Self.topics, trustedRoots: trusted)) { _ in presented.current },
        ]
    }

    func take(_ input: FuzzInput) {
        var input = input
        let choice = Int(input.byte())
        guard let query = input.text(), let header = input.text() else { return }
        let certificate = input.part()
        let isForm = choice & 4 == 0
        let request = WebhookRequest(
            url: Self.address + (query.isEmpty ? "" : "?\(query)"),
            headers: [
                ("Content-Type", isForm ? "application/x-www-form-urlencoded" : "application/json"),
                ("X-Twilio-Signature", header), ("X-Twilio-Email-Event-Webhook-Signature", header),
                ("X-Twilio-Email-Event-Webhook-Timestamp", "1767225600"),
                ("X-Twilio-Webhooks-Signature-Settings", query),
                ("x-amz-sns-rawdelivery", choice & 8 == 0 ? "false" : "true"),
            ],
            body: input.rest,
            arrived: Self.arrived
        )
        read(request, by: open[choice % 3])
        forge(request, certificate, on: choice % 3)
    }

    private func read(_ request: WebhookRequest, by webhook: any ProviderWebhook) {
        let reading = webhook.read(request)
        for report in reading.reports {
            demand(!report.key.isEmpty, "a provider's fact has no key")
            for member in report.fields { demand(!member.key.isEmpty, "a field has no name") }
        }
        for strange in reading.strange { demand(!strange.message.isEmpty, "what is strange is so for a reason") }
        demand(webhook.read(request) == reading, "a second reading differs")
        let answer = webhook.answer(to: request)
        demand((200..<300).contains(answer.status), "a webhook answers \(answer.status)")
    }

    private func forge(_ request: WebhookRequest, _ certificate: [UInt8], on number: Int) {
        presented.withLock { $0 = certificate }
        let webhook = closed[number]
        let refusal = awaited { () async -> WebhookRefusal? in
            do throws(WebhookRefusal) {
                try await webhook.verify(request)
                return nil
            } catch {
                return error
            }
        }
        demand(refusal != nil, "a forged request passes for genuine")
        demand(refusal?.message.isEmpty == false, "a refusal says why")
    }
}
