internal import CloudHTTP
internal import Delivery
internal import Platform

/// Federation for programs on Amazon's machines: a signed request to Amazon's `GetCallerIdentity`, which Google sends
/// on to learn who signed it.
struct FederationFromAWS: Sendable {
    private static let service = "sts"
    private static let verificationURL =
        "https://\(service).{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    /// It is on the machine: who does not answer soon is not there.
    private static let deadline = Duration.seconds(5)
    private static let sessionLifetime = "300"

    let source: GoogleFederation.Source
    let audience: String
    let tokens: GoogleTokens

    private struct Instance: Decodable {
        let accessKeyID: String
        let secretAccessKey: String
        let token: String?

        enum CodingKeys: String, CodingKey {
            case accessKeyID = "AccessKeyId"
            case secretAccessKey = "SecretAccessKey"
            case token = "Token"
        }
    }

    private struct SignedRequest: Encodable {
        struct Header: Encodable {
            let key: String
            let value: String
        }

        let url: String
        let method: String
        let headers: [Header]
    }

    func subjectToken() async throws(DestinationError) -> String {
        let region = try await region()
        let credentials = try await credentials()
        let url = (source.verificationURL ?? Self.verificationURL).replacing("{region}", with: region)
        guard CloudEndpoint(url) != nil else { throw problem("\(url) is no address") }
        // Under the signature too, so that nobody can use the request for another provider.
        let unsigned = CloudRequest("POST", url, headers: [("x-goog-cloud-target-resource", audience)])
        let time = CalendarTime(surroundings.platform.clock.now())
        let signing = AWSSigning(credentials: credentials, region: region, service: Self.service, time: time)
        let signed = signing.signed(unsigned, payload: AWSSigning.emptyPayload)
        let headers = signed.headers.map { header in
            SignedRequest.Header(
                key: header.name == "Authorization" ? header.name : header.name.lowercased(),
                value: header.value
            )
        }
        let text = CloudJSON.encode(SignedRequest(url: url, method: "POST", headers: headers))
        return PercentEncoding.encode(String(decoding: text, as: UTF8.self))
    }

    private var surroundings: GoogleSurroundings { tokens.surroundings }

    private func region() async throws(DestinationError) -> String {
        if let named = surroundings.variable("AWS_REGION") ?? surroundings.variable("AWS_DEFAULT_REGION") {
            return named
        }
        guard let url = source.regionURL else {
            throw problem("neither AWS_REGION nor credential_source.region_url says the region")
        }
        // The answer is a zone, which is a region and a letter.
        let zone = String(decoding: try await instance(url), as: UTF8.self)[...].trimmed
        guard zone.last?.isLetter == true else { throw problem("\(url) names no zone") }
        return String(zone.dropLast())
    }

    private func credentials() async throws(DestinationError) -> AWSCredentials {
        if let id = surroundings.variable("AWS_ACCESS_KEY_ID"),
            let secret = surroundings.variable("AWS_SECRET_ACCESS_KEY")
        {
            let token = surroundings.variable("AWS_SESSION_TOKEN")
            return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
        }
        guard let url = source.url else {
            throw problem("neither AWS_ACCESS_KEY_ID nor credential_source.url gives Amazon's credentials")
        }
        let role = String(decoding: try await instance(url), as: UTF8.self)[...].trimmed
        let bytes = try await instance("\(url)/\(PercentEncoding.encode(role))")
        guard let found = CloudJSON.decode(Instance.self, from: bytes) else {
            throw problem("\(url) has no credentials for the role \(role)")
        }
        return AWSCredentials(
            accessKeyID: found.accessKeyID,
            secretAccessKey: found.secretAccessKey,
            sessionToken: found.token
        )
    }

    /// Asks the instance's metadata service, with a session where the file names an address for one.
    private func instance(_ url: String) async throws(DestinationError) -> [UInt8] {
        var headers: [(name: String, value: String)] = []
        if let session = source.sessionTokenURL {
            let wish = [(name: "X-aws-ec2-metadata-token-ttl-seconds", value: Self.sessionLifetime)]
            let answer = try await exchange(CloudRequest("PUT", session, headers: wish, deadline: Self.deadline))
            headers = [("X-aws-ec2-metadata-token", String(decoding: answer, as: UTF8.self))]
        }
        return try await exchange(CloudRequest("GET", url, headers: headers, deadline: Self.deadline))
    }

    private func exchange(_ request: CloudRequest) async throws(DestinationError) -> [UInt8] {
        let response = try await surroundings.transport.exchange(request)
        guard !response.isSuccess else { return response.body }
        throw DestinationError(
            .denied,
            "Google credentials in \(tokens.place): \(request.url) answers \(response.status), \(response.excerpt)",
            remedy: .retry(after: response.retryAfter(now: surroundings.platform.clock.now()))
        )
    }

    private func problem(_ words: String) -> DestinationError {
        GoogleCredentialText.problem(tokens.place, words)
    }
}
