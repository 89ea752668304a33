import Foundation
import Glossary
import HTTPTypes
import Platform
import ProgramTesting
import Providers
import Testing
import Yams

@testable import Service

/// The HTTP reference against the running service.
@Suite struct OpenAPITests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let document = root.appending(path: "docs/openapi.yaml").path
    static let checker = root.appending(path: "Tests/ServiceTests/Python/check_openapi.py").path

    @Test("every route is documented, and nothing else")
    func routes() async throws {
        let text = try String(contentsOfFile: Self.document, encoding: .utf8)
        let paths = try #require(try Yams.compose(yaml: text)?.mapping?["paths"]?.mapping)
        var documented: Set<String> = []
        for (path, operations) in paths {
            for method in operations.mapping?.keys.compactMap(\.string) ?? [] {
                documented.insert("\(method.uppercased()) \(path.string ?? "")")
            }
        }
        let folder = try TestFolder()
        defer { folder.remove() }
        let platform = Platform.live(blockingThreads: 2, computeThreads: 1)
        let logger = LogLines().logger()
        let rooms = try await ServiceRooms.open(
            settings(in: folder),
            glossary: .standard,
            platform: platform,
            processID: 1,
            logger: logger,
            failStop: FailStop(logger: logger) {}
        )
        let reload = ConfigurationReload(rooms, reread: nil)
        let routes = try ServiceListeners(rooms: rooms, board: PhaseBoard(), reload: reload).routes
        await rooms.close()
        #expect(Set(routes.map { "\($0.method.rawValue) \($0.path)" }) == documented)
        #expect(routes.count == documented.count)
    }

    @Test("every documented answer is given as documented, as strangers' validators see it")
    func answers() async throws {
        let python = try testPython().path(percentEncoded: false)
        let (open, closed) = (try TestFolder(), try TestFolder())
        defer { for folder in [open, closed] { folder.remove() } }
        let one = try event("first")
        let file = open.file("courant.yaml")
        try "reload: {timeout: 10s}\n".write(toFile: file, atomically: true, encoding: .utf8)
        let taking = settings(in: open) { configuration in
            configuration.tracking.sources["default"] = SourceTrackingPart(
                sendGrid: SendGridConfiguration(publicKeys: [], isUnverified: true),
                ses: SESConfiguration(topics: ["arn:aws:sns:eu-west-1:123456789012:mail"])
            )
        }
        try await withService(taking, reread: rereading(file, in: open)) { service async throws in
            try await withService(settings(in: closed)) { guarded async throws in
                let tokens = "\(guarded.url)/v1/tokens"
                let admin = try await ask("POST", tokens, body: #"{"name":"ops","scopes":["admin"]}"#)
                let adminText = try #require(admin["token"] as? String)
                let read = try await ask(
                    "POST",
                    tokens,
                    token: adminText,
                    body: #"{"name":"look","scopes":["read"]}"#
                )
                let readText = try #require(read["token"] as? String)
                let output = try await run(
                    python,
                    [Self.checker, Self.document, service.url, guarded.url, adminText, readText, one, file]
                )
                #expect(output.contains("documented answers were given as documented"), "\(output)")
            }
        }
    }
}
