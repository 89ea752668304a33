internal import CloudHTTP
internal import Crypto
internal import Platform

/// Signatures after Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.
package struct WebhookSigning: Sendable, Hashable {
    private static let prefix = "whsec_"
    private static let secretBytes = 24...64

    private let secrets: [[UInt8]]

    /// Reads `whsec_` and 24 to 64 bytes in Base64; nil if it is not that.
    ///
    /// Several secrets stand with blanks between: while one is exchanged for another, each request is signed with both.
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        secrets = words.compactMap(Self.secret)
        guard !words.isEmpty, secrets.count == words.count else { return nil }
    }

    private static func secret(_ word: Substring) -> [UInt8]? {
        guard word.hasPrefix(prefix), let secret = Base64.decode(word.dropFirst(prefix.utf8.count)),
            secretBytes.contains(secret.count)
        else { return nil }
        return secret
    }

    /// The three headers of one request.
    ///
    /// `id` is the same whenever the same events are sent again; `time` is that of this attempt, since receivers refuse
    /// what is five minutes old.
    func headers(id: String, time: Timestamp, body: [UInt8]) -> [(name: String, value: String)] {
        let seconds = "\(time.seconds)"
        let message = Array("\(id).\(seconds).".utf8) + body
        let signatures = secrets.map { secret in
            let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: secret))
            return "v1,\(Base64.encode(Array(code)))"
        }
        return [
            ("webhook-id", id), ("webhook-timestamp", seconds),
            ("webhook-signature", signatures.joined(separator: " ")),
        ]
    }
}
