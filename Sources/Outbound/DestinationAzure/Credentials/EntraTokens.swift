internal import CloudHTTP
internal import Delivery
internal import Platform

/// Microsoft Entra: tokens for an application that proves who it is.
struct EntraTokens: Sendable {
    static let publicAuthority = "login.microsoftonline.com"
    /// The same in every cloud of Microsoft's.
    static let resource = "https://storage.azure.com/"

    let surroundings: AzureSurroundings

    func token(
        for application: EntraApplication,
        proof: [(name: String, value: String)]
    ) async throws(DestinationError) -> CredentialLease<AzureAuthorization> {
        guard let tenant = application.tenant ?? surroundings.variable("AZURE_TENANT_ID"),
            let client = application.client ?? surroundings.variable("AZURE_CLIENT_ID")
        else {
            let message =
                "Azure credentials: tenant_id and client_id are needed, or AZURE_TENANT_ID and AZURE_CLIENT_ID"
            throw DestinationError(.denied, message, remedy: .waitForChange)
        }
        let authority =
            application.authority ?? surroundings.variable("AZURE_AUTHORITY_HOST").flatMap { CloudEndpoint($0) }
            ?? CloudEndpoint(host: Self.publicAuthority)
        let fields =
            [
                (name: "grant_type", value: "client_credentials"), (name: "client_id", value: client),
                (name: "scope", value: Self.resource + ".default"),
            ] + proof
        let request = CloudRequest(
            "POST",
            "\(authority.url)/\(PercentEncoding.encode(tenant))/oauth2/v2.0/token",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: .bytes(Array(PercentEncoding.form(fields).utf8))
        )
        // Asked before the exchange: what is left of the token is then rather more than thought.
        let asked = surroundings.platform.clock.now()
        let response = try await surroundings.transport.exchange(request)
        if let lease = TokenAnswer.lease(response, asked: asked) { return lease }
        throw TokenRefusal(response).error(
            "Entra gives no token for the application \(client) of the tenant \(tenant)",
            response.retryAfter(now: asked)
        )
    }
}

/// An application's own secret.
struct ClientSecret: CredentialPlace {
    let surroundings: AzureSurroundings
    let application: EntraApplication
    let secret: String

    var name: String { "the application's secret" }

    func look() async throws(DestinationError) -> CredentialLease<AzureAuthorization>? {
        try await EntraTokens(surroundings: surroundings)
            .token(for: application, proof: [("client_secret", secret)])
    }
}

/// A token in a file that something else keeps fresh, as in Kubernetes; read anew each time.
struct WorkloadIdentity: CredentialPlace {
    private static let assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

    let surroundings: AzureSurroundings
    var application = EntraApplication()
    var tokenFile: String?

    var name: String { "workload identity (AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE)" }

    func look() async throws(DestinationError) -> CredentialLease<AzureAuthorization>? {
        guard let file = tokenFile ?? surroundings.variable("AZURE_FEDERATED_TOKEN_FILE") else { return nil }
        let token = try await surroundings.text(of: file)
        let proof = [(name: "client_assertion_type", value: Self.assertion), (name: "client_assertion", value: token)]
        return try await EntraTokens(surroundings: surroundings).token(for: application, proof: proof)
    }
}

/// A token as Entra, a machine and a container give it.
struct TokenAnswer: Decodable {
    let token: String
    /// From now on; Entra writes a number, machines write a text.
    let lifetime: Seconds?
    /// Since 1970.
    let end: Seconds?

    enum CodingKeys: String, CodingKey {
        case token = "access_token"
        case lifetime = "expires_in"
        case end = "expires_on"
    }

    struct Seconds: Decodable {
        let value: Int64?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) {
                value = number
            } else {
                value = Int64(try container.decode(String.self))
            }
        }
    }

    /// Nil if the answer holds no token whose end can be told.
    static func lease(_ response: CloudResponse, asked: Timestamp) -> CredentialLease<AzureAuthorization>? {
        guard response.isSuccess, let answer = CloudJSON.decode(Self.self, from: response.body) else { return nil }
        let end = answer.end?.value.map { Timestamp(seconds: $0) }
        guard let end = end ?? answer.lifetime?.value.map({ asked + .seconds($0) }) else { return nil }
        return CredentialLease(.token(answer.token), expires: end)
    }
}

/// Why there is no token.
struct TokenRefusal {
    private struct Body: Decodable {
        let error: String?
        let description: String?

        enum CodingKeys: String, CodingKey {
            case error
            case description = "error_description"
        }
    }

    /// An assertion out of its time: the file will be written again, or the clock is wrong.
    private static let passing = ["AADSTS700024", "AADSTS90033", "AADSTS50196"]
    private static let hints = [
        "AADSTS7000215": "the client secret is wrong: its value is needed, not its id",
        "AADSTS7000222": "the client secret has expired: make a new one",
        "AADSTS700016": "the tenant has no such application: check client_id and tenant_id",
        "AADSTS90002": "there is no such tenant: check tenant_id and authority",
        "AADSTS700213": "no federated credential of the application fits the token's subject",
        "AADSTS70021": "no federated credential of the application fits the token's issuer, subject and audience",
        "AADSTS700024": "the token in the file is not valid now: it was not renewed, or this machine's clock is wrong",
    ]

    private let status: Int
    private let words: String
    private let isPassing: Bool

    init(_ response: CloudResponse) {
        let body = CloudJSON.decode(Body.self, from: response.body)
        // What follows the first sentence are numbers of the request, on one line or several.
        let description = body?.description?.split(whereSeparator: \.isNewline).first ?? ""
        let end = description.firstRange(of: " Trace ID:")?.lowerBound ?? description.endIndex
        let said = description[..<end]
        let code = said.prefix { $0 != ":" }
        status = response.status
        if let hint = Self.hints[String(code)] {
            words = "\(hint) (\(status), \(said))"
        } else if said.isEmpty {
            words = "\(status), \(body?.error ?? (response.isSuccess ? "no token" : response.excerpt))"
        } else {
            words = "\(status), \(said)"
        }
        isPassing =
            response.isSuccess || [404, 408, 410, 429].contains(status) || status >= 500
            || Self.passing.contains(String(code)) || body?.error == "temporarily_unavailable"
    }

    func error(_ sentence: String, _ after: Duration?) -> DestinationError {
        DestinationError(
            .denied,
            "\(sentence): \(words)",
            remedy: isPassing ? .retry(after: after) : .waitForChange
        )
    }
}
