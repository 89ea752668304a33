import Foundation
import Intake
import NIOCore
import Providers
import Testing

@testable import Service

/// Clients that take their time, or go away without a word.
@Suite(.timeLimit(.minutes(5))) struct SlowClientTests {
    private static let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    private static let post = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    private static func closed(_ reason: ConnectionWatch.Reason, at service: CourantService.Started) async throws -> Int
    {
        let metrics = try await ask("GET", "\(service.url)/metrics").body
        let name = "courant_service_closed_connections_total{listener=\"open\",reason=\"\(reason.rawValue)\"} "
        return metrics.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) }
            ?? 0
    }

    /// Talks at the service's port on a thread of its own while others are served.
    private static func meanwhile<Value: Sendable>(
        _ service: CourantService.Started,
        _ talk: @escaping @Sendable (UInt16) throws -> Value
    ) async throws -> Value {
        async let value = RawConnection.onThread { try talk(UInt16(service.listen.port)) }
        for index in 0..<5 {
            let answer = try await ask("POST", "\(service.url)/v1/events", body: try event("\(index)"))
            #expect(answer.status == 200)
        }
        return try await value
    }

    @Test(
        "a head that does not come to its end is closed, and others are served meanwhile",
        arguments: ["GET /healthz", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ", "\r\n\r\n"]
    )
    func slowHead(_ beginning: String) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder) { $0.http.idleTimeout = .milliseconds(500) }) {
            service async throws in
            let isClosed = try await Self.meanwhile(service) { port in
                let connection = try RawConnection(port: port)
                try connection.send(beginning)
                return connection.drip(beginning.utf8.first == 13 ? "\r\n" : "a")
            }
            #expect(isClosed)
            #expect(try await Self.closed(.idle, at: service) >= 1)
        }
    }

    @Test("the head of a second request may take no longer than that of the first")
    func slowSecondHead() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder) { $0.http.idleTimeout = .milliseconds(500) }) {
            service async throws in
            let isClosed = try await Self.meanwhile(service) { port in
                let connection = try RawConnection(port: port)
                try connection.send(Self.get + "\r\n")
                try #require(connection.receive().hasPrefix("HTTP/1.1 200 "))
                try connection.send(Self.get)
                return connection.drip("X-A: a\r\n")
            }
            #expect(isClosed)
        }
    }

    @Test(
        "a body that does not come to its end is closed, and others are served meanwhile",
        arguments: [
            ("Content-Length: 100000\r\n\r\n", " "), ("Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
            ("Transfer-Encoding: chunked\r\n\r\n1;", "a"),
        ]
    )
    func slowBody(_ head: String, _ piece: String) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.http.requestTimeout = .milliseconds(500) }
        try await withService(configuration) { service async throws in
            let isClosed = try await Self.meanwhile(service) { port in
                let connection = try RawConnection(port: port)
                try connection.send(Self.post + head)
                return connection.drip(piece)
            }
            #expect(isClosed)
            #expect(try await Self.closed(.slowRequest, at: service) == 1)
            let bytes = try await ask("GET", "\(service.url)/metrics").body
            #expect(bytes.contains("courant_service_body_bytes{senders=\"known\"} 0\n"))
        }
    }

    @Test("a client that does not take its answers is closed")
    func slowAnswer() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder) { $0.http.idleTimeout = .milliseconds(500) }) {
            service async throws in
            let connection = try RawConnection(port: UInt16(service.listen.port), receiveBytes: 4096)
            let request = "GET /v1/glossary HTTP/1.1\r\nHost: localhost\r\n\r\n"
            try connection.send(String(repeating: request, count: 400))
            var closed = 0
            for _ in 0..<600 where closed == 0 {
                try await Task.sleep(for: .milliseconds(50))
                closed = try await Self.closed(.slowAnswer, at: service)
            }
            #expect(closed == 1)
            connection.closeSending()
        }
    }

    @Test("a client that takes its answers slowly, but takes them, is not closed")
    func steadyAnswer() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder) { $0.http.idleTimeout = .seconds(1) }) { service async throws in
            let connection = try RawConnection(port: UInt16(service.listen.port), receiveBytes: 4096)
            let request = "GET /v1/glossary?edition=v10 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            try connection.send(String(repeating: request, count: 150))
            // Some 200 KB a second, several times as long as a client may take nothing.
            let taken = try await RawConnection.onThread { connection.sip(2_048, times: 500) }
            #expect(taken > 500_000)
            connection.closeSending()
            let (rest, isClosed) = try await RawConnection.onThread { connection.receiveAll() }
            #expect(rest.components(separatedBy: "HTTP/1.1 200 ").count > 50 && isClosed)
            #expect(try await Self.closed(.slowAnswer, at: service) == 0)
        }
    }

    @Test("a webhook's body has little time: those that come slowly make room for a genuine one")
    func slowWebhook() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) {
            $0.intake.inFlightBytesMax = 16 << 20
            $0.tracking.sources["default"] = SourceTrackingPart(
                sendGrid: SendGridConfiguration(publicKeys: [], isUnverified: true)
            )
        }
        try await withService(configuration) { service async throws in
            let most = WebhookRequest.bodyBytesMax
            let webhook = "\(service.url)/v1/webhooks/sendgrid/default"
            let head =
                "POST //v1//webhooks/sendgrid/default HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(most)\r\n\r\n"
            let stranger = try RawConnection(port: UInt16(service.listen.port))
            try await RawConnection.onThread { try stranger.send(head + String(repeating: " ", count: most - 1)) }
            try #require(try await eventually { try await ask("POST", webhook, body: "[ ]").status == 503 })
            // No more than the few seconds that it has, and far less than other requests have.
            #expect(try await eventually { try await ask("POST", webhook, body: "[ ]").status == 200 })
            #expect(stranger.isClosed)
            #expect(try await Self.closed(.slowRequest, at: service) == 1)
        }
    }

    @Test("an answer that did not wait for the body is followed by little more of it")
    func restOfBody() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let text = try await Self.meanwhile(service) { port in
                let connection = try RawConnection(port: port)
                try connection.send(Self.post + "Content-Length: 99999999\r\n\r\n")
                let answer = connection.receive()
                return connection.drip(" ") ? answer : "open: \(answer)"
            }
            #expect(text.hasPrefix("HTTP/1.1 413 "), "\(text)")
            #expect(try await Self.closed(.slowRequest, at: service) == 1)
        }
    }

    @Test("a connection that is closed for sending gets its answer, and is closed")
    func halfClosed() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            for (text, count) in [(Self.get + "\r\n", 1), (Self.get + "\r\n" + Self.get + "\r\n", 2), ("", 0)] {
                let (answer, isClosed) = try await RawConnection.onThread {
                    let connection = try RawConnection(port: UInt16(service.listen.port))
                    if !text.isEmpty { try connection.send(text) }
                    connection.closeSending()
                    return connection.receiveAll()
                }
                #expect(answers(in: answer) == count)
                #expect(isClosed)
            }
        }
    }

    @Test(
        "behind a wish for another protocol nothing is read, and so nothing is kept",
        arguments: ["", "Content-Length: 2\r\n"]
    )
    func upgrade(_ length: String) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let (sent, answer) = try await RawConnection.onThread {
                let connection = try RawConnection(port: UInt16(service.listen.port))
                let head = Self.get + "Connection: Upgrade\r\nUpgrade: h2c\r\n" + length + "\r\n"
                try connection.send(head + (length.isEmpty ? "" : "ab"))
                let answer = connection.receive()
                // What the two systems keep between them is a few megabytes.
                return (connection.flood(1 << 30), answer)
            }
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            #expect(sent < 1 << 26)
        }
    }

    @Test("a client that waits for leave to send the body gets it, also behind another request's answer")
    func leaveToSend() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let answer = try await RawConnection.onThread {
                let connection = try RawConnection(port: UInt16(service.listen.port))
                try connection.send(Self.get + "\r\n")
                let first = connection.receive()
                let last = "Connection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
                try connection.send(Self.post + last)
                usleep(100_000)
                try connection.send("[]")
                return first + connection.receiveAll().text
            }
            let statuses = answer.components(separatedBy: "HTTP/1.1 ").dropFirst().map { String($0.prefix(3)) }
            #expect(statuses == ["200", "100", "200"], "\(answer)")
        }
    }
}

/// The rules alone, without a socket.
@Suite struct ConnectionWatchTests {
    private static let limits = ConnectionWatch.Limits(
        idle: .seconds(75),
        request: .seconds(120),
        rest: .seconds(5),
        farewell: .seconds(1)
    )
    private static func at(_ seconds: UInt64) -> NIODeadline { .uptimeNanoseconds(seconds * 1_000_000_000) }

    private static func watch(_ work: (inout ConnectionWatch) -> Void) -> ConnectionWatch {
        var watch = ConnectionWatch(limits, now: at(0))
        work(&watch)
        return watch
    }

    @Test("each thing that a connection is at has its time, and its own name when that is over")
    func phases() {
        let idle = Self.watch { _ in }
        #expect(idle.deadline?.at == Self.at(75) && idle.deadline?.reason == .idle)
        let receiving = Self.watch { $0.headCame(Self.at(10)) }
        #expect(receiving.deadline?.at == Self.at(130) && receiving.deadline?.reason == .slowRequest)
        let answering = Self.watch {
            $0.headCame(Self.at(10))
            $0.bodyEnded(Self.at(11))
        }
        #expect(answering.deadline == nil)
        let again = Self.watch {
            $0.headCame(Self.at(10))
            $0.bodyEnded(Self.at(11))
            $0.answered(Self.at(20))
        }
        #expect(again.isWaiting && again.deadline?.at == Self.at(95))
        let draining = Self.watch {
            $0.headCame(Self.at(10))
            $0.answered(Self.at(20))
        }
        #expect(draining.deadline?.at == Self.at(25) && draining.deadline?.reason == .slowRequest)
        let leaving = Self.watch { $0.leaves(Self.at(7)) }
        #expect(leaving.deadline?.at == Self.at(8) && leaving.deadline?.reason == .farewell)
    }

    @Test("a webhook's body has less time than another's, and never more")
    func webhook() {
        let webhook = Self.watch { $0.headCame(Self.at(10), isWebhook: true) }
        #expect(webhook.deadline?.at == Self.at(25) && webhook.deadline?.reason == .slowRequest)
        var next = webhook
        next.bodyEnded(Self.at(11))
        next.answered(Self.at(12))
        next.headCame(Self.at(20))
        #expect(next.deadline?.at == Self.at(140))
        var hasty = ConnectionWatch(.init(idle: .seconds(75), request: .seconds(3)), now: Self.at(0))
        hasty.headCame(Self.at(1), isWebhook: true)
        #expect(hasty.deadline?.at == Self.at(4))
        for (target, isWebhook) in [
            ("/v1/webhooks/ses/a", true), ("//v1//webhooks/ses/a", true), ("/v1/webhooks/ses/a?x=/", true),
            ("/v1/events", false), ("/v1/webhook/ses/a", false), ("/v2/webhooks/ses/a", false), ("/", false),
        ] {
            #expect(RequestShape.isWebhook(target) == isWebhook, "\(target)")
        }
    }

    @Test("a request behind another one has its time from when its turn comes")
    func turns() {
        var watch = Self.watch {
            $0.headCame(Self.at(1))
            $0.bodyEnded(Self.at(2))
            $0.headCame(Self.at(3))
        }
        #expect(watch.deadline == nil)
        watch.answered(Self.at(500))
        #expect(watch.deadline?.at == Self.at(620))
    }

    @Test("an answer that nobody takes ends the connection, whatever else is going on")
    func stalled() {
        var watch = Self.watch {
            $0.headCame(Self.at(10))
            $0.bodyEnded(Self.at(11))
            $0.becameWritable(false, Self.at(12))
            $0.becameWritable(false, Self.at(80))
        }
        #expect(watch.deadline?.at == Self.at(87) && watch.deadline?.reason == .slowAnswer)
        watch.becameWritable(true, Self.at(86))
        #expect(watch.deadline == nil)
    }
}
