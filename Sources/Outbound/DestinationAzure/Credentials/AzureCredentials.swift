package import CloudHTTP
internal import Platform

/// What requests are authorized with.
package enum AzureAuthorization: Sendable, Hashable, CustomStringConvertible {
    /// The account's key, which signs every request.
    case sharedKey([UInt8])
    /// A shared access signature: the query that it is, encoded, without a question mark.
    case signature(String)
    /// A token of Entra's.
    case token(String)

    /// Nothing of it is shown.
    package var description: String {
        switch self {
        case .sharedKey: "the account's key"
        case .signature: "a shared access signature"
        case .token: "a token"
        }
    }

    /// An account's key as the portal shows it, in Base64.
    package static func sharedKey(base64 text: String) -> AzureAuthorization? {
        Base64.decode(text).flatMap { $0.isEmpty ? nil : .sharedKey($0) }
    }

    /// A shared access signature, with or without its question mark, or a URL that has one.
    package static func signature(text: String) -> AzureAuthorization? {
        let isURL = text.contains("://")
        guard !isURL || text.contains("?") else { return nil }
        let query = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: true).last ?? ""
        let names = query.split(separator: "&").map { $0.prefix { $0 != "=" } }
        guard names.contains("sig"), names.contains("sv"), !query.contains(where: \.isWhitespace) else { return nil }
        return .signature(String(query))
    }

    /// When a shared access signature ends, as it says itself: `se`.
    var ends: String? {
        guard case .signature(let query) = self else { return nil }
        return query.split(separator: "&").first { $0.hasPrefix("se=") }.flatMap {
            PercentEncoding.decode($0.dropFirst(3))
        }
    }
}

/// An application of Entra's, or a user-assigned identity: who asks for tokens where.
package struct EntraApplication: Sendable, Hashable {
    /// The tenant's id, or a domain of it.
    package var tenant: String?
    package var client: String?
    /// Nil: `AZURE_AUTHORITY_HOST`, or Microsoft's public one.
    package var authority: CloudEndpoint?

    package init(tenant: String? = nil, client: String? = nil, authority: CloudEndpoint? = nil) {
        self.tenant = tenant
        self.client = client
        self.authority = authority
    }
}

/// Where credentials are looked for.
package enum AzureCredentialSettings: Sendable, Hashable, CustomStringConvertible {
    /// Environment, workload identity, managed identity: the first that there is.
    case chain
    case fixed(AzureAuthorization)
    case environment
    case clientSecret(EntraApplication, secret: String)
    /// A token in a file vouches for the application; nil: `AZURE_FEDERATED_TOKEN_FILE`.
    case workloadIdentity(EntraApplication, tokenFile: String?)
    /// The identity of the machine, or of the container; `client` chooses one of several.
    case managedIdentity(client: String?)

    /// The kind alone: secrets are not shown.
    package var description: String {
        switch self {
        case .chain: "default"
        case .fixed(let authorization): "\(authorization)"
        case .environment: "environment"
        case .clientSecret: "client secret"
        case .workloadIdentity: "workload identity"
        case .managedIdentity: "managed identity"
        }
    }
}
