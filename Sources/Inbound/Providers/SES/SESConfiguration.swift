/// How one source takes Amazon SES's events, as SNS posts them.
package struct SESConfiguration: Sendable, Hashable {
    /// The topics' ARNs: a signature only says that some topic of SNS's sent it, not whose.
    package var topics: [String]
    /// Certificates in PEM that the signing certificate must chain to; without any, its address alone vouches for it.
    package var trustedRoots: String?
    /// Whether signatures are not looked at, and messages without an envelope are taken; topics then may be named, and
    /// hold for what has an envelope.
    package var isUnverified: Bool

    package init(topics: [String], trustedRoots: String? = nil, isUnverified: Bool = false) {
        self.topics = topics
        self.trustedRoots = trustedRoots
        self.isUnverified = isUnverified
    }
}
