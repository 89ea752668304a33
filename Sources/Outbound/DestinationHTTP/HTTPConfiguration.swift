internal import CloudHTTP

/// A partner's endpoint, and how it is spoken to.
package struct HTTPConfiguration: Sendable, Hashable {
    /// The most events that the envelope carries.
    package static let batchMax = 100
    package static let concurrencyMax = 64

    /// As requested: with a query, if it has one, which may hold a secret.
    package var url: String
    /// Sent as `Authorization: Bearer …`.
    package var token: String?
    package var signing: WebhookSigning?
    /// Sent with every request.
    package var headers: [Header]
    package var batch: Int
    /// Requests at the same time.
    package var concurrency: Int
    /// For one request, its answer included.
    package var timeout: Duration

    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(
        url: String,
        token: String? = nil,
        signing: WebhookSigning? = nil,
        headers: [Header] = [],
        batch: Int = HTTPConfiguration.batchMax,
        concurrency: Int = 4,
        timeout: Duration = .seconds(30)
    ) {
        self.url = url
        self.token = token
        self.signing = signing
        self.headers = headers
        self.batch = batch
        self.concurrency = concurrency
        self.timeout = timeout
    }

    /// The address without its query.
    package var location: String { CloudEndpoint(url)?.url ?? String(url.prefix { $0 != "?" }) }

    /// Why a header cannot be added; nil if it can.
    package static func complaint(aboutHeader name: String) -> String? {
        let name = name.lowercased()
        guard !name.isEmpty, name.utf8.allSatisfy(isToken) else { return "is not the name of a header" }
        guard !reserved.contains(name) else { return "is a header that Courant sets itself" }
        return nil
    }

    private static let reserved: Set = [
        "authorization", "connection", "content-encoding", "content-length", "content-type", "host",
        "transfer-encoding", "braze-currents-version", "webhook-id", "webhook-timestamp", "webhook-signature",
    ]

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
