import Crypto
package import Platform

/// A bearer token as the service keeps it: everything but its text, of which only the hash is stored.
package struct AccessToken: Sendable, Equatable {
    /// What a token may be used for.
    package enum Scope: String, Sendable, CaseIterable, Codable {
        /// Send events to the token's source.
        case ingest
        /// Look: metrics, connectors, status, tail.
        case read
        /// Act: flush, pause, resume, make and revoke tokens. Includes `read`.
        case admin
    }

    package let name: String
    /// Where its events go; nil without the scope `ingest`.
    package let source: String?
    package let scopes: [Scope]
    /// Seconds are kept.
    package let created: Timestamp
    /// The text's last four characters, to tell tokens apart.
    package let lastFour: String
    /// SHA-256 of the text.
    ///
    /// The text has 256 random bits, so neither salt nor stretching would add anything.
    package let hash: SecretBytes<[UInt8]>

    package init(
        name: String,
        source: String?,
        scopes: [Scope],
        created: Timestamp,
        lastFour: String,
        hash: SecretBytes<[UInt8]>
    ) {
        self.name = name
        self.source = source
        self.scopes = scopes
        self.created = created
        self.lastFour = lastFour
        self.hash = hash
    }

    package func allows(_ scope: Scope) -> Bool {
        scopes.contains(scope) || scope == .read && scopes.contains(.admin)
    }

    /// A new text: `courant_<name>_<64 hexadecimal digits>`.
    ///
    /// The name is there for people and for secret scanners.
    static func makeText(name: String, random: any RandomSource) -> String {
        "courant_\(name)_\(Hex.text(random.bytes(count: 32)))"
    }

    static func hash(of text: some StringProtocol) -> SecretBytes<[UInt8]> {
        var hasher = SHA256()
        hasher.update(data: Array(text.utf8))
        return SecretBytes(Array(hasher.finalize()))
    }
}

/// Why a token was not made or revoked.
package struct TokenError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case nameTaken = "token_name_taken"
        case nameInvalid = "token_name_invalid"
        case notFound = "token_not_found"
        case scopesMissing = "token_scopes_missing"
        case sourceUnknown = "token_source_unknown"
        case adminNeeded = "token_admin_needed"
        case tooMany = "tokens_too_many"
    }

    package let code: Code
    package let message: String

    package var description: String { message }
}
