import Foundation
import Platform
import Testing

@testable import Service

/// What the log says without being asked.
@Suite("The log of connectors and of recovery", .timeLimit(.minutes(2))) struct ConnectorWatchTests {
    @Test("a connector that cannot deliver is told with its reason, and once it delivers again")
    func conditions() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let yaml = "connectors: {files: {destination: {type: local, path: \(folder.file("taken"))}, roll: {every: 5s}}}"
        var configuration = try Configuration.read(yaml, file: "c.yaml").with(data: folder.file("data"))
        configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
        let log = LogLines()
        // A file stands where the destination's folder must be.
        try Data().write(to: URL(fileURLWithPath: folder.file("taken")))
        try await withService(configuration, log: log) { service in
            let answer = try await ask("POST", "\(service.url)/v1/events", body: try event("a"))
            #expect(answer.status == 200)
            #expect(try await eventually { log.all.contains { $0.contains("A connector cannot deliver") } })
            let told = try #require(log.all.first { $0.contains("A connector cannot deliver") })
            #expect(told.contains("connector.name=files"), "\(told)")
            #expect(told.contains("connector.reason="), "\(told)")
            try FileManager.default.removeItem(atPath: folder.file("taken"))
            _ = try await ask("POST", "\(service.url)/v1/connectors/files/resume")
            #expect(try await eventually { log.all.contains { $0.contains("A connector delivers again.") } })
        }
        #expect(log.all.filter { $0.contains("A connector cannot deliver") }.count == 1)
    }

    @Test("a start after a process that was killed says what recovery kept, one after a stop in order does not")
    func recovery() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let copy = folder.file("copy")
        let (first, second) = (LogLines(), LogLines())
        try await withService(settings(in: folder), log: first) { service in
            let answer = try await ask("POST", "\(service.url)/v1/events", body: try event("a"))
            #expect(answer.status == 200)
            try FileManager.default.copyItem(atPath: folder.file("data"), toPath: copy)
        }
        try await withService(settings(in: folder) { $0.data = copy }, log: second) { _ in }
        let told = second.all.filter { $0.contains("ended without closing the journal") }
        #expect(told.count == 1)
        #expect(told.first?.contains("journal.frames_kept=1") == true, "\(told)")
        #expect(first.all.filter { $0.contains("ended without closing") } == [])
        let third = LogLines()
        try await withService(settings(in: folder), log: third) { _ in }
        #expect(third.all.filter { $0.contains("ended without closing") } == [])
    }
}
