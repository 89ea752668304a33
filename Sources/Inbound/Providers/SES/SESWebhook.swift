internal import Avro
internal import Platform
internal import Tracking

/// Amazon SES's events through SNS: one event a request, for any number of recipients.
package struct SESWebhook: ProviderWebhook {
    package static let name = "ses"

    /// What SES posts to a topic once it may: text, no event.
    static let greeting = "Successfully validated SNS topic"
    static let rawDeliveryHeader = "x-amz-sns-rawdelivery"
    static let messageIDHeader = "x-amz-sns-message-id"
    static let topicsMax = 1_000

    private let topics: Set<String>
    private let signature: SNSSignature?

    /// `fetch` gets a certificate of SNS's from an address that has been checked.
    ///
    /// It must refuse redirects, since what was checked is the address, and bound time and size.
    package init(
        _ configuration: SESConfiguration,
        fetch: @escaping @Sendable (_ url: String) async throws -> [UInt8]
    ) throws(ProviderError) {
        topics = Set(configuration.topics)
        guard configuration.isUnverified || !topics.isEmpty, topics.count <= Self.topicsMax else {
            throw ProviderError(
                .settings,
                at: "topics",
                "expected the ARNs of 1 to \(Self.topicsMax) SNS topics; or say unverified: true"
            )
        }
        for (index, topic) in configuration.topics.enumerated() where !Self.isTopic(topic) {
            throw ProviderError(
                .settings,
                at: "topics[\(index)]",
                "is no ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)"
            )
        }
        let trust = try configuration.trustedRoots.map { text throws(ProviderError) in try SNSTrust(pem: text) }
        signature =
            configuration.isUnverified
            ? nil : SNSSignature(certificates: SNSCertificates(trust: trust, fetch: fetch))
    }

    package func verify(_ request: WebhookRequest) async throws(WebhookRefusal) {
        if signature == nil, isRaw(request) { return }
        guard !isRaw(request) else {
            throw WebhookRefusal(
                .forged,
                WebhookRefusal.unsigned,
                "raw message delivery has no signature: switch it off for this subscription in SNS"
            )
        }
        let message: SNSMessage
        do {
            message = try SNSMessage(request.body)
        } catch {
            throw WebhookRefusal(.forged, WebhookRefusal.unsigned, "no message of SNS's: \(error.message)")
        }
        // Before anything is fetched: a stranger's topic costs no request.
        guard topics.isEmpty || topics.contains(message.topic) else {
            throw WebhookRefusal(.forged, "foreign_topic", "the topic is not among webhooks.ses.topics")
        }
        try await signature?.verify(message, of: request)
    }

    package func read(_ request: WebhookRequest) -> WebhookReading {
        do throws(ProviderError) {
            if isRaw(request), signature == nil {
                guard let text = String(validating: request.body, as: UTF8.self) else {
                    throw ProviderError(.strange, "not UTF-8")
                }
                return try events(text, id: request.header(Self.messageIDHeader) ?? SESEvent.hash(request.body))
            }
            let message = try SNSMessage(request.body)
            switch message.kind {
            case .notification: return try events(message.text, id: message.id)
            case .subscriptionConfirmation:
                return WebhookReading(confirmation: try confirmation(message))
            case .unsubscribeConfirmation:
                // The operator's own act; to confirm it would undo it.
                let name = message.kind.rawValue
                return WebhookReading(
                    reports: [ProviderReport(.unmapped(name: name), key: message.id, time: nil, address: .none)]
                )
            }
        } catch {
            return WebhookReading(strange: [.init(raw: request.body, message: error.message)])
        }
    }

    package func answer(to request: WebhookRequest) -> WebhookAnswer {
        WebhookAnswer()
    }

    /// Whether it is SES's own text without SNS's envelope, as the header of raw message delivery says.
    ///
    /// Where nothing is verified, the lack of an envelope says it too.
    private func isRaw(_ request: WebhookRequest) -> Bool {
        if request.header(Self.rawDeliveryHeader)?.lowercased() == "true" { return true }
        guard signature == nil, let value = try? JSONItems.value(of: request.body[...]) else { return false }
        return value.members != nil && value["Type"] == nil
    }

    private func events(_ text: String, id: String) throws(ProviderError) -> WebhookReading {
        if text.hasPrefix(Self.greeting) { return WebhookReading() }
        return WebhookReading(reports: try SESEvent(text, id: id).reports())
    }

    /// Topics that nobody named are not confirmed, verified or not.
    private func confirmation(_ message: SNSMessage) throws(ProviderError) -> String {
        guard topics.contains(message.topic) else {
            throw ProviderError(
                .strange,
                "\(message.topic) wants to be confirmed: name it in webhooks.ses.topics and confirm again"
            )
        }
        guard let url = message.subscribeURL, SNSAddress(url)?.isConfirmation == true else {
            throw ProviderError(.strange, "the address to confirm at is none of SNS's")
        }
        return url
    }

    private static func isTopic(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 6 && parts[0] == "arn" && parts[1].hasPrefix("aws") && parts[2] == "sns"
            && parts[3...].allSatisfy { !$0.isEmpty }
    }
}
