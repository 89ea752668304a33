/// How one source takes Twilio's callbacks.
package struct TwilioConfiguration: Sendable, Hashable {
    /// The account's auth tokens, two while the primary is exchanged for the secondary; or secrets of shared keys.
    package var authTokens: [String]
    /// Whether signatures are not looked at; then there must be no tokens.
    package var isUnverified: Bool

    package init(authTokens: [String], isUnverified: Bool = false) {
        self.authTokens = authTokens
        self.isUnverified = isUnverified
    }
}
