package import Delivery
package import Platform

/// One HTTP exchange after another with somebody else's service.
///
/// Any answer, also one of refusal, is a `CloudResponse`; what is thrown is that there was none: no connection, no
/// answer in time (both `unreachable`, to be retried), a damaged staged file, or `cancelled`. Whether the service acted
/// on a request without an answer is not known. Nothing is retried and no redirect is followed.
package protocol CloudTransport: Sendable {
    func exchange(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse
}

/// A transport with an owner, who shuts it down last.
package protocol OwnedTransport: CloudTransport {
    /// Closes every connection; exchanges under way fail.
    func shutdown() async throws
}

/// What is sent.
package struct CloudRequest: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// Streamed from the staged file, between bytes that stand before and behind it; their sizes together are the
        /// content length.
        case object(LandingObject, head: [UInt8] = [], tail: [UInt8] = [])

        package var count: Int64 {
            switch self {
            case .bytes(let bytes): Int64(bytes.count)
            case .object(let object, let head, let tail): object.size + Int64(head.count + tail.count)
            }
        }
    }

    package var method: String
    /// Absolute, and encoded: path and query are sent as they stand here.
    package var url: String
    /// `Host` and `Content-Length` need not be given.
    package var headers: [(name: String, value: String)]
    package var body: Body
    /// For the whole exchange, the answer's body included.
    package var deadline: Duration
    /// What of the answer's body is kept.
    package var responseBytesMax: Int

    /// A request with defaults for small ones; `body` is empty, not absent, where the method wants one.
    package init(
        _ method: String,
        _ url: String,
        headers: [(name: String, value: String)] = [],
        body: Body = .bytes([]),
        deadline: Duration = .seconds(30),
        responseBytesMax: Int = 64 << 10
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadline = deadline
        self.responseBytesMax = responseBytesMax
    }

    /// A deadline for a body of so many bytes: half a minute, and what 256 KiB a second need.
    ///
    /// A connection that stands still is given up sooner, by the transport.
    package static func deadline(bytes: Int64) -> Duration {
        .seconds(30) + .seconds(bytes >> 18)
    }
}

/// What came back.
package struct CloudResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    /// The body's beginning, up to the request's `responseBytesMax`.
    package var body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first header of that name, in any letter case.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    package var isSuccess: Bool { (200..<300).contains(status) }

    /// How long the service asks to wait, from `Retry-After` in either form; a day at most, whatever it asks.
    package func retryAfter(now: Timestamp) -> Duration? {
        guard let text = header("Retry-After") else { return nil }
        let wait = Int64(text).map { Duration.seconds($0) } ?? CalendarTime.parse(http: text).map { $0 - now }
        return wait.map { min(max(.zero, $0), .seconds(86_400)) }
    }

    /// The body's first bytes as text on one line, for messages about answers that nobody can read otherwise.
    package var excerpt: String {
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
