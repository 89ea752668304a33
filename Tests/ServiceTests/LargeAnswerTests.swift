import Foundation
import Glossary
import Intake
import Logging
import Platform
import Providers
import ServiceLifecycle
import Telemetry
import Testing

@testable import Service

/// Large answers, and clients that do not take them.
@Suite(.timeLimit(.minutes(5))) struct LargeAnswerTests {
    private static let answerBytesMax = BodyBudgets.answerBytesMin

    /// A body whose events are all rejected.
    private static func rejected(_ events: Int) -> String { String(repeating: "{}\n", count: events) }

    private static func post(_ body: String) -> String {
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
    }

    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n" }

    /// Begins to read an answer, and goes no further.
    private static func begin(
        _ request: String,
        at port: Int
    ) async throws -> (connection: RawConnection, head: String) {
        let connection = try RawConnection(port: UInt16(port), receiveBytes: 4096)
        let head = try await RawConnection.onThread {
            try connection.send(request)
            return connection.receive(upTo: "\r\n\r\n")
        }
        return (connection, head)
    }

    private static func bytes(to asker: String, at service: CourantService.Started) async throws -> Int {
        let value = try await service.metric("courant_service_answer_bytes{to=\"\(asker)\"}")
        return Int(try #require(value)) ?? -1
    }

    /// Has a dead letter of 300,000 bytes made, which a page then holds.
    private static func setAside(at service: CourantService.Started) async throws {
        let body = "{\"event_type\":\"a\",\"x\":\"\(String(repeating: "x", count: 300_000))\"}"
        let answer = try await ask("POST", "\(service.url)/v1/events", body: body)
        try #require(answer.status == 422, "\(answer.body)")
    }

    private static let page = "/v1/dead-letters?bytes=true"

    private static func withLetter(
        idleTimeout: Duration = .seconds(75),
        _ body: @escaping @Sendable (CourantService.Started) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) {
            $0.intake.eventBytesMax = 200_000
            $0.http.idleTimeout = idleTimeout
        }
        try await withService(configuration) { service async throws in
            try await setAside(at: service)
            try await body(service)
        }
    }

    @Test("answers that are not read keep out no events, which are told of briefly while there is no room for more")
    func unread() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.intake.inFlightBytesMax = 16 << 20 }
        try await withService(configuration) { service async throws in
            var readers: [RawConnection] = []
            // Large ones, then smaller ones into what room is left.
            for events in [100_000, 2_000] {
                var status = "422"
                while status == "422", readers.count < 100 {
                    let (reader, head) = try await Self.begin(Self.post(Self.rejected(events)), at: service.listen.port)
                    status = String(head.dropFirst(9).prefix(3))
                    let isWhole = (head.firstMatch(of: /content-length: (\d+)/.ignoresCase())?.1).flatMap { Int($0) }
                    guard status == "422", isWhole ?? 0 > IntakeAnswer.smallBytesMax else { break }
                    readers.append(reader)
                }
            }
            let held = try await Self.bytes(to: "senders", at: service)
            #expect((Self.answerBytesMax - 300_000...Self.answerBytesMax).contains(held), "\(held)")
            #expect(try await service.metric("courant_service_body_bytes{senders=\"known\"}") == "0")
            // What is in is told, the rejected ones by their places.
            let lines = ["Content-Type: application/x-ndjson"]
            let events = "\(service.url)/v1/events"
            let body = try event("good") + "\n" + Self.rejected(2_000)
            let brief = try await ask("POST", events, headers: lines, body: body)
            #expect(brief.status == 207 && brief["accepted"] as? Int == 1, "\(brief.body.prefix(300))")
            #expect((brief["rejected"] as? [Any])?.isEmpty == true)
            #expect(brief["also_rejected"] as? [Int] == Array(1...2_000))
            // Too many even for that: unknown, until it is asked again.
            let busy = try await ask("POST", events, headers: lines, body: Self.rejected(100_000))
            #expect(busy.status == 503 && busy.code == "answers_busy", "\(busy.body.prefix(300))")
            #expect(busy.headers["retry-after"] == "1")
            // Other kinds of askers have room of their own.
            #expect(try await ask("GET", "\(service.url)/v1/glossary?edition=v10").status == 200)
            #expect(try await ask("POST", events, body: try event("other")).status == 200)
            readers.removeAll()
            #expect(try await eventually { try await Self.bytes(to: "senders", at: service) == 0 })
            let again = try await ask("POST", events, headers: lines, body: body)
            #expect(again["duplicates"] as? Int == 1 && (again["rejected"] as? [Any])?.count == 1_000)
        }
    }

    @Test("a page of dead letters counts until it is read, or its client has gone or been closed")
    func letters() async throws {
        try await Self.withLetter(idleTimeout: .seconds(2)) { service async throws in
            let port = service.listen.port
            let (reader, head) = try await Self.begin(Self.get(Self.page), at: port)
            #expect(head.hasPrefix("HTTP/1.1 200 "))
            #expect(try await Self.bytes(to: "readers", at: service) > 300_000)
            // Slowly, and to its last byte, though the client has nothing more to say.
            reader.closeSending()
            let taken = try await RawConnection.onThread { reader.sip(4_096, times: 1_000) }
            let parts = head.components(separatedBy: "\r\n\r\n")
            let length = try #require(head.firstMatch(of: /content-length: (\d+)/.ignoresCase())?.1)
            #expect(head.utf8.count + taken == parts[0].utf8.count + 4 + (Int(length) ?? 0))
            #expect(try await eventually { try await Self.bytes(to: "readers", at: service) == 0 })
            // Closed with bytes unread, it is reset.
            _ = try await Self.begin(Self.get(Self.page), at: port)
            #expect(try await eventually { try await Self.bytes(to: "readers", at: service) == 0 })
            let slow = try await Self.begin(Self.get(Self.page), at: port)
            #expect(try await Self.bytes(to: "readers", at: service) > 300_000)
            #expect(try await eventually { try await Self.bytes(to: "readers", at: service) == 0 })
            let reason = "courant_service_closed_connections_total{listener=\"open\",reason=\"slow_answer\"}"
            #expect(try await service.metric(reason) == "1")
            slow.connection.closeSending()
        }
    }

    @Test("of pipelined answers one counts at a time, and the head of one alone does not count")
    func pipelined() async throws {
        try await Self.withLetter { service async throws in
            let head = try await ask("HEAD", "\(service.url)\(Self.page)")
            #expect(head.status == 200 && Int(head.headers["content-length"] ?? "") ?? 0 > 300_000, "\(head)")
            #expect(try await Self.bytes(to: "readers", at: service) == 0)
            let one = Self.get(Self.page)
            let (reader, _) = try await Self.begin(one + one + one, at: service.listen.port)
            let held = try await Self.bytes(to: "readers", at: service)
            #expect((300_000..<600_000).contains(held), "\(held)")
            reader.closeSending()
            let (rest, isClosed) = try await RawConnection.onThread { reader.receiveAll() }
            #expect(rest.utf8.count > 850_000 && isClosed, "\(rest.utf8.count)")
            #expect(try await Self.bytes(to: "readers", at: service) == 0)
        }
    }

    @Test("a stop closes who does not take an answer, and nothing is held then")
    func stop() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let log = LogLines()
        let rooms = try await ServiceRooms.open(
            settings(in: folder),
            glossary: .standard,
            platform: .live(blockingThreads: 2, computeThreads: 1),
            processID: 1,
            logger: log.logger(),
            failStop: FailStop(logger: log.logger()) {}
        )
        rooms.intake.become(.ready)
        let (bound, binding) = AsyncStream.makeStream(of: ListenAddress.self)
        let listeners = try ServiceListeners(
            rooms: rooms,
            board: PhaseBoard(),
            reload: ConfigurationReload(rooms, reread: nil)
        ).listeners { _, address in binding.yield(address) }
        let clock = SystemClock()
        let runs = try listeners.map { try ListenerRun($0, patience: .milliseconds(200), clock: clock) }
        let group = ServiceGroup(services: [ListenerRuns(runs: runs)], logger: log.logger(level: .error))
        let held = "courant_service_answer_bytes{to=\"senders\"} "
        async let ended: Void = group.run()
        let first = await bound.first { _ in true }
        let address = try #require(first)
        let (reader, _) = try await Self.begin(Self.post(Self.rejected(100_000)), at: address.port)
        #expect(!rooms.metrics.prometheusText().contains(held + "0\n"))
        await group.triggerGracefulShutdown()
        try await ended
        #expect(rooms.metrics.prometheusText().contains(held + "0\n"))
        reader.closeSending()
        await rooms.close()
    }

    @Test("what is refused is refused in a few words, whatever was sent, with a token or without")
    func refusals() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) {
            $0.tracking.sources["default"] = SourceTrackingPart(
                ses: SESConfiguration(topics: ["arn:aws:sns:eu-west-1:123456789012:mail"])
            )
        }
        try await withService(configuration) { service async throws in
            for letter in ["k", "\u{301}"] {
                let key = "e" + String(repeating: letter, count: 200_000)
                let twice = "{\"\(key)\":1,\"\(key)\":2}"
                for (method, path, status) in [
                    ("POST", "/v1/webhooks/ses/default", 403), ("POST", "/v1/track/sends", 400),
                    ("PUT", "/v1/campaigns/c", 400), ("PUT", "/v1/users", 400),
                ] {
                    for body in [twice, "{\"\(key)\":1}"] {
                        let headers = ["Idempotency-Key: k"]
                        let answer = try await ask(method, service.url + path, headers: headers, body: body)
                        #expect(answer.status == status, "\(path): \(answer.body.prefix(200))")
                        #expect(answer.body.utf8.count < 1_500, "\(path): \(answer.body.utf8.count)")
                    }
                }
            }
            let long = String(repeating: "x", count: 8_000)
            for path in ["glossary?edition=\(long)", "glossary/\(long)", "campaigns/\(long)", "tail?x=\(long)"] {
                let answer = try await ask("GET", "\(service.url)/v1/\(path)")
                #expect([400, 404].contains(answer.status), "\(answer.body.prefix(200))")
                #expect(answer.body.utf8.count < 1_500, "\(path.prefix(30)): \(answer.body.utf8.count)")
            }
        }
        #expect(RouteError.bad("x", String(repeating: "é", count: 1_000)).message.utf8.count <= 1_024)
    }

    @Test("definitions are listed in pages of so many bytes, each once")
    func definitions() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let url = "\(service.url)/v1/canvases"
            #expect(try await ask("GET", url).body == #"{"canvases":[]}"#)
            let name = String(repeating: "n", count: 1_000)
            let steps = (0..<200).map { step in
                let variations = (0..<2).map { #"{"id":"m\#($0)","name":"\#(name)"}"# }.joined(separator: ",")
                return #"{"id":"s\#(step)","name":"\#(name)","message_variations":[\#(variations)]}"#
            }
            let canvas = """
                {"name":"c","variations":[{"id":"a","name":"A","share":100}],"steps":[\(steps.joined(separator: ","))]}
                """
            for id in ["a", "b", "c", "d", "e"] {
                let put = try await ask("PUT", "\(url)/\(id)", body: canvas)
                try #require(put.status == 200, "\(put.body.prefix(300))")
            }
            var (pages, after) = ([[String]](), "")
            repeat {
                let page = try await ask("GET", after.isEmpty ? url : "\(url)?after=\(after)")
                #expect(page.body.utf8.count < 2 << 20)
                pages.append((page["canvases"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String })
                after = page["next"] as? String ?? ""
            } while !after.isEmpty && pages.count < 10
            #expect(pages == [["a", "b"], ["c", "d"], ["e"]])
            // Where the one that is named has gone, too.
            _ = try await ask("DELETE", "\(url)/b")
            let rest = try await ask("GET", "\(url)?after=b")
            #expect(rest["canvases", "0", "id"] as? String == "c")
        }
    }
}
