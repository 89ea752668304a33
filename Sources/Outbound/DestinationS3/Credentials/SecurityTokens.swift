internal import CloudHTTP
internal import Delivery
internal import Platform

/// Amazon's Security Token Service: roles for credentials, or for a token that somebody else signed.
struct SecurityTokens: Sendable {
    let surroundings: AWSSurroundings

    func assume(
        _ role: AWSRole,
        with credentials: AWSCredentials
    ) async throws(DestinationError) -> CredentialLease<AWSCredentials> {
        var fields = fields("AssumeRole", role: role.arn, session: role.sessionName)
        fields.append(("DurationSeconds", "\(role.duration.components.seconds)"))
        if let externalID = role.externalID { fields.append(("ExternalId", externalID)) }
        let time = CalendarTime(surroundings.platform.clock.now())
        let signing = AWSSigning(credentials: credentials, region: surroundings.region, service: "sts", time: time)
        let body = Array(PercentEncoding.form(fields).utf8)
        return try await lease(signing.signed(request(body), payload: AWSSigning.payload(body)), role.arn)
    }

    func assume(
        role arn: String,
        session: String,
        webIdentityToken token: String
    ) async throws(DestinationError) -> CredentialLease<AWSCredentials> {
        let fields =
            fields("AssumeRoleWithWebIdentity", role: arn, session: session) + [("WebIdentityToken", token)]
        return try await lease(request(Array(PercentEncoding.form(fields).utf8)), arn)
    }

    private func fields(_ action: String, role: String, session: String) -> [(name: String, value: String)] {
        [("Action", action), ("Version", "2011-06-15"), ("RoleArn", role), ("RoleSessionName", session)]
    }

    private func request(_ body: [UInt8]) -> CloudRequest {
        let endpoint =
            surroundings.variable("AWS_ENDPOINT_URL_STS").flatMap { CloudEndpoint($0) }
            ?? CloudEndpoint(host: S3Configuration.host(service: "sts", region: surroundings.region))
        return CloudRequest(
            "POST",
            endpoint.url + "/",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: .bytes(body)
        )
    }

    private func lease(
        _ request: CloudRequest,
        _ arn: String
    ) async throws(DestinationError) -> CredentialLease<AWSCredentials> {
        let response = try await surroundings.ask(request)
        if response.isSuccess, let id = XMLText.first("AccessKeyId", in: response.body),
            let secret = XMLText.first("SecretAccessKey", in: response.body),
            let token = XMLText.first("SessionToken", in: response.body)
        {
            return CredentialLease(
                AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token),
                expires: XMLText.first("Expiration", in: response.body).flatMap(CalendarTime.parse(extended:))
            )
        }
        let code = XMLText.first("Code", in: response.body) ?? ""
        let message = XMLText.first("Message", in: response.body) ?? (response.isSuccess ? "" : response.excerpt)
        let isPassing =
            response.status >= 500 || response.status == 429
            || ["ExpiredTokenException", "ExpiredToken", "Throttling", "IDPCommunicationError"].contains(code)
        throw DestinationError(
            .denied,
            "the role \(arn) is not given (\(response.status), \(code), \(message)): check its trust policy, the external "
                + "id, and sts:AssumeRole of the credentials",
            remedy: isPassing
                ? .retry(after: response.retryAfter(now: surroundings.platform.clock.now())) : .waitForChange
        )
    }
}

/// A role, for the credentials that `base` has.
struct AssumedRole: CredentialSource {
    let role: AWSRole
    let base: any CredentialSource<AWSCredentials>
    let surroundings: AWSSurroundings

    func fetch() async throws(DestinationError) -> CredentialLease<AWSCredentials> {
        let credentials = try await base.fetch().value
        return try await SecurityTokens(surroundings: surroundings).assume(role, with: credentials)
    }
}

/// A role, for a token in a file that something else keeps fresh, as in Kubernetes.
struct WebIdentityCredentials: CredentialPlace {
    let surroundings: AWSSurroundings
    var role: String?
    var tokenFile: String?

    var name: String { "web identity (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE)" }

    func look() async throws(DestinationError) -> CredentialLease<AWSCredentials>? {
        guard let role = role ?? surroundings.variable("AWS_ROLE_ARN"),
            let file = tokenFile ?? surroundings.variable("AWS_WEB_IDENTITY_TOKEN_FILE")
        else { return nil }
        return try await SecurityTokens(surroundings: surroundings).assume(
            role: role,
            session: surroundings.variable("AWS_ROLE_SESSION_NAME") ?? "courant",
            webIdentityToken: try await surroundings.text(of: file)
        )
    }
}
