package import Glossary

/// A source as tracking sees it.
package struct TrackingSource: Sendable {
    /// Whose word makes a Send, so that no message is counted twice.
    package enum Sends: String, Sendable, CaseIterable {
        /// The send report's; what a provider says of a send adds context only.
        case reported
        /// The provider's; a send report only remembers the context.
        case provider
    }

    package let name: String
    package let edition: Edition
    package let sends: Sends

    package init(name: String, edition: Edition, sends: Sends = .reported) {
        self.name = name
        self.edition = edition
        self.sends = sends
    }
}

/// What holds for all of tracking.
package struct TrackingSettings: Sendable, Hashable {
    /// Whose user a reply is credited to where several share a number.
    package enum Attribution: String, Sendable, CaseIterable {
        /// Each of them.
        case all
        /// The one who last received a message.
        case latestRecipient = "latest-recipient"
    }

    /// How long an event whose message is not known waits for the report of its send.
    package var overtake = Duration.seconds(900)
    /// How long a message's context is kept.
    package var keep = Duration.seconds(30 * 86_400)
    /// How long reports and providers' events are recognised as repeats: at least that long.
    package var seen = Duration.seconds(2 * 86_400)
    package var attribution = Attribution.all

    package init() {}
}
