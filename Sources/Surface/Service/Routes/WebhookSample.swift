import Platform
import Providers

/// A request as a provider would send it, and the webhook that takes it.
struct WebhookSample {
    /// Whose key signed it.
    enum Key: String {
        /// The configured one, so that it has been tried.
        case configured
        /// One made for the sample: the provider alone has the configured one's other half, which was not tried.
        case made
        /// None counts, since the webhook is `unverified`.
        case unverified
    }

    let request: WebhookRequest
    let webhook: any ProviderWebhook
    let key: Key

    /// `address` is the recipient's, an email address or a number; where it is nil a made-up one stands for it.
    init(
        of provider: String,
        webhook: any ProviderWebhook,
        settings: SourceTrackingPart,
        url: String,
        messageID: String?,
        to address: String?,
        at now: Timestamp
    ) throws {
        let arguments = messageID.map { [(name: "message_id", value: $0)] } ?? []
        switch provider {
        case TwilioWebhook.name:
            let token = settings.twilio?.authTokens.first
            request = TwilioSample(token: token ?? "").status(
                "delivered",
                message: "SM" + Hex.text(UInt64(bitPattern: now.nanoseconds)) + "0000000000000000",
                to: address ?? "+15005550009",
                url: url + (messageID.map { "?message_id=\(PercentEncoding.encode($0))" } ?? ""),
                at: now
            )
            self.webhook = webhook
            key = token == nil ? .unverified : .configured
        case SESWebhook.name:
            let day = Duration.seconds(86_400)
            let sample = try SESSample(from: now - day, until: now + day)
            // With the configured topic, so that at least its name has been tried.
            let topic = settings.ses?.topics.first ?? SESSample.topic
            request = try sample.notification(
                SESSample.delivery(at: now, to: address ?? Self.address, tags: arguments),
                id: "sample-\(now.nanoseconds)",
                url: url,
                at: now,
                topic: topic
            )
            key = settings.ses?.isUnverified == true ? .unverified : .made
            let standIn = SESConfiguration(topics: [topic])
            self.webhook = key == .made ? try SESWebhook(standIn) { _ in sample.certificate } : webhook
        default:
            let sample = SendGridSample()
            request = try sample.request(
                url: url,
                body: SendGridSample.body(at: now, to: address ?? Self.address, arguments: arguments),
                at: now
            )
            key = settings.sendGrid?.isUnverified == true ? .unverified : .made
            let standIn = SendGridConfiguration(publicKeys: [sample.publicKey])
            self.webhook = key == .made ? try SendGridWebhook(standIn) : webhook
        }
    }

    private static let address = "kim@example.net"
}
