import Avro
import Platform
import Providers
import Testing

@testable import Tracking

extension Scenario {
    /// SendGrid and SES put off a message to u1 and u3 and give up at last; u2 and u4 press the spam button; SendGrid
    /// puts off a message to u5, which then arrives.
    func providers(_ running: TrackingWorld.Running) async throws {
        try await send("email", "scheduled", ["u1", "u2", "u3", "u4", "u5"], Self.spring, "a", running)
        let sendGrid = try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true))
        let attempts = (1...3).map { Self.sendGrid("deferred", "u1", $0, #""response":"451","attempt":"\#($0)","#) }
        let events =
            attempts + [
                Self.sendGrid("bounce", "u1", 9, #""type":"blocked","reason":"452 too busy","#),
                Self.sendGrid("spamreport", "u2", 9, ""),
                Self.sendGrid("deferred", "u5", 1, #""response":"451","attempt":"1","#),
                Self.sendGrid("delivered", "u5", 2, ""),
            ]
        try await told("[\(events.joined(separator: ","))]", to: sendGrid, SendGridWebhook.name, running)

        let ses = try SESWebhook(SESConfiguration(topics: [], isUnverified: true)) { _ in [] }
        let bodies = [
            Self.ses("DeliveryDelay", "deliveryDelay", "u3", "delayedRecipients", #""delayType":"MailboxFull""#),
            Self.ses(
                "Bounce",
                "bounce",
                "u3",
                "bouncedRecipients",
                #""bounceType":"Transient","bounceSubType":"MailboxFull","feedbackId":"f-3""#
            ),
            Self.ses(
                "Complaint",
                "complaint",
                "u4",
                "complainedRecipients",
                #""complaintFeedbackType":"abuse","feedbackId":"f-4""#
            ),
        ]
        for body in bodies { try await told(body, to: ses, SESWebhook.name, running) }
    }

    /// Twice, as whatever providers tell.
    private func told(
        _ body: String,
        to webhook: some ProviderWebhook,
        _ name: String,
        _ running: TrackingWorld.Running
    ) async throws {
        let request = WebhookRequest(
            url: "https://events.example.com/v1/webhooks/\(name)/default",
            headers: [],
            body: Array(body.utf8),
            arrived: Timestamp(seconds: Self.start + 60)
        )
        let reading = webhook.read(request)
        #expect(reading.strange.isEmpty && !reading.reports.isEmpty, "\(reading)")
        for _ in 0..<2 { try await running.provider(reading.reports, name: name) }
    }

    private static func sendGrid(_ event: String, _ user: String, _ number: Int, _ fields: String) -> String {
        """
        {"event":"\(event)","email":"\(user)@example.com","timestamp":\(start + Int64(number)),\(fields)
        "sg_event_id":"\(event)-\(user)-\(number)","sg_message_id":"a-\(user).filter-1"}
        """
    }

    private static func ses(
        _ event: String,
        _ member: String,
        _ user: String,
        _ recipients: String,
        _ fields: String
    ) -> String {
        """
        {"eventType":"\(event)","mail":{"timestamp":"2026-01-01T00:00:00.000Z","messageId":"a-\(user)",
        "source":"shop@example.com","destination":["\(user)@example.com"]},
        "\(member)":{"timestamp":"2026-01-01T00:01:00.000Z",\(fields),
        "\(recipients)":[{"emailAddress":"\(user)@example.com"}]}}
        """
    }
}
