internal import Platform
internal import Tracking

/// Twilio's callbacks: what became of a message, and messages to our numbers, told apart by what is in them.
package struct TwilioWebhook: ProviderWebhook {
    package static let name = "twilio"

    /// TwiML that does nothing: replies are the sender's to make.
    static let silence = "<Response></Response>"

    private let signature: TwilioSignature?

    package init(_ configuration: TwilioConfiguration) throws(ProviderError) {
        signature = configuration.isUnverified ? nil : try TwilioSignature(tokens: configuration.authTokens)
        guard !configuration.isUnverified || configuration.authTokens.isEmpty else {
            throw ProviderError(
                .settings,
                at: "unverified",
                "expected either auth_tokens or unverified: true, not both"
            )
        }
    }

    package func verify(_ request: WebhookRequest) async throws(WebhookRefusal) {
        try signature?.verify(request)
    }

    package func read(_ request: WebhookRequest) -> WebhookReading {
        do {
            return WebhookReading(reports: [try TwilioMessage(request).report()])
        } catch {
            return WebhookReading(strange: [.init(raw: request.body, message: error.message)])
        }
    }

    package func answer(to request: WebhookRequest) -> WebhookAnswer {
        guard let message = try? TwilioMessage(request), message.isInbound else { return WebhookAnswer() }
        return WebhookAnswer(contentType: "text/xml", body: Array(Self.silence.utf8))
    }
}
