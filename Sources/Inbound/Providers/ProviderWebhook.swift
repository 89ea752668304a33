package import Platform
package import Tracking

/// One provider's webhook for one source: whose bodies are its own, and what they say.
///
/// A provider is a folder: `SendGridWebhook` conforms, `SendGridSignature` checks, `SendGridEvent` translates.
package protocol ProviderWebhook: Sendable {
    /// As it stands in the address, `/v1/webhooks/{provider}/{source}`.
    static var name: String { get }

    /// Throws where the body is not the provider's own.
    ///
    /// Always about the raw bytes; what the check needs from elsewhere (a certificate) it fetches itself.
    func verify(_ request: WebhookRequest) async throws(WebhookRefusal)

    /// What a verified body says.
    ///
    /// Never fails: what cannot be understood comes back as `strange`, with its bytes, and the rest is read.
    func read(_ request: WebhookRequest) -> WebhookReading

    /// What the provider wants to hear once everything is durable.
    func answer(to request: WebhookRequest) -> WebhookAnswer
}

/// A provider's request as it came.
package struct WebhookRequest: Sendable {
    /// What a body may have: SendGrid's go up to 768 KB, the others' stay below.
    package static let bodyBytesMax = 2 << 20
    /// How old a signature with a time in it may be: for as long the ids of provider events are remembered.
    ///
    /// What is older could be a copy of a request that was taken before and has been forgotten. SendGrid repeats a
    /// request for 24 hours and does not say whether it signs anew, so a shorter bound could refuse a genuine one.
    package static let ageMax: Duration = .seconds(48 * 3_600)

    /// How far the clock of a provider may be ahead: what is dated later could come again once it has been forgotten.
    package static let aheadMax: Duration = .seconds(3_600)

    /// The address as the provider knows it: scheme, host, path and query, from `publicURL`.
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    package var arrived: Timestamp

    package init(url: String, headers: [(name: String, value: String)], body: [UInt8], arrived: Timestamp) {
        self.url = url
        self.headers = headers
        self.body = body
        self.arrived = arrived
    }

    /// The first header of that name, in any letter case.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    /// What stands behind the address's question mark, before a fragment.
    var query: Substring.UTF8View {
        let address = url.prefix { $0 != "#" }
        return address[(address.firstIndex(of: "?").map(address.index(after:)) ?? address.endIndex)...].utf8
    }

    /// Throws if what was signed at that time came too late, or long before.
    func checkAge(signed time: Timestamp) throws(WebhookRefusal) {
        guard time - arrived <= Self.aheadMax else {
            throw WebhookRefusal(
                .forged,
                "stale",
                "the signature is dated more than an hour ahead: this machine's clock is wrong, or the provider's"
            )
        }
        guard arrived - time > Self.ageMax else { return }
        throw WebhookRefusal(
            .forged,
            "stale",
            "the signature is older than 48 hours: a copy of an old request, or this machine's clock is wrong"
        )
    }
}

/// What was understood of a body.
package struct WebhookReading: Sendable, Hashable {
    /// A part of a genuine body that could not be understood: it becomes a dead letter.
    package struct Strange: Sendable, Hashable {
        package var raw: [UInt8]
        package var message: String

        package init(raw: [UInt8], message: String) {
            self.raw = raw
            self.message = message
        }
    }

    package var reports: [ProviderReport] = []
    package var strange: [Strange] = []
    /// An address that has to be fetched once, to confirm a subscription; it has been checked.
    package var confirmation: String?

    package init(reports: [ProviderReport] = [], strange: [Strange] = [], confirmation: String? = nil) {
        self.reports = reports
        self.strange = strange
        self.confirmation = confirmation
    }
}

/// What is answered.
package struct WebhookAnswer: Sendable, Hashable {
    package var status: Int
    package var contentType: String?
    package var body: [UInt8]

    package init(status: Int = 200, contentType: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

/// Why a body is not taken.
package struct WebhookRefusal: Error, Sendable, Hashable {
    package enum Reason: Sendable, Hashable {
        /// Not signed by whom it says: 401 or 403.
        case forged
        /// It could not be checked now (a certificate that cannot be fetched): 503, so that it comes again.
        case unchecked
    }

    package var reason: Reason
    package var code: String
    package var message: String

    package init(_ reason: Reason, _ code: String, _ message: String) {
        self.reason = reason
        self.code = code
        self.message = message
    }

    static let unsigned = "unsigned"
    static let wrongSignature = "wrong_signature"
}

/// What goes wrong in this room before and after a body is verified.
package struct ProviderError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A webhook that cannot be set up so.
        case settings
        /// Part of a body that is not what the provider sends.
        case strange
    }

    package var code: Code
    /// What of the webhook's settings is wrong, such as `public_keys[0]`.
    package var member: String?
    package var message: String

    package init(_ code: Code, at member: String? = nil, _ message: String) {
        self.code = code
        self.member = member
        self.message = message
    }

    package var description: String { member.map { "\($0): \(message)" } ?? message }
}
