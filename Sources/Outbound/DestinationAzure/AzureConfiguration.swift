package import CloudHTTP
package import Delivery

/// Where a connector to Azure Blob Storage, or to an emulator of it, writes, and how.
package struct AzureConfiguration: Sendable, Hashable {
    /// What keeping and reading costs.
    ///
    /// The archive is not among them: nobody can read there at once.
    package enum AccessTier: String, Sendable, Hashable, CaseIterable {
        case hot
        case cool
        case cold

        /// As the service writes it.
        var name: String {
            switch self {
            case .hot: "Hot"
            case .cool: "Cool"
            case .cold: "Cold"
            }
        }
    }

    package static let publicSuffix = "core.windows.net"

    package var account: String
    package var container: String
    /// The account's; with an emulator its path names the account.
    package var endpoint: CloudEndpoint
    /// Nil: the account's default.
    package var accessTier: AccessTier?
    /// Nil: the container's default.
    package var encryptionScope: String?
    package var credentials = AzureCredentialSettings.chain

    /// Unless said otherwise, the account is in Microsoft's public cloud.
    package init(account: String, container: String, endpoint: CloudEndpoint? = nil) {
        self.account = account
        self.container = container
        self.endpoint = endpoint ?? CloudEndpoint(host: "\(account).blob.\(Self.publicSuffix)")
    }

    /// The same text for the same place.
    package var location: String { "azure://\(endpoint.authority)\(endpoint.path)/\(container)" }

    /// The account that an address names: `http://127.0.0.1:10000/ACCOUNT`, or `https://ACCOUNT.blob.core.windows.net`.
    package static func account(of endpoint: CloudEndpoint) -> String {
        let name = endpoint.path.split(separator: "/").last ?? endpoint.host.prefix { $0 != "." }
        return String(name)
    }

    /// Whether it may be an account's name: 3 to 24 lower-case letters and digits.
    ///
    /// Emulators, which have an endpoint of their own, are not so strict.
    package static func isAccount(_ name: String, atEndpoint: Bool) -> Bool {
        atEndpoint
            ? (1...63).contains(name.utf8.count) && name.allSatisfy(isPlain)
            : (3...24).contains(name.utf8.count) && name.allSatisfy { isPlain($0) && !$0.isUppercase && $0 != "-" }
    }

    /// Whether it may be a container's name: 3 to 63 lower-case letters, digits and single dashes between them.
    package static func isContainer(_ name: String) -> Bool {
        (3...63).contains(name.utf8.count) && name.allSatisfy { isPlain($0) && !$0.isUppercase }
            && name.first != "-" && name.last != "-" && !name.contains("--")
    }

    /// Whether it may be an encryption scope's name.
    package static func isEncryptionScope(_ name: String) -> Bool {
        (3...63).contains(name.utf8.count) && name.allSatisfy(isPlain)
    }

    private static func isPlain(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "-")
    }

    package func validate() throws(DeliveryError) {
        let usual = Self(account: account, container: container).endpoint
        guard Self.isAccount(account, atEndpoint: endpoint != usual) else {
            throw DeliveryError(.settings, "destination.account: \(account) cannot be the name of a storage account")
        }
        guard Self.isContainer(container) else {
            throw DeliveryError(.settings, "destination.container: \(container) cannot be the name of a container")
        }
        if let scope = encryptionScope, !Self.isEncryptionScope(scope) {
            throw DeliveryError(
                .settings,
                "destination.encryption_scope: \(scope) cannot be the name of an encryption scope"
            )
        }
    }
}
