import Platform
import Providers

/// A request as a provider would send it, and the webhook that takes it.
struct WebhookSample {
    let request: WebhookRequest
    let webhook: any ProviderWebhook
    /// `configured`, or `made` where the provider alone has the key and one was made in its place.
    let key: String

    init(
        of provider: String,
        webhook: any ProviderWebhook,
        settings: SourceTrackingPart,
        url: String,
        messageID: String?,
        at now: Timestamp
    ) throws {
        let arguments = messageID.map { [(name: "message_id", value: $0)] } ?? []
        switch provider {
        case TwilioWebhook.name:
            let token = settings.twilio?.authTokens.first
            let query = messageID.map { "?message_id=\($0)" } ?? ""
            let message = "SM" + Hex.text(UInt64(bitPattern: now.nanoseconds)) + "0000000000000000"
            request = TwilioSample(token: token ?? "").status(
                "delivered",
                message: message,
                url: url + query,
                at: now
            )
            self.webhook = webhook
            key = token == nil ? "made" : "configured"
        case SESWebhook.name:
            let day = Duration.seconds(86_400)
            let sample = try SESSample(from: now - day, until: now + day)
            request = try sample.notification(
                SESSample.delivery(at: now, tags: arguments),
                id: "sample-\(now.nanoseconds)",
                url: url,
                at: now
            )
            self.webhook = try SESWebhook(SESConfiguration(topics: [SESSample.topic])) { _ in sample.certificate }
            key = "made"
        default:
            let sample = SendGridSample()
            request = try sample.request(
                url: url,
                body: SendGridSample.body(at: now, arguments: arguments),
                at: now
            )
            self.webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [sample.publicKey]))
            key = "made"
        }
    }
}
