package import CloudHTTP
package import Delivery
package import Platform
internal import Synchronization

/// A bucket of S3, or of a store that speaks its protocol.
///
/// One create-only put for each object: `If-None-Match: *` makes the store itself refuse to overwrite. What stands
/// there already is ours if it has the object's CRC-32, or names its plan in its metadata. A store that answers that
/// it cannot do conditional puts is asked first whether something stands there, then written to; `limitation` says so.
package final class S3Destination: ObjectDestination {
    private let configuration: S3Configuration
    private let requests: S3Request
    private let transport: any CloudTransport
    private let credentials: CredentialCache<AWSCredentials>
    private let platform: Platform
    private let looksFirst: Atomic<Bool>

    package init(
        _ configuration: S3Configuration,
        variables: [String: String],
        transport: any CloudTransport,
        platform: Platform
    ) {
        let surroundings = AWSSurroundings(
            variables: variables,
            region: configuration.region,
            transport: transport,
            platform: platform
        )
        self.configuration = configuration
        self.transport = transport
        self.platform = platform
        requests = S3Request(configuration: configuration)
        credentials = CredentialCache(
            surroundings.source(configuration.credentials, role: configuration.role),
            clock: platform.clock
        )
        looksFirst = Atomic(configuration.createOnly == .headFirst)
    }

    package var location: String { configuration.location }

    package var limitation: String? {
        guard looksFirst.load(ordering: .relaxed) else { return nil }
        return "create-only is by looking first, then writing, since the store has no conditional puts or is "
            + "configured so: should another writer use the same key between the two, its object is overwritten"
    }

    package func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        let looksFirst = looksFirst.load(ordering: .relaxed)
        if looksFirst, let outcome = try await found(object) { return outcome }
        let response = try await send(requests.put(object, ifNoneMatch: !looksFirst))
        if response.isSuccess {
            try check(response, object)
            return .created
        }
        let fault = fault(response)
        switch (response.status, fault.code) {
        case (412, _):
            // Somebody else was quicker, or our own earlier attempt.
            guard let outcome = try await found(object) else {
                throw DestinationError(.unreachable, "\(object.key) came and went", remedy: .retry(after: nil))
            }
            return outcome
        case (501, _), (_, "NotImplemented"):
            guard !looksFirst else { throw fault.error }
            self.looksFirst.store(true, ordering: .relaxed)
            do throws(DestinationError) {
                return try await land(object)
            } catch {
                // It was not the condition that the store does not have.
                if error.code == .refused { self.looksFirst.store(false, ordering: .relaxed) }
                throw error
            }
        default: throw fault.error
        }
    }

    package func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? {
        let response = try await send(requests.get(key, bytesMax: bytesMax))
        if response.isSuccess { return response.body }
        let fault = fault(response)
        if fault.code == "NoSuchKey" { return nil }
        throw fault.error
    }

    package func delete(_ key: String) async throws(DestinationError) {
        let response = try await send(requests.delete(key))
        guard response.isSuccess || response.status == 404 else {
            let reason = fault(response).error.message
            throw DestinationError(.denied, "\(reason); deleting needs s3:DeleteObject", remedy: .waitForChange)
        }
    }

    /// The store's own sum over what it kept, where it tells one.
    private func check(_ response: CloudResponse, _ object: LandingObject) throws(DestinationError) {
        let sent = S3Request.text(object.checksum)
        guard let kept = response.header(S3Request.checksumHeader), kept != sent else { return }
        throw DestinationError(
            .conflict,
            "\(object.key): the store kept other bytes than were sent, their CRC-32 is \(kept) instead of \(sent). "
                + "Remove the object, then resume the connector",
            remedy: .waitForChange
        )
    }

    /// What stands under the key, if anything: ours, or a conflict.
    private func found(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome? {
        let response = try await send(requests.head(object.key))
        switch response.status {
        case 200: return .alreadyThere(try match(response, object))
        case 404: return nil
        case 500...: throw fault(response).error
        default: return try await unheard(object.key)
        }
    }

    /// An answer to HEAD has no body: asks once more in a way that is told why.
    private func unheard(_ key: String) async throws(DestinationError) -> LandingOutcome? {
        let response = try await send(requests.firstByte(key))
        let fault = fault(response)
        if fault.code == "NoSuchKey" { return nil }
        guard response.isSuccess || response.status == 416 else { throw fault.error }
        throw DestinationError(.unreachable, "\(key) was refused to HEAD but not to GET", remedy: .retry(after: nil))
    }

    private func match(
        _ response: CloudResponse,
        _ object: LandingObject
    ) throws(DestinationError) -> LandingOutcome.Match {
        let kept = response.header(S3Request.checksumHeader)
        let size = response.header("Content-Length").flatMap { Int64($0) }
        if kept == S3Request.text(object.checksum), size == object.size { return .checksum }
        let plan = response.header(S3Request.planHeader)
        guard let plan, object.plan.isNamed(by: plan.utf8) else {
            let size = size.map { "\($0) bytes" } ?? "an object"
            throw .conflict(key: object.key, found: "\(size) in \(location), with neither its checksum nor its plan")
        }
        if let kept, let sent = response.header(S3Request.sentHeader), kept != sent {
            throw .conflict(key: object.key, found: "it names the plan, but its bytes are not those that were sent")
        }
        return .plan
    }

    /// Signs and sends; where the credentials were refused, once more if there are others by now.
    private func send(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        let payload = try await requests.payload(request)
        let isRefused = { (response: CloudResponse) in S3Fault.isOfCredentials(S3Fault.code(response)) }
        return try await credentials.exchange(over: transport, isRefused: isRefused) { credentials in
            sign(request, payload, credentials)
        }.response
    }

    private func sign(_ request: CloudRequest, _ payload: String, _ credentials: AWSCredentials) -> CloudRequest {
        let time = CalendarTime(platform.clock.now())
        return AWSSigning(credentials: credentials, region: configuration.region, service: "s3", time: time)
            .signed(request, payload: payload)
    }

    private func fault(_ response: CloudResponse) -> S3Fault {
        S3Fault(response, configuration, now: platform.clock.now())
    }
}
