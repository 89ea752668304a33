import Delivery
import Foundation
import Intake
import Platform
import Providers
import Synchronization
import Testing

@testable import Service

/// What somebody with a token, or none, may have of the service at most.
@Suite(.timeLimit(.minutes(5))) struct StrangerLimitTests {
    @Test("as many follow the tail as may, and a place is free again when one goes")
    func followers() async throws {
        let count = FollowerCount()
        var following = (0..<TailRoutes.followersMax).compactMap { _ in count.enter(most: TailRoutes.followersMax) }
        #expect(following.count == TailRoutes.followersMax)
        #expect(count.enter(most: TailRoutes.followersMax) == nil)
        // Both ways of ending give one place back, not two.
        following[0].end()
        following.removeFirst()
        following.append(try #require(count.enter(most: TailRoutes.followersMax)))
        #expect(count.enter(most: TailRoutes.followersMax) == nil)
        following.removeAll()
        #expect(count.enter(most: 1) != nil)
    }

    @Test("one follower too many is told so, and a place is free again once a client has gone")
    func tail() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let port = UInt16(service.listen.port)
            var followers: [RawConnection] = []
            for _ in 0..<TailRoutes.followersMax {
                let connection = try RawConnection(port: port)
                try connection.send("GET /v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let answer = try await RawConnection.onThread { connection.receive(upTo: "\r\n\r\n") }
                try #require(answer.hasPrefix("HTTP/1.1 200 "))
                followers.append(connection)
            }
            let full = try await ask("GET", "\(service.url)/v1/tail")
            #expect(full.status == 503)
            #expect(full.code == "tail_busy")
            #expect(full.headers["retry-after"] == "5")
            followers.removeAll()
            var answer = ""
            for _ in 0..<600 where !answer.hasPrefix("HTTP/1.1 200 ") {
                let connection = try RawConnection(port: port)
                try connection.send("GET /v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = try await RawConnection.onThread { connection.receive(upTo: "\r\n\r\n") }
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
        }
    }

    @Test("there are only so many tokens")
    func tokens() async throws {
        let book = TokenTests.book()
        for index in 0..<TokenBook.tokensMax {
            _ = try await book.create(name: "t\(index)", source: nil, scopes: [.admin])
        }
        let code = await TokenTests.code { _ = try await book.create(name: "one-more", source: nil, scopes: [.admin]) }
        #expect(code == .tooMany)
        try await book.revoke("t0")
        _ = try await book.create(name: "one-more", source: nil, scopes: [.admin])
    }

    @Test("reports in flight share the budget of bodies, and give back what they had")
    func reports() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.intake.inFlightBytesMax = 64 << 10 }
        try await withService(configuration) { service async throws in
            let body = String(repeating: " ", count: 100_000)
            for (method, path) in [("POST", "/v1/track/sends"), ("PUT", "/v1/users")] {
                let headers = ["Idempotency-Key: k"]
                let answer = try await ask(method, "\(service.url)\(path)", headers: headers, body: body)
                #expect(answer.status == 503, "\(path): \(answer.body)")
                #expect(answer.code == "busy")
            }
            #expect(try await service.metric("courant_service_body_bytes{senders=\"known\"}") == "0")
            let small = try await ask("PUT", "\(service.url)/v1/users", body: #"{"users":[]}"#)
            #expect(small.status == 200, "\(small.body)")
        }
    }

    @Test("webhooks that have not come whole hold up other webhooks, and no sender with a token")
    func strangers() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let unverified = SendGridConfiguration(publicKeys: [], isUnverified: true)
        let configuration = settings(in: folder) {
            $0.intake.inFlightBytesMax = 16 << 20
            $0.tracking.sources["default"] = SourceTrackingPart(sendGrid: unverified)
        }
        try await withService(configuration) { service async throws in
            let (port, most) = (UInt16(service.listen.port), WebhookRequest.bodyBytesMax)
            let webhook = "\(service.url)/v1/webhooks/sendgrid/default"
            let head =
                "POST /v1/webhooks/sendgrid/default HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(most)\r\n\r\n"
            let stranger = try RawConnection(port: port)
            try await RawConnection.onThread {
                try stranger.send(head + String(repeating: " ", count: most - 1))
            }
            let held = "courant_service_body_bytes{senders=\"strangers\"}"
            try #require(try await eventually { try await service.metric(held) == "\(most - 1)" })
            let refused = try await ask("POST", webhook, body: "[  ]")
            #expect(refused.status == 503 && refused.code == "busy", "\(refused.body)")
            #expect(refused.headers["retry-after"] == "1")
            #expect(try await ask("POST", "\(service.url)/v1/events", body: event("a")).status == 200)
            try await RawConnection.onThread { try stranger.send(" ") }
            _ = try await RawConnection.onThread { stranger.receive() }
            let taken = try await ask("POST", webhook, body: "[  ]")
            #expect(taken.status == 200, "\(taken.body)")
        }
    }

    static let bodyLimits: [(method: String, path: String, most: Int)] = [
        ("POST", "/v1/tokens", 65_536), ("POST", "/v1/replays", 65_536), ("POST", "/v1/track/assign", 1_048_576),
        ("PUT", "/v1/campaigns/a", 1_048_576), ("POST", "/v1/connectors/local/preview", 1_048_576),
        ("POST", "/v1/track/sends", 1_048_576), ("POST", "/v1/events", 1_048_576),
        ("POST", "/v1/currents", 1_048_576),
    ]

    @Test("a body beyond what an address takes is 413", arguments: bodyLimits)
    func bodies(_ method: String, _ path: String, _ most: Int) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.intake.bodyBytesMax = 1 << 20 }
        try await withService(configuration) { service async throws in
            let body = String(repeating: " ", count: most + 1)
            for framing in [[], ["Transfer-Encoding: chunked"]] {
                let headers = ["Idempotency-Key: k"] + framing
                let answer = try await ask(method, service.url + path, headers: headers, body: body)
                #expect(answer.status == 413, "\(answer)")
                #expect(answer.code == "body_too_large")
            }
        }
    }

    @Test("an event nested, long or large without measure is refused in words, and its neighbours go in")
    func events() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let good = try event("good")
            let start = String(good.dropLast())
            let (opening, closing) = (String(repeating: "[", count: 100_000), String(repeating: "]", count: 100_000))
            let hostile = [
                "\(start),\"x\":\(opening)\(closing)}", "\(start),\"x\":\(opening)",
                "\(start),\"x\":\(String(repeating: "{\"x\":", count: 100_000))",
                "{\"event_type\":\"users.canvas.Entry\",\"time\":\(String(repeating: "9", count: 500_000))}",
                "{\"event_type\":\"\(String(repeating: "x", count: 500_000))\"}",
                "{\"\(String(repeating: "x", count: 500_000))\":1}",
                "\(start),\"x\":\"\(String(repeating: "x", count: 900_001))\"}",
            ]
            for text in hostile {
                let headers = ["Content-Type: application/x-ndjson"]
                let body = "\(text)\n\(good)"
                let answer = try await ask("POST", "\(service.url)/v1/events", headers: headers, body: body)
                #expect([207, 400].contains(answer.status), "\(text.prefix(60)): \(answer.body.prefix(500))")
                #expect(answer.body.utf8.count < 2_000)
            }
            #expect(try await ask("POST", "\(service.url)/v1/events", body: good).status == 200)
        }
    }

    @Test("names that senders make up get only so many series of metrics")
    func series() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let start = try event("a").dropLast()
            let body = (0..<700).map { "\(start),\"made_up_\($0)\":1}" }.joined(separator: "\n")
            let headers = ["Content-Type: application/x-ndjson"]
            let answer = try await ask("POST", "\(service.url)/v1/events", headers: headers, body: body)
            #expect(answer.status == 200)
            let metrics = try await ask("GET", "\(service.url)/metrics").body
            let names = metrics.split(separator: "\n").filter {
                $0.hasPrefix("courant_intake_unknown_fields_total{")
            }
            #expect(names.count == 501)
            #expect(names.contains { $0.contains("\"(other)\"") && $0.hasSuffix(" 200") })
            // Addresses that no route has share one series.
            for index in 0..<20 { _ = try await ask("GET", "\(service.url)/made/up/\(index)") }
            let routes = try await ask("GET", "\(service.url)/metrics").body
            #expect(routes.contains("courant_service_unrouted_total 20\n"))
            #expect(!routes.contains("/made/"))
        }
    }

    @Test(
        "a report names only so many",
        arguments: [
            ("PUT", "/v1/users", #"{"users":["#, #"{"user_id":"u"}"#),
            ("POST", "/v1/track/sends", #"{"channel":"email","trigger":"api","recipients":["#, "{}"),
        ]
    )
    func items(_ method: String, _ path: String, _ start: String, _ item: String) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let body = start + Array(repeating: item, count: 10_001).joined(separator: ",") + "]}"
            let headers = ["Idempotency-Key: k"]
            let answer = try await ask(method, service.url + path, headers: headers, body: body)
            #expect(answer.status == 400, "\(answer.body)")
            #expect(answer.body.contains("10000") || answer.body.contains("10,000"), "\(answer.body)")
        }
    }

    @Test("a page of dead letters has only so many bytes of events, and says where it goes on")
    func page() throws {
        let place = try #require(DeadLetters.Place("intake:0:0"))
        func letter(_ bytes: Int) -> DeadLetters.Letter {
            DeadLetters.Letter(
                place: place,
                from: "default",
                time: nil,
                eventType: nil,
                code: "x",
                field: nil,
                message: "",
                bytes: [UInt8](repeating: 0, count: bytes)
            )
        }
        var page = DeadLetters.Page(limit: 3)
        page.add(letter(1))
        page.add(letter(1))
        #expect(!page.isFull)
        page.add(letter(1))
        #expect(page.isFull)
        var large = DeadLetters.Page(limit: 1_000)
        large.add(letter(DeadLetters.Page.bytesMax - 1))
        #expect(!large.isFull)
        large.add(letter(1))
        #expect(large.isFull)
    }

    @Test("lines that strangers cause come at most so often, and say how many were left out")
    func log() {
        final class SetClock: WorldClock {
            let seconds = Mutex(0)
            func now() -> Timestamp { Timestamp(seconds: 0) }
            func uptime() -> Duration { .seconds(seconds.withLock { $0 }) }
            func sleep(for duration: Duration) async throws {}
        }
        let clock = SetClock()
        let pace = LogPace(clock: clock)
        let first = (0..<1_000).map { _ in pace.next() }
        #expect(first.prefix(LogPace.linesMax).allSatisfy { $0 == 0 })
        #expect(first.dropFirst(LogPace.linesMax).allSatisfy { $0 == nil })
        clock.seconds.withLock { $0 = 61 }
        #expect(pace.next() == 1_000 - LogPace.linesMax)
        #expect(pace.next() == 0)
    }

    @Test("a flood of unknown tokens leaves few lines in the log")
    func flood() async throws {
        let (folder, log) = (try TestFolder(), LogLines())
        defer { folder.remove() }
        try await withService(settings(in: folder), log: log) { service async throws in
            let body = #"{"name":"ops","scopes":["admin"]}"#
            try #require(try await ask("POST", "\(service.url)/v1/tokens", body: body).status == 201)
            let request = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer nonsense\r\n"
            let text = String(repeating: request + "\r\n", count: 200) + request + "Connection: close\r\n\r\n"
            let (answer, _) = try await talk(to: service, text)
            #expect(answer.components(separatedBy: "HTTP/1.1 401 ").count == 202)
        }
        let lines = log.all.filter { $0.contains("unknown token") }.count
        #expect((1...(LogPace.linesMax * 2)).contains(lines), "\(lines)")
    }
}

/// That comparing tells nothing of how far a guess was right.
@Suite struct ComparisonTests {
    @Test("a token is admitted by its whole hash, though it is looked up by a part")
    func wholeHash() async throws {
        let text = "courant_ops_" + String(repeating: "0", count: 64)
        let hash = AccessToken.hash(of: text)
        for byte in 0..<32 {
            var other = hash.exposed
            other[byte] ^= 1
            let store = MemoryTokens()
            let token = AccessToken(
                name: "ops",
                source: nil,
                scopes: [.admin],
                created: Timestamp(seconds: 0),
                lastFour: "0000",
                hash: SecretBytes(other)
            )
            _ = try await store.insert(token)
            let book = TokenTests.book(store)
            try await book.load()
            #expect(book.token(presented: text) == nil, "byte \(byte)")
        }
    }

    @Test("the bytes of a token's hash come out where they are stored, and codes are made where they are compared")
    func places() throws {
        let sources = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
        // Whoever names another place has seen that nothing compares there what a stranger may guess at.
        #expect(try Self.files(in: sources, with: ".exposed") == ["TokenStore.swift"])
        for wing in ["Inbound", "Surface"] {
            let found = try Self.files(in: sources.appending(path: wing), with: "uthenticationCode(")
            #expect(found == (wing == "Inbound" ? ["TwilioSignature.swift"] : []))
        }
    }

    private static func files(in folder: URL, with text: String) throws -> [String] {
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        var found: [String] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            if try String(contentsOf: file, encoding: .utf8).contains(text) { found.append(file.lastPathComponent) }
        }
        return found.sorted()
    }
}
