internal import CloudHTTP
internal import Delivery
internal import Platform

/// What credentials are looked for in.
struct AzureSurroundings: CredentialSurroundings {
    static let vendor = "Azure"

    let variables: [String: String]
    let account: String
    let transport: any CloudTransport
    let platform: Platform

    func source(_ settings: AzureCredentialSettings) -> ChosenCredentials<AzureAuthorization> {
        ChosenCredentials(of: Self.vendor, places: places(settings))
    }

    private func places(_ settings: AzureCredentialSettings) -> [any CredentialPlace<AzureAuthorization>] {
        switch settings {
        case .chain:
            [
                EnvironmentCredentials(surroundings: self),
                WorkloadIdentity(surroundings: self),
                ManagedIdentity(surroundings: self, isAskedFor: false),
            ]
        case .fixed(let authorization): [FixedCredentials(authorization)]
        case .environment: [EnvironmentCredentials(surroundings: self)]
        case .clientSecret(let application, let secret):
            [ClientSecret(surroundings: self, application: application, secret: secret)]
        case .workloadIdentity(let application, let file):
            [WorkloadIdentity(surroundings: self, application: application, tokenFile: file)]
        case .managedIdentity(let client): [ManagedIdentity(surroundings: self, client: client, isAskedFor: true)]
        }
    }
}

/// A key, a shared access signature or an application's secret in variables.
struct EnvironmentCredentials: CredentialPlace {
    let surroundings: AzureSurroundings

    var name: String {
        "the environment (AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, or "
            + "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET)"
    }

    func look() async throws(DestinationError) -> CredentialLease<AzureAuthorization>? {
        if let text = surroundings.variable("AZURE_STORAGE_CONNECTION_STRING") {
            guard let found = AzureConnectionString(text) else { throw problem("AZURE_STORAGE_CONNECTION_STRING") }
            guard found.account == surroundings.account else {
                let message =
                    "AZURE_STORAGE_CONNECTION_STRING is of the account \(found.account), not of \(surroundings.account)"
                throw DestinationError(.denied, message, remedy: .waitForChange)
            }
            return CredentialLease(found.authorization)
        }
        if let text = surroundings.variable("AZURE_STORAGE_KEY") {
            guard let key = AzureAuthorization.sharedKey(base64: text) else { throw problem("AZURE_STORAGE_KEY") }
            return CredentialLease(key)
        }
        if let text = surroundings.variable("AZURE_STORAGE_SAS_TOKEN") {
            guard let found = AzureAuthorization.signature(text: text) else {
                throw problem("AZURE_STORAGE_SAS_TOKEN")
            }
            return CredentialLease(found)
        }
        guard let tenant = surroundings.variable("AZURE_TENANT_ID"),
            let client = surroundings.variable("AZURE_CLIENT_ID"),
            let secret = surroundings.variable("AZURE_CLIENT_SECRET")
        else { return nil }
        let application = EntraApplication(tenant: tenant, client: client)
        return try await ClientSecret(surroundings: surroundings, application: application, secret: secret).look()
    }

    private func problem(_ name: String) -> DestinationError {
        let message = "Azure credentials: \(name) does not have the form that it must have"
        return DestinationError(.denied, message, remedy: .waitForChange)
    }
}
