import CloudHTTP
package import Delivery
package import DestinationAzure

/// A container of Azure Blob Storage, or of an emulator of it.
package struct AzureDestinationPart: DestinationPart {
    package static let type = "azure"
    package static let defaults = DestinationDefaults.objectStore
    package static let kind = DestinationKind.azureBlob

    package let configuration: AzureConfiguration
    /// Of the environment what credentials are looked for in.
    private let variables: [String: String]

    package var location: String { configuration.location }

    package func makeDestination(
        connector id: String,
        in surroundings: DestinationSurroundings
    ) throws -> Destination {
        try configuration.validate()
        return .objects(
            AzureDestination(
                configuration,
                variables: variables,
                transport: surroundings.transport,
                platform: surroundings.platform
            )
        )
    }

    package init?(_ section: ConfigurationSection, folder: String) {
        let environment = section.reading.environment
        variables = environment.filter { $0.key.hasPrefix("AZURE_") || $0.key.hasPrefix("IDENTITY_") }
        let given = section.string("account", expected: Self.accountRule)
        let endpoint = section.value("endpoint", expected: "an address such as https://mylake.blob.core.windows.net") {
            CloudEndpoint($0)
        }
        let container = section.required("container", expected: "the container's name")
        if let container, !AzureConfiguration.isContainer(container) {
            let message = "expected the container's name, 3 to 63 lower-case letters, digits and single dashes"
            section.report(message, key: "container", line: section.lineOf("container"))
        }
        section.refuseObjectPrefix()
        let credentials = Self.credentials(section, container: container ?? "", folder: folder)
        let account =
            given ?? credentials.account ?? endpoint.map { AzureConfiguration.account(of: $0) }
            ?? environment["AZURE_STORAGE_ACCOUNT"]
        let hasEndpoint = endpoint != nil || credentials.endpoint != nil || section.has("endpoint")
        if let account, !AzureConfiguration.isAccount(account, atEndpoint: hasEndpoint) {
            section.report("expected \(Self.accountRule)", key: "account", line: section.lineOf("account"))
        }
        if account == nil, !section.has("account"), !section.has("endpoint") {
            let message = "is missing; expected the storage account's name, here or in AZURE_STORAGE_ACCOUNT"
            section.report(message, key: "account", line: section.lineOf("account"))
        }
        if let given, let other = credentials.account, given != other {
            let message = "expected the account that the credentials are of, found another"
            section.report(message, key: "account", line: section.lineOf("account"))
        }
        var configuration = AzureConfiguration(
            account: account ?? "",
            container: container ?? "",
            endpoint: endpoint ?? credentials.endpoint
        )
        configuration.accessTier = Self.accessTier(section)
        configuration.encryptionScope = section.value(
            "encryption_scope",
            expected: "a scope's name, 3 to 63 letters, digits and dashes"
        ) { AzureConfiguration.isEncryptionScope($0) ? $0 : nil }
        configuration.credentials = credentials.settings
        self.configuration = configuration
        guard account != nil, container != nil else { return nil }
    }

    private static let accountRule = "a storage account's name, 3 to 24 lower-case letters and digits"

    private static func accessTier(_ section: ConfigurationSection) -> AzureConfiguration.AccessTier? {
        section.choice("access_tier", of: AzureConfiguration.AccessTier.allCases.map { ($0.rawValue, $0) })
    }

    private enum CredentialKind: String, CaseIterable {
        case chain = "default"
        case environment
        case connectionString = "connection_string"
        case sharedKey = "shared_key"
        case signature = "sas"
        case clientSecret = "client_secret"
        case workloadIdentity = "workload_identity"
        case managedIdentity = "managed_identity"

        /// Those that one word says all of.
        static let short: [CredentialKind] = [.chain, .environment, .workloadIdentity, .managedIdentity]
    }

    /// Credentials, and what they tell of where the account is.
    private struct Credentials {
        var settings: AzureCredentialSettings
        var account: String?
        var endpoint: CloudEndpoint?

        init(_ settings: AzureCredentialSettings, _ connection: AzureConnectionString? = nil) {
            self.settings = settings
            account = connection?.account
            endpoint = connection?.endpoint
        }
    }

    /// `credentials: managed_identity` or `credentials: {type: shared_key, account_key: …}`.
    private static func credentials(
        _ section: ConfigurationSection,
        container: String,
        folder: String
    ) -> Credentials {
        let words = { (kinds: [CredentialKind]) in kinds.map { (word: $0.rawValue, value: $0) } }
        if section.isText("credentials") {
            let keys = "{connection_string: …}, {account_key: …}, {sas: …} or {client_secret: …}"
            let kind = section.choice("credentials", default: .chain, of: words(CredentialKind.short), or: keys)
            return short(kind, environment: section.reading.environment)
        }
        return section.section("credentials") { (section) -> Credentials in
            let telling: [(key: String, value: CredentialKind)] = [
                ("connection_string", .connectionString), ("account_key", .sharedKey), ("sas", .signature),
                ("client_secret", .clientSecret),
            ]
            let kind = section.kind(default: .chain, of: words(CredentialKind.allCases), told: telling)
            switch kind {
            case .chain, .environment: return short(kind, environment: section.reading.environment)
            case .connectionString: return connectionString(section)
            case .sharedKey: return sharedKey(section)
            case .signature: return signature(section, container: container)
            case .clientSecret:
                let secret = section.required("client_secret", expected: "the secret's value, best as ${NAME}")
                let application = application(section, isComplete: true)
                return Credentials(.clientSecret(application, secret: secret ?? ""))
            case .workloadIdentity:
                let file = section.string("token_file", expected: "a file")
                    .map { ConfigurationPath.absolute($0, in: folder) }
                return Credentials(.workloadIdentity(application(section, isComplete: false), tokenFile: file))
            case .managedIdentity:
                let client = section.string("client_id", expected: "the client id of a user-assigned identity")
                return Credentials(.managedIdentity(client: client))
            }
        }
    }

    /// What one word says; a connection string of the environment also tells where the account is.
    private static func short(_ kind: CredentialKind, environment: [String: String]) -> Credentials {
        let connection = environment["AZURE_STORAGE_CONNECTION_STRING"].flatMap { AzureConnectionString($0) }
        switch kind {
        case .workloadIdentity: return Credentials(.workloadIdentity(EntraApplication(), tokenFile: nil))
        case .managedIdentity: return Credentials(.managedIdentity(client: nil))
        case .environment: return Credentials(.environment, connection)
        default: return Credentials(.chain, connection)
        }
    }

    // What is wrong with a secret is said without showing it.

    private static func connectionString(_ section: ConfigurationSection) -> Credentials {
        guard let text = section.required("connection_string", expected: AzureConnectionString.form) else {
            return Credentials(.chain)
        }
        guard let found = AzureConnectionString(text) else {
            let line = section.lineOf("connection_string")
            section.report("expected \(AzureConnectionString.form)", key: "connection_string", line: line)
            return Credentials(.chain)
        }
        return Credentials(.fixed(found.authorization), found)
    }

    private static func sharedKey(_ section: ConfigurationSection) -> Credentials {
        let expected = "one of the account's keys in Base64, best as ${NAME}"
        guard let text = section.required("account_key", expected: expected) else { return Credentials(.chain) }
        guard let key = AzureAuthorization.sharedKey(base64: text) else {
            section.report("expected \(expected)", key: "account_key", line: section.lineOf("account_key"))
            return Credentials(.chain)
        }
        return Credentials(.fixed(key))
    }

    /// A URL also tells where the account is; it may name the container, or nothing below the account.
    private static func signature(_ section: ConfigurationSection, container: String) -> Credentials {
        let expected = "a shared access signature with sv and sig, or a URL that has one, best as ${NAME}"
        guard let text = section.required("sas", expected: expected) else { return Credentials(.chain) }
        guard let found = AzureAuthorization.signature(text: text) else {
            section.report("expected \(expected)", key: "sas", line: section.lineOf("sas"))
            return Credentials(.chain)
        }
        var credentials = Credentials(.fixed(found))
        if var endpoint = CloudEndpoint(text) {
            if endpoint.path.hasSuffix("/\(container)") { endpoint.path.removeLast(container.count + 1) }
            credentials.endpoint = endpoint
            credentials.account = AzureConfiguration.account(of: endpoint)
        }
        return credentials
    }

    private static func application(_ section: ConfigurationSection, isComplete: Bool) -> EntraApplication {
        let id = { (key: String, expected: String) in
            isComplete ? section.required(key, expected: expected) : section.string(key, expected: expected)
        }
        return EntraApplication(
            tenant: id("tenant_id", "the tenant's id"),
            client: id("client_id", "the application's client id"),
            authority: section.value("authority", expected: "an address such as https://login.microsoftonline.us") {
                CloudEndpoint($0)
            }
        )
    }
}
