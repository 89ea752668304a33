internal import CloudHTTP
internal import Delivery
internal import Platform

/// The credentials that ECS, EKS Pod Identity and others hand to a container.
struct ContainerCredentials: CredentialPlace {
    /// Where `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is relative to.
    private static let host = "169.254.170.2"
    /// What a full URI may name without TLS: the token must not go over a network.
    private static let local: Set = [host, "169.254.170.23", "fd00:ec2::23", "localhost", "127.0.0.1", "::1"]

    let surroundings: AWSSurroundings

    var name: String { "the container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI)" }

    func look() async throws(DestinationError) -> CredentialLease<AWSCredentials>? {
        guard let url = try url() else { return nil }
        var headers: [(name: String, value: String)] = []
        if let file = surroundings.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            headers = [("Authorization", try await surroundings.text(of: file))]
        } else if let token = surroundings.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers = [("Authorization", token)]
        }
        let request = CloudRequest("GET", url, headers: headers, deadline: .seconds(5))
        let response = try await surroundings.ask(request)
        return try AWSCredentialAnswer.lease(response, of: url, now: surroundings.platform.clock.now())
    }

    private func url() throws(DestinationError) -> String? {
        if let path = surroundings.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return CloudEndpoint(scheme: "http", host: Self.host).url + path
        }
        guard let url = surroundings.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return nil }
        guard let endpoint = CloudEndpoint(url), endpoint.isEncrypted || Self.local.contains(endpoint.host) else {
            let message = "AWS_CONTAINER_CREDENTIALS_FULL_URI: expected https, or http on this machine, found \(url)"
            throw DestinationError(.denied, message, remedy: .waitForChange)
        }
        return url
    }
}

/// The role of an EC2 instance, by version 2 of its metadata service.
struct InstanceCredentials: CredentialPlace {
    private static let host = "169.254.169.254"
    private static let path = "/latest/meta-data/iam/security-credentials/"
    /// It is on the machine: who does not answer at once is not there.
    private static let deadline = Duration.seconds(2)

    let surroundings: AWSSurroundings

    var name: String { "the instance's metadata service" }

    func look() async throws(DestinationError) -> CredentialLease<AWSCredentials>? {
        guard surroundings.variable("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else { return nil }
        guard let token = try await token() else { return nil }
        let roles = try await get("", token)
        guard roles.isSuccess, let role = String(decoding: roles.body, as: UTF8.self).split(separator: "\n").first
        else {
            let message = "\(name) knows no role (\(roles.status)): attach an instance profile"
            throw DestinationError(.denied, message, remedy: .waitForChange)
        }
        let answer = try await get(PercentEncoding.encode(String(role)), token)
        return try AWSCredentialAnswer.lease(answer, of: name, now: surroundings.platform.clock.now())
    }

    /// Nil: there is no such service here.
    private func token() async throws(DestinationError) -> String? {
        let request = CloudRequest(
            "PUT",
            endpoint.url + "/latest/api/token",
            headers: [("X-aws-ec2-metadata-token-ttl-seconds", "300")],
            deadline: Self.deadline
        )
        do throws(DestinationError) {
            let response = try await surroundings.ask(request)
            return response.isSuccess ? String(decoding: response.body, as: UTF8.self) : nil
        } catch {
            guard error.code == .unreachable else { throw error }
            return nil
        }
    }

    private func get(_ name: String, _ token: String) async throws(DestinationError) -> CloudResponse {
        try await surroundings.ask(
            CloudRequest(
                "GET",
                endpoint.url + Self.path + name,
                headers: [("X-aws-ec2-metadata-token", token)],
                deadline: Self.deadline
            )
        )
    }

    private var endpoint: CloudEndpoint {
        surroundings.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").flatMap { CloudEndpoint($0) }
            ?? CloudEndpoint(scheme: "http", host: Self.host)
    }
}
