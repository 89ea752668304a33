package import CloudHTTP
package import Delivery
package import Platform

/// A bucket of Google Cloud Storage, or of an emulator of it.
///
/// One create-only upload for each object: `ifGenerationMatch=0` makes the store itself refuse to overwrite. What
/// stands there already is ours if it has the object's CRC-32C, or names its plan in its metadata.
package final class GCSDestination: ObjectDestination {
    private let configuration: GCSConfiguration
    private let requests: GCSRequest
    private let transport: any CloudTransport
    private let credentials: CredentialCache<GoogleAuthorization>
    private let platform: Platform

    package init(
        _ configuration: GCSConfiguration,
        variables: [String: String],
        transport: any CloudTransport,
        platform: Platform
    ) {
        let surroundings = GoogleSurroundings(variables: variables, transport: transport, platform: platform)
        self.configuration = configuration
        self.transport = transport
        self.platform = platform
        requests = GCSRequest(configuration: configuration)
        credentials = CredentialCache(surroundings.source(configuration.credentials), clock: platform.clock)
    }

    package var location: String { configuration.location }

    package func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        let crc32c = try await GCSRequest.crc32c(object)
        // Drawn anew for each attempt: no content can be made to hold it.
        let boundary = Hex.text(platform.random.next()) + Hex.text(platform.random.next())
        let response = try await send(requests.put(object, crc32c: crc32c, boundary: boundary))
        if response.isSuccess {
            try check(response, object, crc32c)
            return .created
        }
        let fault = fault(response)
        guard fault.isAlreadyThere || fault.isPerhapsThere else { throw fault.error }
        // Somebody else was quicker, or our own earlier attempt.
        let look = try await send(requests.look(object.key))
        if look.isSuccess { return .alreadyThere(try match(look, object, crc32c)) }
        guard fault.isAlreadyThere else { throw fault.error }
        let second = self.fault(look)
        guard second.isMissingObject else { throw second.error }
        throw DestinationError(.unreachable, "\(object.key) came and went", remedy: .retry(after: nil))
    }

    package func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? {
        let response = try await send(requests.get(key, bytesMax: bytesMax))
        if response.isSuccess { return Array(response.body.prefix(bytesMax)) }
        let fault = fault(response)
        guard fault.isMissingObject else { throw fault.error }
        return nil
    }

    package func delete(_ key: String) async throws(DestinationError) {
        let response = try await send(requests.delete(key))
        guard !response.isSuccess else { return }
        let fault = fault(response)
        guard fault.isMissingObject else { throw fault.error }
    }

    /// The store's own sum over what it kept.
    private func check(
        _ response: CloudResponse,
        _ object: LandingObject,
        _ sent: String
    ) throws(DestinationError) {
        let kept = CloudJSON.decode(GCSRequest.Resource.self, from: response.body)?.crc32c
        guard let kept, kept != sent else { return }
        throw DestinationError(
            .conflict,
            "\(object.key): the store kept other bytes than were sent, their CRC-32C is \(kept) instead of \(sent). "
                + "Remove the object, then resume the connector",
            remedy: .waitForChange
        )
    }

    /// What stands under the key: ours, or a conflict.
    private func match(
        _ response: CloudResponse,
        _ object: LandingObject,
        _ crc32c: String
    ) throws(DestinationError) -> LandingOutcome.Match {
        let kept = CloudJSON.decode(GCSRequest.Resource.self, from: response.body)
        let size = kept?.size.flatMap { Int64($0) }
        if kept?.crc32c == crc32c, size == object.size { return .checksum }
        let plan = kept?.metadata?[GCSRequest.planKey]
        guard let plan, object.plan.isNamed(by: plan.utf8) else {
            let size = size.map { "\($0) bytes" } ?? "an object"
            throw .conflict(key: object.key, found: "\(size) in \(location), with neither its CRC-32C nor its plan")
        }
        if let sum = kept?.crc32c, let sent = kept?.metadata?[GCSRequest.sentKey], sum != sent {
            throw .conflict(key: object.key, found: "it names the plan, but its bytes are not those that were sent")
        }
        return .plan
    }

    /// Authorizes and sends; where the token was refused, once more if there is another by now.
    private func send(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        let isRefused = { (response: CloudResponse) in response.status == 401 }
        return try await credentials.exchange(over: transport, isRefused: isRefused) {
            (authorization) throws(DestinationError) in
            try authorize(request, authorization)
        }.response
    }

    private func authorize(
        _ request: CloudRequest,
        _ authorization: GoogleAuthorization
    ) throws(DestinationError) -> CloudRequest {
        guard case .bearer(let token) = authorization else { return request }
        if let endpoint = configuration.endpoint, !endpoint.isEncrypted, !endpoint.isOnThisMachine {
            let message =
                "\(location): a token must not go over a network without TLS: use https, or credentials: none for an "
                + "emulator"
            throw DestinationError(.denied, message, remedy: .waitForChange)
        }
        var authorized = request
        authorized.headers.append(("Authorization", "Bearer \(token)"))
        return authorized
    }

    private func fault(_ response: CloudResponse) -> GCSFault {
        GCSFault(response, configuration, now: platform.clock.now())
    }
}
