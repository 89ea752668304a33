import Testing

@testable import Service

@Suite struct ProxyTests {
    static let proxies = TrustedProxies(["10.0.0.0/8", "::1"].compactMap(AddressRange.init))

    @Test(
        "the client is the last hop that is no trusted proxy",
        arguments: [
            ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", ["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", ["6.6.6.6", "203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            ("::1", ["203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", [], "10.0.0.1"),
            ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
            ("10.0.0.1", ["nonsense"], "10.0.0.1"),
            ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ]
    )
    func client(_ peer: String, _ forwarded: [String], _ expected: String) {
        #expect(Self.proxies.client(peer: peer, forwarded: forwarded) == expected)
    }

    @Test("a scheme is believed from a trusted proxy only")
    func scheme() {
        #expect(Self.proxies.scheme(peer: "10.0.0.1", forwarded: "HTTPS") == "https")
        #expect(Self.proxies.scheme(peer: "10.0.0.1", forwarded: "gopher") == nil)
        #expect(Self.proxies.scheme(peer: "203.0.113.9", forwarded: "https") == nil)
        #expect(Self.proxies.scheme(peer: nil, forwarded: "https") == nil)
    }
}
