internal import CloudHTTP
internal import Delivery
internal import Platform
internal import StoreDoubles
internal import Synchronization

/// The network between the service and the services elsewhere, which live on when it dies.
///
/// A request that was on its way when the process ended, or whose caller has given up, may still arrive later.
final class SimulatedNetwork: OwnedTransport {
    private struct State {
        var hosts: [String: DoubleServer.Handler] = [:]
        /// On their way, in the order in which they left.
        var travelling: [(id: Int, host: String, request: DoubleServer.Request)] = []
        /// To arrive although nobody waits for them any more.
        var stragglers: [(host: String, request: DoubleServer.Request)] = []
        var lastID = 0
        var onExpiry: (@Sendable () -> Void)?
    }

    private let weather: Weather
    private let clock: SimulatedClock
    private let dice: Dice
    private let state = Mutex(State())

    init(weather: Weather, clock: SimulatedClock, dice: Dice) {
        self.weather = weather
        self.clock = clock
        self.dice = dice
    }

    func connect(_ host: String, to handler: @escaping DoubleServer.Handler) {
        state.withLock { $0.hosts[host] = handler }
    }

    /// Called where credentials are to run out.
    func onExpiry(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.onExpiry = body }
    }

    func shutdown() async throws {}

    /// The process that had requests on their way is dead.
    func lose() {
        state.withLock { state in
            for request in state.travelling where dice.chance(500) {
                state.stragglers.append((request.host, request.request))
            }
            state.travelling = []
        }
    }

    /// Lets stragglers arrive, as long as the task lives.
    func carryStragglers() async {
        while (try? await clock.sleep(for: dice.duration(.milliseconds(100)...(.seconds(20))))) != nil {
            let late = state.withLock { state in
                defer { state.stragglers = [] }
                return state.stragglers
            }
            for (host, request) in late {
                weather.mishaps.count(.straggler)
                weather.note("a late request arrives:", "\(request.method) \(host)\(request.uri)")
                _ = handler(host)?(request)
            }
        }
    }

    var hasStragglers: Bool { state.withLock { !$0.stragglers.isEmpty } }

    func exchange(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        let (host, sent) = try await wire(request)
        let name = "\(request.method) \(host)\(sent.uri)"
        guard let handler = handler(host) else {
            throw Self.unreachable("the name \(host) cannot be resolved")
        }
        let course = weather.course()
        weather.note("a request leaves:", "\(name) (\(course.kind))")
        let id = set(out: sent, to: host)
        defer { state.withLock { $0.travelling.removeAll { $0.id == id } } }
        guard course.there < request.deadline, course.kind != .delayed else {
            try await wait(request.deadline)
            state.withLock { $0.stragglers.append((host, sent)) }
            throw Self.unreachable("\(host) did not answer in time")
        }
        try await wait(course.there)
        guard !weather.isOver else { throw Self.unreachable("the process is dead") }
        switch course.kind {
        case .refused: throw Self.unreachable("\(host) refuses connections")
        case .lostRequest: throw Self.unreachable("\(host) reset the connection")
        case .busy: return Self.answer(503, code: "SlowDown")
        case .denied: return Self.answer(403, code: "AccessDenied")
        case .expired: state.withLock { $0.onExpiry }?()
        default: break
        }
        switch weather.pass("request arrives", name) {
        case .before: throw Self.unreachable("the process is dead")
        case .during:
            // Its end was sent; whether the other side makes something of it is decided there.
            state.withLock { $0.stragglers.append((host, sent)) }
            throw Self.unreachable("the process is dead")
        case .after:
            _ = handler(sent)
            throw Self.unreachable("the process is dead")
        case nil: break
        }
        let answer = handler(sent)
        try await wait(course.back)
        guard course.kind != .lostAnswer else { throw Self.unreachable("\(host) reset the connection") }
        guard weather.pass("answer arrives", name) == nil, !weather.isOver else {
            throw Self.unreachable("the process is dead")
        }
        return try Self.response(answer, host, bytesMax: request.responseBytesMax)
    }

    private func handler(_ host: String) -> DoubleServer.Handler? { state.withLock { $0.hosts[host] } }

    private func set(out request: DoubleServer.Request, to host: String) -> Int {
        state.withLock { state in
            state.lastID += 1
            state.travelling.append((state.lastID, host, request))
            return state.lastID
        }
    }

    private func wait(_ duration: Duration) async throws(DestinationError) {
        do {
            try await clock.sleep(for: duration)
        } catch {
            throw .cancelled
        }
    }

    /// The request as it goes over the wire: its body whole, host and length among its headers.
    private func wire(
        _ request: CloudRequest
    ) async throws(DestinationError) -> (host: String, request: DoubleServer.Request) {
        var body: [UInt8]
        switch request.body {
        case .bytes(let bytes): body = bytes
        case .object(let object, let head, let tail):
            body = head
            let content = try await object.content()
            defer { content.close() }
            try await content.forEachPiece { piece, _ in body += piece }
            body += tail
        }
        let rest = request.url.drop { $0 != ":" }.dropFirst(3)
        let host = String(rest.prefix { $0 != "/" })
        return (
            host,
            DoubleServer.Request(
                method: request.method,
                uri: String(rest.dropFirst(host.count)),
                headers: request.headers + [("Host", host), ("Content-Length", "\(body.count)")],
                body: body
            )
        )
    }

    private static func response(
        _ answer: DoubleServer.Answer,
        _ host: String,
        bytesMax: Int
    ) throws(DestinationError) -> CloudResponse {
        switch answer {
        case .respond(let status, let headers, let body):
            var headers = headers
            if !headers.contains(where: { $0.name.lowercased() == "content-length" }) {
                headers.append(("Content-Length", "\(body.count)"))
            }
            return CloudResponse(status: status, headers: headers, body: Array(body.prefix(bytesMax)))
        case .reset: throw unreachable("\(host) reset the connection")
        case .late(_, let status): return CloudResponse(status: status)
        case .hang: throw unreachable("\(host) did not answer in time")
        }
    }

    private static func unreachable(_ why: String) -> DestinationError {
        DestinationError(.unreachable, why, remedy: .retry(after: nil))
    }

    /// What stands before a store answers so: as S3 writes it, which means nothing to others.
    private static func answer(_ status: Int, code: String) -> CloudResponse {
        CloudResponse(
            status: status,
            body: Array("<Error><Code>\(code)</Code><Message>as the seed wants</Message></Error>".utf8)
        )
    }
}
