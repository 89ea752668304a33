internal import CloudHTTP
internal import Crypto
internal import Platform

/// Signatures after Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.
package struct WebhookSigning: Sendable, Hashable {
    private static let prefix = "whsec_"
    private static let secretBytes = 24...64

    private let secret: [UInt8]

    /// Reads `whsec_` and 24 to 64 bytes in Base64; nil if it is not that.
    package init?(_ text: String) {
        guard
            text.hasPrefix(Self.prefix), let secret = Base64.decode(text.dropFirst(Self.prefix.utf8.count)),
            Self.secretBytes.contains(secret.count)
        else { return nil }
        self.secret = secret
    }

    /// The three headers of one request.
    ///
    /// `id` is the same whenever the same events are sent again; `time` is that of this attempt, since receivers refuse
    /// what is five minutes old.
    func headers(id: String, time: Timestamp, body: [UInt8]) -> [(name: String, value: String)] {
        let seconds = "\(time.seconds)"
        let message = Array("\(id).\(seconds).".utf8) + body
        let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: secret))
        return [
            ("webhook-id", id), ("webhook-timestamp", seconds),
            ("webhook-signature", "v1,\(Base64.encode(Array(code)))"),
        ]
    }
}
