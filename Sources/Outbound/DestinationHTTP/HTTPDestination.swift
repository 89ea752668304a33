internal import Avro
package import CloudHTTP
package import Delivery
internal import Journal
package import Platform
internal import Synchronization

/// A partner's HTTP endpoint, spoken to in the Custom HTTP envelope.
///
/// A 2xx acknowledges every event of a request. What else an answer means is the public format's: 400 and 413 are
/// about the content, so Delivery halves the batch until one event alone is refused, which is set aside; 401, 403 and
/// 404 wait for somebody; 429 and 5xx come right by themselves, and what they ask to wait holds for every partition.
package final class HTTPDestination: StreamDestination {
    /// So that a body stays below what servers take by default.
    private static let bodyBytesMax = 1 << 20

    private let configuration: HTTPConfiguration
    private let connector: String
    private let transport: any CloudTransport
    private let platform: Platform
    private let envelope = Envelope()
    private let gate: RequestGate
    private let pause = Mutex(PauseBetweenRequests())

    /// `connector` is the connector's id: it stands in the ids of signed requests.
    package init(
        _ configuration: HTTPConfiguration,
        connector: String,
        transport: any CloudTransport,
        platform: Platform
    ) {
        self.configuration = configuration
        self.connector = connector
        self.transport = transport
        self.platform = platform
        gate = RequestGate(width: configuration.concurrency)
    }

    package var location: String { configuration.location }

    package var limits: StreamLimits { StreamLimits(recordsMax: configuration.batch, bytesMax: Self.bodyBytesMax) }

    /// Asks with an empty envelope whether the token is taken, so that a wrong one shows before an event comes.
    ///
    /// An endpoint that takes the token and yet refuses an envelope without events may take one with some.
    package func prepare() async throws(DestinationError) {
        do throws(DestinationError) {
            _ = try await probe()
        } catch {
            guard error.remedy == .setAside else { throw error }
        }
    }

    package func probe() async throws(DestinationError) -> String {
        // Another message each time, which waits for nobody: an operator asks how things are now.
        let id = "\(connector)-probe-\(platform.clock.now().nanoseconds)"
        let answer = try await exchange(Array("{\"events\":[]}".utf8), id: id)
        return "\(location) answered \(answer.status) to an envelope without events"
    }

    package func deliver(_ batch: StreamBatch) async throws(DestinationError) -> StreamOutcome {
        guard let first = batch.records.first, let last = batch.records.last else { return StreamOutcome() }
        let body: [UInt8]
        do throws(AvroError) {
            body = try await platform.onCompute { () throws(AvroError) in try self.envelope.body(of: batch) }
        } catch {
            throw DestinationError(.refused, "a record does not follow its schema: \(error)", remedy: .setAside)
        }
        let id = "\(connector)-\(batch.partition.rawValue)-\(first.offset.rawValue)-\(last.offset.rawValue)"
        try await post(body, id: id)
        return StreamOutcome()
    }

    private func post(_ body: [UInt8], id: String) async throws(DestinationError) {
        guard await gate.enter() else { throw .cancelled }
        var succeeded: Bool?
        defer { gate.leave(succeeded: succeeded) }
        try await waitForPause()
        do throws(DestinationError) {
            _ = try await exchange(body, id: id)
            succeeded = true
            pause.withLock { $0.succeeded() }
        } catch {
            guard error.code != .cancelled else { throw error }
            // A refusal of the content shows an endpoint that works.
            succeeded = error.remedy == .setAside
            if case .retry(let asked) = error.remedy {
                pause.withLock { $0.failed(at: platform.clock.uptime(), asked: asked) }
            } else {
                pause.withLock { $0.succeeded() }
            }
            throw error
        }
    }

    /// Waits until a request may go out, with a place in the gate: while the endpoint fails, nobody else has one.
    private func waitForPause() async throws(DestinationError) {
        while let left = pause.withLock({ pause in pause.left(at: platform.clock.uptime()) }) {
            do {
                try await platform.clock.sleep(for: left)
            } catch {
                throw .cancelled
            }
        }
    }

    private func exchange(_ body: [UInt8], id: String) async throws(DestinationError) -> CloudResponse {
        let response = try await transport.exchange(request(body, id: id))
        if let error = HTTPFault.error(response, at: location, now: platform.clock.now()) { throw error }
        return response
    }

    private func request(_ body: [UInt8], id: String) -> CloudRequest {
        var headers = configuration.headers.map { (name: $0.name, value: $0.value) }
        headers.append(("Content-Type", "application/json"))
        headers.append(("Braze-Currents-Version", "1"))
        if let token = configuration.token { headers.append(("Authorization", "Bearer \(token)")) }
        if let signing = configuration.signing {
            headers += signing.headers(id: id, time: platform.clock.now(), body: body)
        }
        return CloudRequest(
            "POST",
            configuration.url,
            headers: headers,
            body: .bytes(body),
            deadline: configuration.timeout
        )
    }
}

/// What an endpoint's answer means for a connector.
enum HTTPFault {
    /// Nil for a 2xx.
    static func error(_ response: CloudResponse, at place: String, now: Timestamp) -> DestinationError? {
        let said = said(response)
        switch response.status {
        case 200..<300: return nil
        case 400, 413, 422:
            return DestinationError(.refused, "\(place) refuses the content (\(said))", remedy: .setAside)
        case 401, 403:
            let message = "\(place) denies access (\(said)): correct the token, or let it send there"
            return DestinationError(.denied, message, remedy: .waitForChange)
        case 404, 410:
            let message = "\(place) is not there (\(said)): correct url, or bring the endpoint back"
            return DestinationError(.missing, message, remedy: .waitForChange)
        case 300..<400:
            let target = response.header("Location").map { " to \($0.prefix { $0 != "?" })" } ?? ""
            let message = "\(place) redirects\(target) (\(said)): redirects are not followed, set url to where it is"
            return DestinationError(.missing, message, remedy: .waitForChange)
        case 408, 425, 429, 500...:
            let message = "\(place) is busy or failing (\(said))"
            return DestinationError(.unreachable, message, remedy: .retry(after: response.retryAfter(now: now)))
        default:
            return DestinationError(.refused, "\(place) refuses requests (\(said))", remedy: .waitForChange)
        }
    }

    private static func said(_ response: CloudResponse) -> String {
        response.body.isEmpty ? "\(response.status)" : "\(response.status), \(response.excerpt)"
    }
}
