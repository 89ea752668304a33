import HTTPTypes
import Hummingbird
import Logging

/// Decides who may ask for what.
///
/// Without a single token and only on loopback, the service is open: every request is taken, as coming from the source
/// `default`. From the first token on, every guarded route wants one.
struct AccessControl: Sendable {
    private let tokens: TokenBook
    /// Whether somebody beyond this machine may reach the service, by a listener or through a proxy.
    private let isExposed: Bool
    private let proxies: TrustedProxies
    private let pace: LogPace

    init(tokens: TokenBook, isExposed: Bool, proxies: TrustedProxies, pace: LogPace) {
        self.tokens = tokens
        self.isExposed = isExposed
        self.proxies = proxies
        self.pace = pace
    }

    /// The token that opens the route; nil where none is needed.
    func admit(_ request: Request, _ context: CourantContext, to route: Route) throws(RouteError) -> AccessToken? {
        guard let scope = route.scope else { return nil }
        if tokens.isEmpty, !isExposed {
            try refuseForeignPages(request)
            return nil
        }
        guard let text = Self.presented(request) else {
            throw refusal("token_missing", "This wants the header Authorization: Bearer TOKEN.")
        }
        guard let token = tokens.token(presented: text) else {
            if let leftOut = pace.next() {
                context.logger.notice(
                    "A request came with an unknown token.",
                    metadata: [
                        "http.route": "\(route.path)", "http.client": "\(proxies.client(request, context))",
                        "log.left_out": "\(leftOut)",
                    ]
                )
            }
            throw refusal("token_unknown", "The token is unknown; it may have been revoked.")
        }
        guard token.allows(scope) else {
            let message = "Token \(token.name) does not carry the scope \(scope.rawValue)."
            throw RouteError(.forbidden, "scope_missing", message)
        }
        return token
    }

    private static func presented(_ request: Request) -> Substring? {
        guard let header = request.headers[.authorization] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return parts[1]
    }

    private func refusal(_ code: String, _ message: String) -> RouteError {
        RouteError(.unauthorized, code, message, headers: [.wwwAuthenticate: "Bearer"])
    }

    /// An open service is for programs of this machine.
    ///
    /// A web page of somewhere else, opened in a browser here, reaches loopback too: it is known by its Origin, or by a
    /// Host that it made point here.
    private func refuseForeignPages(_ request: Request) throws(RouteError) {
        let authority = request.head.authority ?? ""
        let origin = request.headers[.origin]
        guard Self.isLocal(authority: authority), origin.map(Self.isLocal(origin:)) ?? true else {
            let message =
                "Without tokens the service answers programs of this machine only, at localhost or 127.0.0.1; "
                + "make a token to open it to others."
            throw RouteError(.forbidden, "foreign_origin", message)
        }
    }

    private static func isLocal(origin: String) -> Bool {
        origin.firstRange(of: "://").map { isLocal(authority: String(origin[$0.upperBound...])) } ?? false
    }

    private static func isLocal(authority: String) -> Bool {
        if authority.isEmpty { return true }
        var host = Substring(authority)
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            let port = host[host.index(after: end)...]
            guard port.isEmpty || port.hasPrefix(":") && UInt16(port.dropFirst()) != nil else { return false }
            host = host[host.index(after: host.startIndex)..<end]
        } else if let colon = host.lastIndex(of: ":") {
            host = host[..<colon]
        }
        return host == "localhost" || host.hasSuffix(".localhost") || IPAddress(String(host))?.isLoopback == true
    }
}

/// What proxies say about the clients behind them, believed only from those that are trusted.
struct TrustedProxies: Sendable {
    private let ranges: [AddressRange]

    init(_ ranges: [AddressRange]) {
        self.ranges = ranges
    }

    /// The client's address, for the log.
    func client(_ request: Request, _ context: CourantContext) -> String {
        client(peer: context.peer, forwarded: request.headers[values: .forwardedFor])
    }

    /// The last hop that is no trusted proxy.
    func client(peer: String?, forwarded: [String]) -> String {
        guard var client = peer else { return "unknown" }
        let hops = forwarded.joined(separator: ",").split(separator: ",").map { String($0.filter { $0 != " " }) }
        for hop in hops.reversed() where isTrusted(client) {
            // Something that is no address was written by the client itself.
            guard IPAddress(hop) != nil else { break }
            client = hop
        }
        return client
    }

    /// The scheme that the client used, if a trusted proxy says it.
    func scheme(_ request: Request, _ context: CourantContext) -> String? {
        scheme(peer: context.peer, forwarded: request.headers[.forwardedProto])
    }

    func scheme(peer: String?, forwarded: String?) -> String? {
        guard let peer, isTrusted(peer), let said = forwarded?.lowercased() else { return nil }
        return said == "https" || said == "http" ? said : nil
    }

    private func isTrusted(_ address: String) -> Bool {
        ranges.contains { $0.contains(address) }
    }
}

extension HTTPField.Name {
    static let forwardedFor = known("x-forwarded-for")
    static let forwardedProto = known("x-forwarded-proto")
    static let idempotencyKey = known("idempotency-key")

    private static func known(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is the name of a header") }
        return name
    }
}
