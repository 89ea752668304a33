internal import Platform
internal import SwiftASN1
@_spi(FixedExpiryValidationTime) internal import X509
internal import _CryptoExtras

/// The certificate of a key that SNS signs with.
///
/// What vouches for it is where it comes from: an address on a host of SNS's, over TLS, without redirects. Amazon's own
/// validators rest on that too, since the file holds the leaf alone and names no root that could be shipped. Checked
/// besides, always: the subject's common name, an RSA key of 2,048 bits or more, and the validity at the moment when
/// the request arrived. Where the operator has named trusted certificates, the leaf must chain to one of them too, by
/// the rules of RFC 5280, through what else the file holds.
struct SNSCertificate: Sendable {
    static let commonName = "sns.amazonaws.com"
    static let bytesMax = 64 << 10
    static let chainMax = 8

    let key: _RSA.Signing.PublicKey
    private let validFrom: Timestamp
    private let validUntil: Timestamp

    /// Reads what stands at a certificate's address.
    init(pem: [UInt8], trust: SNSTrust?, at moment: Timestamp) async throws(WebhookRefusal) {
        guard pem.count <= Self.bytesMax, let chain = Self.certificates(pem), let leaf = chain.first,
            chain.count <= Self.chainMax
        else { throw WebhookRefusal(.unchecked, "no_certificate", "what stands at `SigningCertURL` is no certificate") }
        guard Self.commonNames(of: leaf) == [Self.commonName], let key = _RSA.Signing.PublicKey(leaf.publicKey) else {
            throw WebhookRefusal(.forged, "foreign_certificate", "the certificate is not of \(Self.commonName)")
        }
        self.key = key
        validFrom = Timestamp(leaf.notValidBefore)
        validUntil = Timestamp(leaf.notValidAfter)
        try checkValidity(at: moment)
        guard let trust else { return }
        var verifier = Verifier(rootCertificates: CertificateStore(trust.roots)) {
            RFC5280Policy(fixedExpiryValidationTime: moment.date)
        }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(chain.dropFirst()))
        guard case .validCertificate = result else {
            throw WebhookRefusal(.forged, "foreign_certificate", "the certificate does not chain to a trusted one")
        }
    }

    func checkValidity(at moment: Timestamp) throws(WebhookRefusal) {
        guard validFrom <= moment, moment <= validUntil else {
            throw WebhookRefusal(
                .forged,
                "expired_certificate",
                "the certificate is not valid at this time, or this machine's clock is wrong"
            )
        }
    }

    /// Nil where the text is no PEM or has anything but certificates in it.
    fileprivate static func certificates(_ pem: [UInt8]) -> [Certificate]? {
        guard let text = String(validating: pem, as: UTF8.self) else { return nil }
        return try? PEMDocument.parseMultiple(pemString: text).map { try Certificate(pemDocument: $0) }
    }

    private static func commonNames(of certificate: Certificate) -> [String] {
        certificate.subject.flatMap { $0 }.compactMap { attribute in
            attribute.type == .RDNAttributeType.commonName ? String(attribute.value) : nil
        }
    }
}

/// Certificates that an operator trusts: roots, or the issuer itself.
struct SNSTrust: Sendable {
    let roots: [Certificate]

    init(pem: String) throws(ProviderError) {
        guard let roots = SNSCertificate.certificates(Array(pem.utf8)), !roots.isEmpty else {
            throw ProviderError(.settings, at: "trusted_roots", "expected certificates in PEM")
        }
        self.roots = roots
    }
}
