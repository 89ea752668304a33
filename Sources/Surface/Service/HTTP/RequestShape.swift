import NIOHTTP1

/// What a request's head must be, beyond what the parser sees to, so that it has one meaning for everybody.
///
/// A proxy that reads a head otherwise than this service lets a sender hide one request in another. So whatever two
/// readers may take differently is refused, and the connection closed.
enum RequestShape {
    /// Bytes of the request line's target, or of one header.
    static let fieldBytesMax = 16 << 10
    /// Bytes of the target and all headers.
    static let headBytesMax = 32 << 10
    static let headersMax = 100

    /// Why the head is refused; nil: it is not.
    static func fault(_ head: HTTPRequestHead) -> String? {
        lengthFault(head) ?? hostFault(head) ?? targetFault(head)
    }

    /// Whether the client wants to go on in another protocol, which the parser then waits for.
    static func wantsUpgrade(_ head: HTTPRequestHead) -> Bool {
        head.method == .CONNECT || head.headers.contains(name: "upgrade")
    }

    /// Whether the client waits to be told to send the body.
    static func waits(_ head: HTTPRequestHead) -> Bool {
        head.version.minor > 0 && head.headers["expect"].contains { $0.lowercased() == "100-continue" }
    }

    /// Whether the request is for a webhook, where the routes too take empty parts of a path for none.
    static func isWebhook(_ target: String) -> Bool {
        target.split(separator: "/", maxSplits: 2).prefix(2) == ["v1", "webhooks"]
    }

    private static func lengthFault(_ head: HTTPRequestHead) -> String? {
        let (codings, lengths) = (values("transfer-encoding", head), values("content-length", head))
        if !codings.isEmpty {
            guard codings.count == 1, isChunked(codings[0]) else {
                return "Transfer-Encoding is chunked, or is left out."
            }
            guard head.version.minor > 0 else { return "HTTP/1.0 has no Transfer-Encoding." }
            guard lengths.isEmpty else { return "A request has a Content-Length or a Transfer-Encoding, not both." }
        }
        guard lengths.count <= 1 else { return "A request has one Content-Length." }
        guard let length = lengths.first else { return nil }
        // One that no number here holds is longer than anything that is taken, and read as none by some.
        guard !length.isEmpty, length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), Int64(length) != nil else {
            return "Content-Length is a whole number of bytes."
        }
        return nil
    }

    /// In letters of ASCII: a Kelvin sign becomes a k to who lowers the case of all letters.
    private static func isChunked(_ coding: Substring) -> Bool {
        coding.utf8.map { $0 | 0x20 }.elementsEqual("chunked".utf8)
    }

    /// The values of all headers of that name; blanks behind a value are no part of it.
    private static func values(_ name: String, _ head: HTTPRequestHead) -> [Substring] {
        head.headers[name].map { value in
            guard let last = value.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
            return value[...last]
        }
    }

    private static func hostFault(_ head: HTTPRequestHead) -> String? {
        let hosts = head.headers["host"].count
        guard hosts <= 1 else { return "A request names one Host." }
        guard hosts == 1 || head.version.minor == 0 else { return "A request names its Host." }
        return nil
    }

    /// The absolute form names a second host, and is for proxies.
    private static func targetFault(_ head: HTTPRequestHead) -> String? {
        head.uri.utf8.first == UInt8(ascii: "/") ? nil : "The target of a request is a path that begins with a slash."
    }
}
