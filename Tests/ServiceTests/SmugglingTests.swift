import Foundation
import Testing

@testable import Service

/// Requests that two readers could take differently: one of them is then hidden in another.
@Suite(.timeLimit(.minutes(5))) struct SmugglingTests {
    private static let post = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    private static let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    private static let empty = #"{"event_type":"users.canvas.Entry"}"#
    private static let chunks = "2\r\n[]\r\n0\r\n\r\n"
    private static let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
    /// Would be answered 200, were it read as a request of its own.
    private static let hidden = get + "\r\n"

    /// Each is the head of a request, or more, that has more than one meaning.
    static let heads: [(name: String, text: String)] = [
        ("both lengths", post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks),
        (
            "both lengths, the other way round",
            post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n" + chunks
        ),
        ("two lengths alike", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]"),
        ("two lengths", post + "Content-Length: 2\r\nContent-Length: 43\r\n\r\n[]"),
        ("a list of lengths", post + "Content-Length: 2, 2\r\n\r\n[]"),
        ("a length with a sign", post + "Content-Length: +2\r\n\r\n[]"),
        ("a length below zero", post + "Content-Length: -1\r\n\r\n[]"),
        ("a hexadecimal length", post + "Content-Length: 0x2\r\n\r\n[]"),
        ("a length with a gap", post + "Content-Length: 2 2\r\n\r\n[]"),
        ("an empty length", post + "Content-Length: \r\n\r\n[]"),
        ("a length of 65 bits", post + "Content-Length: 36893488147419103234\r\n\r\n[]"),
        ("a length of 64 bits", post + "Content-Length: 18446744073709551615\r\n\r\n[]"),
        ("a folded header", get + "X-A: a\r\n b\r\n\r\n"),
        ("a folded length", post + "Content-Length:\r\n 2\r\n\r\n[]"),
        ("a folded coding", post + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunks),
        ("a blank before the colon", post + "Content-Length : 2\r\n\r\n[]"),
        ("a blank before the coding's colon", post + "Transfer-Encoding : chunked\r\n\r\n" + chunks),
        ("a blank before a header", "GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n"),
        ("a blank before the request", " " + hidden),
        ("bare line feeds", "GET /healthz HTTP/1.1\nHost: localhost\n\n"),
        ("one bare line feed", "GET /healthz HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n"),
        ("a bare line feed at the end", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\n"),
        ("bare carriage returns", "GET /healthz HTTP/1.1\rHost: localhost\r\r"),
        ("a carriage return in a header", get + "X-A: a\rb\r\n\r\n"),
        ("a zero byte in a header", get + "X-A: a\0b\r\n\r\n"),
        ("a zero byte in a header's name", get + "X-\0A: b\r\n\r\n"),
        ("a header without a name", get + ": b\r\n\r\n"),
        ("a coding that has a Kelvin sign", post + "Transfer-Encoding: chun\u{212A}ed\r\n\r\n" + chunks),
        ("a coding that is none", post + "Transfer-Encoding: xchunked\r\n\r\n" + chunks),
        ("a coding in quotes", post + "Transfer-Encoding: \"chunked\"\r\n\r\n" + chunks),
        ("a coding behind chunked", post + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunks),
        ("a coding before chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks),
        ("identity", post + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n[]"),
        ("chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks),
        ("two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunks),
        ("a coding behind a vertical tab", post + "Transfer-Encoding: \u{0B}chunked\r\n\r\n" + chunks),
        (
            "chunked in HTTP/1.0",
            post.replacingOccurrences(of: "1.1", with: "1.0") + "Transfer-Encoding: chunked\r\n\r\n" + chunks
        ),
        ("two hosts", get + "Host: other.example\r\n\r\n"), ("two hosts alike", get + "Host: localhost\r\n\r\n"),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n"),
        ("an absolute target", "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("another host's target", "GET http://other.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a host behind a slash that is none", "GET /\u{301}x://a/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a target without a path", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a tunnel", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a tab in the request line", "GET\t/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a blank in the target", "GET /heal thz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a zero byte in the target", "GET /healthz\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a version that is none", "GET /healthz HTTP/1.2\r\nHost: localhost\r\n\r\n"),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("a method in small letters", "get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ]

    /// Each is a whole head, and a body that has no end, or more than one.
    static let bodies: [(name: String, text: String)] = [
        ("a chunk of 68 bits", chunked + "FFFFFFFFFFFFFFFFF\r\n[]\r\n0\r\n\r\n"),
        ("a chunk below zero", chunked + "-2\r\n[]\r\n0\r\n\r\n"),
        ("a chunk with a prefix", chunked + "0x2\r\n[]\r\n0\r\n\r\n"),
        ("a chunk with a blank", chunked + "2 \r\n[]\r\n0\r\n\r\n"),
        ("a chunk behind a blank", chunked + " 2\r\n[]\r\n0\r\n\r\n"),
        ("a chunk without a size", chunked + "\r\n[]\r\n0\r\n\r\n"),
        ("a chunk of letters", chunked + "g\r\n[]\r\n0\r\n\r\n"),
        ("chunks with bare line feeds", chunked + "2\n[]\n0\n\n"),
        ("an extension with a bare line feed", chunked + "2;a\n[]\r\n0\r\n\r\n"),
        ("a chunk without its end", chunked + "2\r\n[]0\r\n\r\n"),
        ("a chunk longer than its size", chunked + "2\r\n[]]\r\n0\r\n\r\n"),
        ("a length in the trailer", chunked + "2\r\n[]\r\n0\r\nContent-Length: 50\r\n\r\n"),
        ("a folded trailer", chunked + "2\r\n[]\r\n0\r\nX-T: a\r\n b\r\n\r\n"),
        (
            "trailers without number",
            chunked + "2\r\n[]\r\n0\r\n" + String(repeating: "X-T: 1\r\n", count: 200) + "\r\n"
        ),
    ]

    @Test("a request with more than one meaning is answered 400 once, nothing behind it is read, and the end is ours")
    func refused() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            for (name, text) in Self.heads + Self.bodies {
                let (answer, isClosed) = try await talk(to: service, text + Self.hidden)
                #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(name): \(answer)")
                #expect(answers(in: answer) == 1, "\(name): \(answer)")
                #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(name): \(answer)")
                #expect(answer.contains(#"{"error":{"code":""#), "\(name): \(answer)")
                #expect(isClosed, "\(name)")
            }
            let connectors = try await ask("GET", "\(service.url)/v1/connectors")
            #expect(connectors["sources", "0", "received"] as? Int == 0)
            let metrics = try await ask("GET", "\(service.url)/metrics").body
            let refusals = Self.heads.count + Self.bodies.count
            let line = "courant_service_closed_connections_total{listener=\"open\",reason=\"malformed\"} \(refusals)\n"
            #expect(metrics.contains(line))
        }
    }

    @Test("what comes behind requests under way is refused once those have their answers")
    func behind() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let good = Self.get + "\r\n"
            let broken = Self.post + "Content-Length: +2\r\n\r\n[]"
            let (answer, isClosed) = try await talk(to: service, good + good + broken + Self.hidden)
            #expect(isClosed)
            let statuses = answer.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
            #expect(statuses == ["200", "200", "400"], "\(answer)")
        }
    }

    @Test("what has one meaning is taken, however it is written")
    func taken() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let last = "Connection: close\r\n"
        let post = Self.post + last
        let good = [
            post + "Content-Length: 2 \r\n\r\n[]", post + "Content-Length: 002\r\n\r\n[]",
            post + "Transfer-Encoding: Chunked\r\n\r\n" + Self.chunks,
            post + "Transfer-Encoding: chunked\r\n\r\n2;name=\"a;b\"\r\n[]\r\n0;x\r\nX-T: 1\r\nX-Empty:\r\n\r\n",
            "\r\n" + Self.get + last + "X-Empty:\r\n\r\n", "GET /healthz HTTP/1.0\r\n\r\n",
            Self.get + "Connection: Close\r\n\r\n", Self.get + "Connection: x, close\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost:\r\n" + last + "\r\n",
        ]
        try await withService(settings(in: folder)) { service async throws in
            for text in good {
                // What is behind the last request of a connection is not read.
                let (answer, isClosed) = try await talk(to: service, text + Self.hidden)
                #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(text): \(answer)")
                #expect(answers(in: answer) == 1, "\(text): \(answer)")
                #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(text): \(answer)")
                #expect(isClosed, "\(text)")
            }
        }
    }

    @Test("requests sent one behind the other are all answered, in their order")
    func pipelined() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            var (text, expected) = ("", [String]())
            for index in 0..<100 {
                let isKnown = index % 2 == 0
                text += isKnown ? Self.get + "\r\n" : "GET /v\(index) HTTP/1.1\r\nHost: localhost\r\n\r\n"
                expected.append(isKnown ? "200" : "404")
                guard index % 10 == 0 else { continue }
                text += Self.post + "Content-Length: \(Self.empty.utf8.count)\r\n\r\n" + Self.empty
                expected.append("422")
            }
            text += Self.get + "Connection: close\r\n\r\n"
            expected.append("200")
            let (answer, isClosed) = try await talk(to: service, text)
            #expect(isClosed)
            let statuses = answer.components(separatedBy: "HTTP/1.1 ").dropFirst().map { String($0.prefix(3)) }
            #expect(statuses == expected)
        }
    }

    @Test("an event is taken once, in whatever pieces its request arrives")
    func pieces() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let one = try event("a")
        try await withService(settings(in: folder)) { service async throws in
            let head = Self.post + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            let body = one.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
            let answer = try await RawConnection.onThread { () throws in
                let connection = try RawConnection(port: UInt16(service.listen.port))
                for piece in [head, body] {
                    for at in stride(from: 0, to: piece.utf8.count, by: 7) {
                        try connection.send(String(decoding: Array(piece.utf8)[at...].prefix(7), as: UTF8.self))
                    }
                }
                return connection.receiveAll().text
            }
            #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
            let connectors = try await ask("GET", "\(service.url)/v1/connectors")
            #expect(connectors["sources", "0", "accepted"] as? Int == 1)
        }
    }
}

/// Sends that much at once, and answers all that comes until the service closes.
func talk(to service: CourantService.Started, _ text: String) async throws -> (text: String, isClosed: Bool) {
    let port = UInt16(service.listen.port)
    return try await RawConnection.onThread {
        let connection = try RawConnection(port: port)
        try connection.send(text)
        return connection.receiveAll()
    }
}

/// How many requests were answered.
func answers(in text: String) -> Int {
    text.components(separatedBy: "HTTP/1.1 ").count - 1
}
