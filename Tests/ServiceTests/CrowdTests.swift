import Foundation
import Testing

@testable import Service

/// More connections than there is room for.
@Suite(.timeLimit(.minutes(5))) struct CrowdTests {
    private static let post = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    private static func open(_ service: CourantService.Started) async throws -> Double {
        let metrics = try await ask("GET", "\(service.url)/metrics").body
        let name = "courant_service_connections{listener=\"open\"} "
        let line = try #require(metrics.split(separator: "\n").first { $0.hasPrefix(name) })
        return try #require(Double(line.dropFirst(name.count)))
    }

    /// Forty idle connections where there is room for eight; they end with this.
    private static func crowd(_ service: CourantService.Started) async throws {
        var connections: [RawConnection] = []
        for round in 0..<4 {
            for _ in 0..<10 { connections.append(try RawConnection(port: UInt16(service.listen.port))) }
            let answer = try await ask("POST", "\(service.url)/v1/events", body: try event("\(round)"))
            #expect(answer.status == 200)
            #expect(try await open(service) <= 8)
        }
        let all = connections
        #expect(try await eventually { all.filter { !$0.isClosed }.count < 8 })
        // The oldest went first.
        #expect(all.prefix(30).filter { $0.isClosed }.count == 30)
    }

    @Test("idle connections keep nobody out: the ones that have been idle longest go, and all places come back")
    func idle() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder) { $0.http.connectionsMax = 8 }) { service async throws in
            let port = UInt16(service.listen.port)
            // One that has asked for something is not the first to go.
            let known = try RawConnection(port: port)
            try known.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try #require(try await RawConnection.onThread { known.receive() }.hasPrefix("HTTP/1.1 200 "))
            try await Self.crowd(service)
            #expect(!known.isClosed)
            #expect(try await eventually { try await Self.open(service) <= 2 })
            let metrics = try await ask("GET", "\(service.url)/metrics").body
            #expect(!metrics.contains("connections_total{listener=\"open\",reason=\"crowded\"} 0\n"))
        }
    }

    @Test("a connection with a request under way stays, and one more than those is closed")
    func busy() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder) { $0.http.connectionsMax = 4 }) { service async throws in
            let port = UInt16(service.listen.port)
            let body = try event("a")
            let busy = try (0..<4).map { _ in
                let connection = try RawConnection(port: port)
                try connection.send(Self.post + "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                return connection
            }
            // Told to go on, they are known to be under way.
            for connection in busy {
                let interim = try await RawConnection.onThread { connection.receive(upTo: "\r\n\r\n") }
                try #require(interim.hasPrefix("HTTP/1.1 100 "))
            }
            let more = try await talk(to: service, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(more.text.isEmpty && more.isClosed)
            for connection in busy {
                try connection.send(body)
                let answer = try await RawConnection.onThread { connection.receive() }
                #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
            }
            #expect(try await ask("GET", "\(service.url)/healthz").status == 200)
        }
    }
}

/// Heads that are too much.
@Suite(.timeLimit(.minutes(5))) struct HeadLimitTests {
    private static let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"

    private static func header(_ bytes: Int) -> String {
        "X: " + String(repeating: "y", count: bytes) + "\r\n"
    }

    @Test("a head beyond its limits is answered 431 and closed; one within them is taken")
    func limits() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let beyond = [
            Self.get + String(repeating: "X: y\r\n", count: RequestShape.headersMax) + "\r\n",
            Self.get + String(repeating: "X: y\r\n", count: 100_000) + "\r\n",
            Self.get + Self.header(RequestShape.fieldBytesMax + 1) + "\r\n",
            Self.get + Self.header(1 << 20) + "\r\n",
            Self.get + Self.header(12_000) + Self.header(12_000) + Self.header(12_000) + "\r\n",
            "GET /" + String(repeating: "a", count: RequestShape.fieldBytesMax)
                + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /?" + String(repeating: "a&", count: 1 << 19) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ]
        try await withService(settings(in: folder)) { service async throws in
            for text in beyond {
                let (answer, isClosed) = try await talk(to: service, text)
                #expect(answer.hasPrefix("HTTP/1.1 431 "), "\(text.prefix(80)): \(answer)")
                #expect(answer.contains("\"code\":\"head_too_large\""))
                #expect(answers(in: answer) == 1)
                #expect(isClosed)
            }
            let within = Self.get + String(repeating: "X: y\r\n", count: RequestShape.headersMax - 2)
            let (answer, _) = try await talk(to: service, within + "Connection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
            let large = Self.get + Self.header(RequestShape.fieldBytesMax - 100)
            #expect(try await talk(to: service, large + "Connection: close\r\n\r\n").text.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("a long query is read in one pass, and each strange name in it is refused")
    func query() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let query = String(repeating: "a=%41&", count: 2_500)
            let answer = try await ask("GET", "\(service.url)/v1/connectors?\(query)")
            #expect(answer.status == 400)
            #expect(answer.code == "parameter_unknown")
        }
    }
}
