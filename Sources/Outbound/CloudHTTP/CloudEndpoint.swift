/// Where a service is: scheme, host, port, and a path in front of its own.
package struct CloudEndpoint: Sendable, Hashable {
    /// `https` or `http`.
    package var scheme: String
    /// Without brackets if it is an IPv6 address.
    package var host: String
    /// Nil: the scheme's own.
    package var port: Int?
    /// Empty, or beginning with a slash and not ending in one.
    package var path: String

    package init(scheme: String = "https", host: String, port: Int? = nil, path: String = "") {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
    }

    /// Reads `https://host` or `http://host:9000/path`; nil if it is neither.
    ///
    /// A query and all after it is left out.
    package init?(_ text: String) {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound].lowercased()
        guard ["http", "https"].contains(scheme) else { return nil }
        let rest = text[separator.upperBound...].prefix { $0 != "?" && $0 != "#" }
        let authority = rest.prefix { $0 != "/" }
        guard let (host, port) = Self.split(authority) else { return nil }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path.removeLast() }
        self.init(scheme: scheme, host: host, port: port, path: String(path))
    }

    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        guard !authority.isEmpty, !authority.contains(where: { $0 == "@" || $0.isWhitespace }) else { return nil }
        var host = authority
        var port: Int?
        if let colon = authority.lastIndex(of: ":"), authority[colon...].firstIndex(of: "]") == nil {
            guard let number = UInt16(authority[authority.index(after: colon)...]) else { return nil }
            port = Int(number)
            host = authority[..<colon]
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (host.lowercased(), port)
    }

    package var isEncrypted: Bool { scheme == "https" }

    /// Whether what is sent there does not leave the machine.
    package var isOnThisMachine: Bool { ["localhost", "127.0.0.1", "::1"].contains(host) }

    /// Host and port as they stand in a URL and in the `Host` header: a scheme's own port is left out.
    package var authority: String {
        let host = host.contains(":") ? "[\(host)]" : host
        guard let port, port != (isEncrypted ? 443 : 80) else { return host }
        return "\(host):\(port)"
    }

    /// Host and port of any address, for messages: user, password and query are secrets.
    package static func place(of url: String) -> String {
        if let endpoint = CloudEndpoint(url) { return endpoint.authority }
        let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
        return rest.contains("@") ? "its address" : String(rest.prefix { !"/?#".contains($0) })
    }

    /// The address without a slash at its end.
    package var url: String { "\(scheme)://\(authority)\(path)" }
}
