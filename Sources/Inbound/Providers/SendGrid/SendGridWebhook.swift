internal import Tracking

/// SendGrid's event webhook: bodies of many events, signed with ECDSA.
package struct SendGridWebhook: ProviderWebhook {
    package static let name = "sendgrid"

    private let signature: SendGridSignature?

    package init(_ configuration: SendGridConfiguration) throws(ProviderError) {
        signature = configuration.isUnverified ? nil : try SendGridSignature(keys: configuration.publicKeys)
        guard !configuration.isUnverified || configuration.publicKeys.isEmpty else {
            throw ProviderError(
                .settings,
                at: "unverified",
                "expected either public_keys or unverified: true, not both"
            )
        }
    }

    package func verify(_ request: WebhookRequest) async throws(WebhookRefusal) {
        try signature?.verify(request)
    }

    package func read(_ request: WebhookRequest) -> WebhookReading {
        var reading = WebhookReading()
        let items = JSONItems(of: request.body)
        for item in items.items {
            do {
                reading.reports += try SendGridEvent(item).reports()
            } catch {
                reading.strange.append(.init(raw: Array(item), message: error.message))
            }
        }
        if let rest = items.rest {
            reading.strange.append(
                .init(raw: Array(rest), message: "not an array of events, or its end lacks")
            )
        }
        return reading
    }

    package func answer(to request: WebhookRequest) -> WebhookAnswer {
        WebhookAnswer()
    }
}
