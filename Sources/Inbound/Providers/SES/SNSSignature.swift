internal import Crypto
internal import Platform
internal import _CryptoExtras

/// SNS's signature: RSA (PKCS #1 v1.5) over SHA-1 in version 1, over SHA-256 in version 2, by a key whose certificate
/// the message names.
struct SNSSignature: Sendable {
    let certificates: SNSCertificates

    func verify(_ message: SNSMessage, of request: WebhookRequest) async throws(WebhookRefusal) {
        guard let text = message.signature, let bytes = Base64.decode(text), let version = message.signatureVersion,
            version == "1" || version == "2"
        else { throw WebhookRefusal(.forged, WebhookRefusal.unsigned, "no signature of version 1 or 2") }
        guard let time = CalendarTime.parse(extended: message.timestamp) else {
            throw WebhookRefusal(.forged, WebhookRefusal.wrongSignature, "`Timestamp` is none")
        }
        try request.checkAge(signed: time)
        guard let url = message.signingCertURL, SNSAddress(url)?.isCertificate == true else {
            throw WebhookRefusal(
                .forged,
                "foreign_certificate",
                "`SigningCertURL` is no address of a certificate of SNS's"
            )
        }
        let certificate = try await certificates.certificate(at: url, arrived: request.arrived)
        try certificate.checkValidity(at: request.arrived)
        let signature = _RSA.Signing.RSASignature(rawRepresentation: bytes)
        guard Self.isValid(signature, of: message.stringToSign, version: version, by: certificate.key) else {
            throw WebhookRefusal(.forged, WebhookRefusal.wrongSignature, "the signature is not of this message")
        }
    }

    private static func isValid(
        _ signature: _RSA.Signing.RSASignature,
        of text: String,
        version: String,
        by key: _RSA.Signing.PublicKey
    ) -> Bool {
        let text = Array(text.utf8)
        return version == "1"
            ? key.isValidSignature(signature, for: Insecure.SHA1.hash(data: text), padding: .insecurePKCS1v1_5)
            : key.isValidSignature(signature, for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5)
    }
}
