internal import CloudHTTP
internal import Delivery
internal import Platform

/// What credentials are looked for in.
struct AWSSurroundings: CredentialSurroundings {
    static let vendor = "AWS"

    let variables: [String: String]
    let region: String
    let transport: any CloudTransport
    let platform: Platform

    /// Asks a credential service of this machine's surroundings.
    func ask(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        try await transport.exchange(request)
    }

    func source(_ settings: AWSCredentialSettings, role: AWSRole?) -> any CredentialSource<AWSCredentials> {
        let found = ChosenCredentials(of: Self.vendor, places: places(settings))
        guard let role else { return found }
        return AssumedRole(role: role, base: found, surroundings: self)
    }

    private func places(_ settings: AWSCredentialSettings) -> [any CredentialPlace<AWSCredentials>] {
        switch settings {
        case .chain:
            [
                EnvironmentCredentials(surroundings: self),
                WebIdentityCredentials(surroundings: self),
                ProfileCredentials(surroundings: self),
                ContainerCredentials(surroundings: self),
                InstanceCredentials(surroundings: self),
            ]
        case .fixed(let credentials): [FixedCredentials(credentials)]
        case .environment: [EnvironmentCredentials(surroundings: self)]
        case .profile(let name, let file): [ProfileCredentials(surroundings: self, name: name, file: file)]
        case .webIdentity(let role, let file):
            [WebIdentityCredentials(surroundings: self, role: role, tokenFile: file)]
        case .container: [ContainerCredentials(surroundings: self)]
        case .instance: [InstanceCredentials(surroundings: self)]
        }
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
struct EnvironmentCredentials: CredentialPlace {
    let surroundings: AWSSurroundings

    var name: String { "the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)" }

    func look() async throws(DestinationError) -> CredentialLease<AWSCredentials>? {
        guard let id = surroundings.variable("AWS_ACCESS_KEY_ID"),
            let secret = surroundings.variable("AWS_SECRET_ACCESS_KEY")
        else { return nil }
        let token = surroundings.variable("AWS_SESSION_TOKEN")
        return CredentialLease(AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token))
    }
}

/// Credentials as the container's and the instance's service write them.
struct AWSCredentialAnswer: Decodable {
    let accessKeyID: String
    let secretAccessKey: String
    let token: String
    let expiration: String

    enum CodingKeys: String, CodingKey {
        case accessKeyID = "AccessKeyId"
        case secretAccessKey = "SecretAccessKey"
        case token = "Token"
        case expiration = "Expiration"
    }

    var lease: CredentialLease<AWSCredentials> {
        CredentialLease(
            AWSCredentials(accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, sessionToken: token),
            expires: CalendarTime.parse(extended: expiration)
        )
    }

    /// The lease, or what was said instead.
    static func lease(
        _ response: CloudResponse,
        of place: String,
        now: Timestamp
    ) throws(DestinationError) -> CredentialLease<AWSCredentials> {
        if response.isSuccess, let answer = CloudJSON.decode(Self.self, from: response.body) { return answer.lease }
        throw DestinationError(
            .denied,
            "\(place) gives no credentials: it answers \(response.status) \(response.isSuccess ? "" : response.excerpt)",
            remedy: response.isSuccess || response.status >= 500 || response.status == 429
                ? .retry(after: response.retryAfter(now: now)) : .waitForChange
        )
    }
}
