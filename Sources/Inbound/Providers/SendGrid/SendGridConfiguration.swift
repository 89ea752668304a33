/// How one source takes SendGrid's event webhook.
package struct SendGridConfiguration: Sendable, Hashable {
    /// Verification keys as SendGrid shows them: SPKI in base64, one line; several while one is exchanged for another.
    package var publicKeys: [String]
    /// Whether signatures are not looked at; then there must be no keys.
    package var isUnverified: Bool

    package init(publicKeys: [String], isUnverified: Bool = false) {
        self.publicKeys = publicKeys
        self.isUnverified = isUnverified
    }
}
