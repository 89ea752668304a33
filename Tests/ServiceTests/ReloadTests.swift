import Foundation
import Glossary
import Platform
import Testing

@testable import Service

@Suite struct ReloadTests {
    /// A configuration file with two connectors, and what changes between two readings.
    private static func yaml(every: String = "60s", third: Bool = false, more: String = "") -> String {
        """
        connectors:
          first:
            destination: {type: local, path: first}
          second:
            destination: {type: local, path: second}
            roll: {every: \(every)}
        \(third ? "  third: {destination: {type: local, path: third}, start: oldest}" : "")
        \(more)
        """
    }

    private static func write(_ text: String, to file: String) throws {
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// Runs a service over a configuration file.
    private func withFile(
        log: LogLines = LogLines(),
        _ body: @escaping @Sendable (TestFolder, String, CourantService.Started) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let file = folder.file("courant.yaml")
        try Self.write(Self.yaml(), to: file)
        let reread = rereading(file, in: folder)
        try await withService(try reread(), log: log, reread: reread) { service async throws in
            try await body(folder, file, service)
        }
    }

    private static func connectors(_ service: CourantService.Started, _ key: String) async throws -> [String] {
        let report = try await ask("GET", "\(service.url)/v1/connectors")
        return (report["connectors"] as? [[String: Any]])?.compactMap { $0[key] as? String } ?? []
    }

    private static func names(_ answer: Answer, _ key: String) -> [String] {
        answer[key] as? [String] ?? ["\(answer)"]
    }

    @Test("only the connectors that changed are exchanged, and none loses or doubles an event")
    func exchanges() async throws {
        let (one, two) = (try event("one"), try event("two"))
        try await withFile { folder, file, service async throws in
            let url = "\(service.url)/v1"
            #expect(try await ask("POST", "\(url)/events", body: one).status == 200)
            let same = try await ask("POST", "\(url)/config/reload")
            #expect(same.status == 200)
            #expect(Self.names(same, "kept") == ["first", "second"])
            #expect(Self.names(same, "started") == [] && Self.names(same, "stopped") == [])
            #expect(Self.names(same, "need_restart") == [])
            try Self.write(Self.yaml(every: "2h", third: true), to: file)
            let changed = try await ask("POST", "\(url)/config/reload")
            #expect(Self.names(changed, "kept") == ["first"])
            #expect(Self.names(changed, "stopped") == ["second"])
            #expect(Self.names(changed, "started") == ["second", "third"])
            #expect(try await ask("POST", "\(url)/events", body: two).status == 200)
            for name in ["first", "second", "third"] {
                #expect(try await ask("POST", "\(url)/connectors/\(name)/flush").status == 200)
                let status = try await ask("GET", "\(url)/connectors/\(name)")
                #expect(status["balance", "landed"] as? Int == 2, "\(status)")
            }
            try Self.write(Self.yaml(), to: file)
            #expect(Self.names(try await ask("POST", "\(url)/config/reload"), "stopped") == ["second", "third"])
            #expect(try await ask("GET", "\(url)/connectors/third").status == 404)
            let metrics = try await ask("GET", "\(service.url)/metrics").body
            #expect(!metrics.contains("courant_delivery_state{connector=\"third\""))
            #expect(metrics.contains("courant_delivery_state{connector=\"second\",state=\"running\"} 1\n"))
        }
    }

    @Test("a file with problems changes nothing, and each is named with its line and key")
    func badFile() async throws {
        let log = LogLines()
        try await withFile(log: log) { folder, file, service async throws in
            try Self.write(Self.yaml(every: "soon", more: "listn: 127.0.0.1:1"), to: file)
            let refused = try await ask("POST", "\(service.url)/v1/config/reload")
            #expect(refused.status == 422)
            #expect(refused.code == "configuration_invalid")
            #expect(refused["problems", "0", "line"] as? Int == 6, "\(refused)")
            #expect(refused["problems", "0", "key"] as? String == "connectors.second.roll.every")
            #expect((refused["problems", "1", "key"] as? String)?.contains("listn") == true)
            #expect((refused["error", "message"] as? String)?.contains("\(file):6: ") == true)
            #expect(try await Self.connectors(service, "state") == ["running", "running"])
        }
        #expect(log.all.contains { $0.contains("The configuration was not taken over.") && $0.contains(":6: ") })
    }

    @Test("what a connector asks for and cannot have is refused before anything stops")
    func refused() async throws {
        try await withFile { folder, file, service async throws in
            let idle = "events: [users.messages.email.Click], channels: [sms]"
            let fourth = "  fourth: {destination: {type: local, path: x}, \(idle)}"
            try Self.write(Self.yaml(every: "2h", more: fourth), to: file)
            let refused = try await ask("POST", "\(service.url)/v1/config/reload")
            #expect(refused.status == 422, "\(refused)")
            #expect(try await Self.connectors(service, "name") == ["first", "second"])
        }
    }

    @Test("settings that are read at start are named, and connectors change all the same")
    func needRestart() async throws {
        try await withFile { folder, file, service async throws in
            let more = """
                journal: {partitions: 3, keep: 2d}
                log: {level: debug}
                admin: {listen: "127.0.0.1:0"}
                sources: {web: {strict: true}}
                reload: {timeout: 5s}
                """
            try Self.write(Self.yaml(every: "2h", more: more), to: file)
            let answer = try await ask("POST", "\(service.url)/v1/config/reload")
            #expect(answer.status == 200, "\(answer)")
            #expect(
                Self.names(answer, "need_restart") == [
                    "admin.listen", "log.level", "journal.partitions", "journal.keep", "sources.default",
                    "sources.web",
                ]
            )
            #expect(Self.names(answer, "started") == ["second"])
        }
    }

    @Test("without a file there is nothing to reload")
    func withoutFile() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let refused = try await ask("POST", "\(service.url)/v1/config/reload")
            #expect(refused.status == 409)
            #expect(refused.code == "configuration_file_missing")
        }
    }
}
