import Platform
import StoreDoubles
import Testing

@testable import Service

/// The whole way to a partner: a configuration file, events over HTTP, and an endpoint that looks at each request.
@Suite(.timeLimit(.minutes(2))) struct EndpointTests {
    private static func withPartner(
        _ partner: EndpointDouble,
        _ body: @escaping @Sendable (_ url: String) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withPartner(partner, in: folder, body)
    }

    private static func withPartner(
        _ partner: EndpointDouble,
        in folder: TestFolder,
        log: LogLines = LogLines(),
        _ body: @escaping @Sendable (_ url: String) async throws -> Void
    ) async throws {
        try await partner.makeServer().run { endpoint in
            let yaml = """
                connectors:
                  partner:
                    destination:
                      type: http
                      url: \(endpoint)/in?key=hunter2
                      token: ${TOKEN}
                      signing_secret: ${SECRET}
                """
            let environment = ["TOKEN": EndpointDouble.token, "SECRET": EndpointDouble.secret]
            var configuration = try Configuration.read(yaml, file: "c.yaml", environment: environment)
            configuration.data = folder.file("data")
            configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
            try await withService(configuration, log: log) { service in try await body(service.url) }
        }
        #expect(partner.complaints == [])
    }

    private static func send(_ ids: [String], to url: String) async throws {
        let body = try ids.map { try event($0) }.joined(separator: "\n")
        let headers = ["Content-Type: application/x-ndjson"]
        let answer = try await ask("POST", "\(url)/v1/events", headers: headers, body: body)
        try #require(answer.status == 200, "\(answer.body)")
    }

    @Test("what is on its way when the service stops is waited for, and not sent again")
    func stop() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let (partner, log) = (EndpointDouble(isSigned: true, clock: SystemClock()), LogLines())
        partner.fail(.keepSlowly(.seconds(1)))
        try await Self.withPartner(partner, in: folder, log: log) { url in
            try await Self.send(["one"], to: url)
            while partner.requests == 0 { try await SystemClock().sleep(for: .milliseconds(10)) }
        }
        #expect(log.all.contains { $0.contains("The service is stopping.") })
        #expect(log.all.filter { $0.contains(" warning ") } == [])
        try await Self.withPartner(partner, in: folder) { url in
            try await Self.send(["two"], to: url)
            let flushed = try await ask("POST", "\(url)/v1/connectors/partner/flush")
            #expect(flushed.status == 200, "\(flushed.body)")
        }
        #expect(partner.ids == ["one", "two"])
    }

    @Test("of a partner's faults none loses an event or its order, and the one that it refuses is set aside")
    func faults() async throws {
        let partner = EndpointDouble(isSigned: true, clock: SystemClock())
        try await Self.withPartner(partner) { url in
            partner.refuse(["event-77"])
            // Half a batch is the most that it takes: 413 comes first.
            partner.limit(bodyBytes: 10_000)
            partner.fail(
                .answer(.respond(status: 500)),
                .loseAnswer,
                .answer(.respond(status: 429, headers: [("Retry-After", "1")])),
                .answer(.reset)
            )
            let ids = (0..<250).map { "event-\($0)" }
            try await Self.send(ids, to: url)
            let flushed = try await ask("POST", "\(url)/v1/connectors/partner/flush")
            #expect(flushed.status == 200, "\(flushed.body)")
            var seen: Set<String> = []
            #expect(partner.ids.filter { seen.insert($0).inserted } == ids.filter { $0 != "event-77" })
            #expect(partner.ids.count > seen.count, "what was kept without an answer came again")
            let status = try await ask("GET", "\(url)/v1/connectors/partner")
            #expect(status["state"] as? String == "running", "\(status.body)")
            #expect(status["balance", "landed"] as? Int == 249, "\(status.body)")
            #expect(status["balance", "set_aside"] as? Int == 1, "\(status.body)")
            #expect((status["location"] as? String)?.hasSuffix("/in") == true, "\(status.body)")
        }
    }

    @Test("a token that is refused shows before an event comes, without being shown, and loses nothing")
    func denied() async throws {
        let partner = EndpointDouble(isSigned: true, clock: SystemClock())
        partner.answer(.respond(status: 401))
        try await Self.withPartner(partner) { url in
            var status = try await ask("GET", "\(url)/v1/connectors/partner")
            while status["state"] as? String != "waiting-for-change" {
                try await Task.sleep(for: .milliseconds(20))
                status = try await ask("GET", "\(url)/v1/connectors/partner")
            }
            #expect((status["reason"] as? String)?.contains("correct the token") == true, "\(status.body)")
            for secret in [EndpointDouble.token, EndpointDouble.secret, "hunter2"] {
                #expect(!status.body.contains(secret))
            }
            try await Self.send(["a", "b"], to: url)
            let late = try await ask("POST", "\(url)/v1/connectors/partner/flush?timeout=300ms")
            #expect(late.status == 504, "\(late.body)")
            #expect(partner.ids == [])
            partner.answer(nil)
            let flushed = try await ask("POST", "\(url)/v1/connectors/partner/flush")
            #expect(flushed.status == 200, "\(flushed.body)")
            #expect(partner.ids == ["a", "b"])
            #expect(try await ask("GET", "\(url)/v1/connectors/partner")["state"] as? String == "running")
        }
    }
}
