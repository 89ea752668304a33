import Platform
import Providers
import Tracking

/// Parts of providers' genuine bodies that nothing could be made of, tried again by the translation of today.
///
/// They were verified when they came; now there is no signature to look at any more.
struct WebhookLetters: Sendable {
    /// The code of such dead letters.
    static let code = "webhook_strange"

    let rooms: TrackingRooms
    let platform: Platform

    /// Why it cannot be taken; nil if it has.
    func again(_ letter: DeadLetters.Letter) async -> String? {
        // Their message begins with the provider's name.
        let provider = String(letter.message.prefix { $0 != ":" })
        guard let webhook = rooms.webhooks[provider]?[letter.from] else {
            return "the source \(letter.from) has no webhook of \(provider) any more, which would translate it"
        }
        let reading = webhook.read(
            WebhookRequest(
                url: "",
                headers: Self.headers(of: provider),
                body: letter.bytes,
                arrived: letter.time ?? platform.clock.now()
            )
        )
        if let strange = reading.strange.first {
            return
                "\(provider)'s event still cannot be translated: \(strange.message). Make events of the glossary of it "
                + "by hand, and send them with `courant send`"
        }
        guard !reading.reports.isEmpty else { return "nothing in it makes an event" }
        do throws(TrackingError) {
            _ = try await rooms.tracker.take(
                .provider(name: provider, reading.reports, strange: []),
                from: letter.from,
                body: letter.bytes
            )
            return nil
        } catch {
            return error.message
        }
    }

    private static func headers(of provider: String) -> [(name: String, value: String)] {
        provider == TwilioWebhook.name ? [("Content-Type", "application/x-www-form-urlencoded")] : []
    }
}
