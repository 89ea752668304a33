import Foundation
import Platform
import Testing

@testable import Service

@Suite(.timeLimit(.minutes(2))) struct ReplayRouteTests {
    private static let range = "\"connector\":\"files\",\"from\":\"1\",\"to\":\"4000000000\""

    private static func settings(in folder: TestFolder, name: String = "files") throws -> Configuration {
        let yaml = "connectors:\n  \(name):\n    destination: {type: local, path: \(folder.file("files"))}\n"
        var configuration = try Configuration.read(yaml, file: "c.yaml").with(data: folder.file("data"))
        configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
        return configuration
    }

    private static func start(_ id: String, at url: String) async throws {
        let body = "{\(range),\"id\":\"\(id)\"}"
        let answer = try await ask("POST", "\(url)/v1/replays", body: body)
        try #require(answer.status == 200, "\(answer.body)")
    }

    private static func wait(for key: String, _ words: String, of id: String, at url: String) async throws {
        while true {
            let answer = try await ask("GET", "\(url)/v1/replays/\(id)")
            if (answer[key] as? String)?.contains(words) == true { return }
            try await SystemClock().sleep(for: .milliseconds(20))
        }
    }

    /// A service with one event, one finished replay, and a second one that meets a foreign file; returns that file.
    private static func meetConflict(in folder: TestFolder, at url: String) async throws -> String {
        #expect(try await ask("POST", "\(url)/v1/events", body: try event("one")).status == 200)
        // The range ends now, in whole seconds or not.
        try await SystemClock().sleep(for: .milliseconds(20))
        try await start("first", at: url)
        try await wait(for: "state", "finished", of: "first", at: url)
        let landed = try #require(folder.avroFiles(in: "files").first { $0.contains("first/") })
        let taken = folder.file("files/" + landed.replacing("first/", with: "second/"))
        let above = URL(filePath: taken).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: above, withIntermediateDirectories: true)
        try Data([1, 2, 3]).write(to: URL(filePath: taken))
        try await start("second", at: url)
        try await wait(for: "trouble", "is not this plan's", of: "second", at: url)
        return taken
    }

    @Test("a replay in conflict goes on when its connector is resumed after the file was moved away")
    func resumes() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(try Self.settings(in: folder)) { service in
            let taken = try await Self.meetConflict(in: folder, at: service.url)
            try FileManager.default.removeItem(atPath: taken)
            #expect(try await ask("POST", "\(service.url)/v1/connectors/files/resume").status == 200)
            try await Self.wait(for: "state", "finished", of: "second", at: service.url)
        }
    }

    @Test("a replay whose connector is gone fails, is named in the log, keeps nothing from starting, and is cancelled")
    func fails() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(try Self.settings(in: folder)) { service in
            _ = try await Self.meetConflict(in: folder, at: service.url)
        }
        let log = LogLines()
        try await withService(try Self.settings(in: folder, name: "renamed"), log: log) { service in
            let url = "\(service.url)/v1/replays/second"
            let failed = try await ask("GET", url)
            #expect(failed["state"] as? String == "failed", "\(failed.body)")
            #expect((failed["trouble"] as? String)?.contains("files is not there") == true, "\(failed.body)")
            #expect(try await ask("DELETE", url)["state"] as? String == "cancelled")
            #expect(try await ask("DELETE", url).status == 409)
        }
        #expect(log.all.contains { $0.contains("A replay cannot go on") && $0.contains("second") })
    }
}
