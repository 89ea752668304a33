package import CloudHTTP
package import Delivery
package import Platform

/// A container of Azure Blob Storage, or of an emulator of it.
///
/// One create-only Put Blob for each object: `If-None-Match: *` makes the store itself refuse to overwrite. What
/// stands there already is ours if it has the object's MD5, or names its plan in its metadata.
package final class AzureDestination: ObjectDestination {
    private let configuration: AzureConfiguration
    private let requests: AzureRequest
    private let transport: any CloudTransport
    private let credentials: CredentialCache<AzureAuthorization>
    private let platform: Platform

    package init(
        _ configuration: AzureConfiguration,
        variables: [String: String],
        transport: any CloudTransport,
        platform: Platform
    ) {
        let surroundings = AzureSurroundings(
            variables: variables,
            account: configuration.account,
            transport: transport,
            platform: platform
        )
        self.configuration = configuration
        self.transport = transport
        self.platform = platform
        requests = AzureRequest(configuration: configuration)
        credentials = CredentialCache(surroundings.source(configuration.credentials), clock: platform.clock)
    }

    package var location: String { configuration.location }

    package func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        let md5 = try await AzureRequest.md5(object)
        let answer = try await send(requests.put(object, md5: md5))
        if answer.response.isSuccess {
            try check(answer.response, object, md5)
            return .created
        }
        let fault = fault(answer)
        guard fault.isAlreadyThere || fault.isPerhapsThere else { throw fault.error }
        // Somebody else was quicker, or our own earlier attempt.
        let look = try await send(requests.head(object.key))
        if look.response.isSuccess { return .alreadyThere(try match(look.response, object, md5)) }
        guard fault.isAlreadyThere else { throw fault.error }
        let second = self.fault(look)
        guard second.isMissingBlob else { throw second.error }
        throw DestinationError(.unreachable, "\(object.key) came and went", remedy: .retry(after: nil))
    }

    package func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? {
        let answer = try await send(requests.get(key, bytesMax: bytesMax))
        if answer.response.isSuccess { return answer.response.body }
        let fault = fault(answer)
        guard fault.isMissingBlob else { throw fault.error }
        return nil
    }

    package func delete(_ key: String) async throws(DestinationError) {
        let answer = try await send(requests.delete(key))
        guard !answer.response.isSuccess else { return }
        let fault = fault(answer)
        guard !fault.isMissingBlob else { return }
        guard fault.error.code == .denied else { throw fault.error }
        let message = "\(fault.error.message); deleting needs blobs/delete besides, with a signature sp=rcd"
        throw DestinationError(.denied, message, remedy: .waitForChange)
    }

    /// The store's own sum over what it kept.
    private func check(_ response: CloudResponse, _ object: LandingObject, _ sent: String) throws(DestinationError) {
        guard let kept = response.header(AzureRequest.checksumHeader), kept != sent else { return }
        throw DestinationError(
            .conflict,
            "\(object.key): the store kept other bytes than were sent, their MD5 is \(kept) instead of \(sent). "
                + "Remove the blob, then resume the connector",
            remedy: .waitForChange
        )
    }

    /// What stands under the key: ours, or a conflict.
    private func match(
        _ response: CloudResponse,
        _ object: LandingObject,
        _ md5: String
    ) throws(DestinationError) -> LandingOutcome.Match {
        let kept = response.header(AzureRequest.checksumHeader)
        let size = response.header("Content-Length").flatMap { Int64($0) }
        if kept == md5, size == object.size { return .checksum }
        let plan = response.header(AzureRequest.planHeader)
        guard let plan, object.plan.isNamed(by: plan.utf8) else {
            let size = size.map { "\($0) bytes" } ?? "a blob"
            throw .conflict(key: object.key, found: "\(size) in \(location), with neither its MD5 nor its plan")
        }
        if let kept, let sent = response.header(AzureRequest.sentHeader), kept != sent {
            throw .conflict(key: object.key, found: "it names the plan, but its bytes are not those that were sent")
        }
        return .plan
    }

    /// Authorizes and sends; where the credentials were refused, once more if there are others by now.
    private func send(
        _ request: CloudRequest
    ) async throws(DestinationError) -> (response: CloudResponse, value: AzureAuthorization) {
        try await credentials.exchange(over: transport, isRefused: AzureFault.isOfCredentials) {
            (authorization) throws(DestinationError) in
            try authorize(request, authorization)
        }
    }

    private func authorize(
        _ request: CloudRequest,
        _ authorization: AzureAuthorization
    ) throws(DestinationError) -> CloudRequest {
        if case .token = authorization, !configuration.endpoint.isEncrypted, !configuration.endpoint.isOnThisMachine {
            let message = "\(location): a token must not go over a network without TLS: use https, or the account's key"
            throw DestinationError(.denied, message, remedy: .waitForChange)
        }
        let time = CalendarTime(platform.clock.now())
        return AzureSigning(account: configuration.account, time: time).signed(request, authorization)
    }

    private func fault(_ answer: (response: CloudResponse, value: AzureAuthorization)) -> AzureFault {
        AzureFault(answer.response, configuration, answer.value, now: platform.clock.now())
    }
}
