internal import Crypto
internal import Platform

/// SendGrid's signature: ECDSA over P-256 and SHA-256, of the timestamp header's bytes and the body's.
struct SendGridSignature: Sendable {
    static let signatureHeader = "X-Twilio-Email-Event-Webhook-Signature"
    static let timestampHeader = "X-Twilio-Email-Event-Webhook-Timestamp"
    static let keysMax = 16

    private let keys: [P256.Signing.PublicKey]

    init(keys texts: [String]) throws(ProviderError) {
        guard (1...Self.keysMax).contains(texts.count) else {
            throw ProviderError(
                .settings,
                at: "public_keys",
                "expected 1 to \(Self.keysMax) verification keys; or say unverified: true"
            )
        }
        var keys: [P256.Signing.PublicKey] = []
        for (index, text) in texts.enumerated() {
            guard let key = Self.key(text) else {
                throw ProviderError(
                    .settings,
                    at: "public_keys[\(index)]",
                    "expected a P-256 key in base64, as SendGrid's settings show it"
                )
            }
            keys.append(key)
        }
        self.keys = keys
    }

    func verify(_ request: WebhookRequest) throws(WebhookRefusal) {
        guard let text = request.header(Self.signatureHeader), let time = request.header(Self.timestampHeader) else {
            throw WebhookRefusal(
                .forged,
                WebhookRefusal.unsigned,
                "no signature: switch on the signed event webhook in SendGrid's settings"
            )
        }
        guard let bytes = Base64.decode(text),
            let signature = try? P256.Signing.ECDSASignature(derRepresentation: bytes)
        else { throw WebhookRefusal(.forged, WebhookRefusal.wrongSignature, "the signature cannot be read") }
        let digest = Self.digest(time: time, body: request.body)
        guard keys.contains(where: { $0.isValidSignature(signature, for: digest) }) else {
            throw WebhookRefusal(
                .forged,
                WebhookRefusal.wrongSignature,
                "the signature is of none of the public_keys, or the body was changed on its way"
            )
        }
        guard let seconds = Int64(time) else {
            throw WebhookRefusal(.forged, WebhookRefusal.wrongSignature, "the signature's time is no number of seconds")
        }
        try request.checkAge(signed: Timestamp(seconds: seconds))
    }

    /// What is signed: both as they came, byte for byte.
    static func digest(time: String, body: [UInt8]) -> SHA256.Digest {
        var hash = SHA256()
        hash.update(data: Array(time.utf8))
        hash.update(data: body)
        return hash.finalize()
    }

    /// Takes PEM too, since a secrets store may keep it so.
    private static func key(_ text: String) -> P256.Signing.PublicKey? {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }
        let base64 = lines.joined().filter { !$0.isWhitespace }
        return Base64.decode(base64).flatMap { try? P256.Signing.PublicKey(derRepresentation: $0) }
    }
}
