import Foundation
import Testing

@testable import Service

/// Names that point out of the folder where they belong.
@Suite(.timeLimit(.minutes(5))) struct PathTests {
    static let names = [
        "..", "../x", "../../x", "..%2fx", "%2e%2e%2fx", "%2e%2e/x", "..%5cx", "%00", "x%00y", "%2fetc%2fpasswd",
        ".%2e%2fx", "%252e%252e%252fx", "%c0%ae%c0%ae%c0%afx", "....%2f%2fx", String(repeating: "x", count: 5_000),
        "%ff%fe", "x%0d%0aSet-Cookie:%20a=b", "~", "%7e%2fx", "con%3a", "x;y", "%2e",
    ]

    @Test("no name in an address leads out of its folder, or to anything but an answer")
    func addresses() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let secret = "the-file-that-nobody-may-read"
        try Data(secret.utf8).write(to: URL(filePath: folder.file("x")))
        try await withService(settings(in: folder)) { service async throws in
            #expect(try await ask("POST", "\(service.url)/v1/events", body: try event("a")).status == 200)
            let before = folder.names(in: "")
            let places: [(method: String, before: String, after: String)] = [
                ("GET", "/", ""), ("GET", "/v1/connectors/", ""), ("POST", "/v1/connectors/", "/flush"),
                ("POST", "/v1/connectors/", "/forget"), ("POST", "/v1/connectors/", "/preview"),
                ("GET", "/v1/replays/", ""), ("DELETE", "/v1/replays/", ""), ("GET", "/v1/dead-letters/", ""),
                ("POST", "/v1/dead-letters/", "/replay"), ("GET", "/v1/campaigns/", ""),
                ("DELETE", "/v1/canvases/", ""), ("GET", "/v1/glossary/", ""), ("DELETE", "/v1/tokens/", ""),
                ("POST", "/v1/webhooks/", "/default"), ("POST", "/v1/webhooks/sendgrid/", ""),
                ("GET", "/v1/glossary?edition=", ""), ("GET", "/v1/tail?events=", ""),
                ("GET", "/v1/dead-letters?after=", ""),
            ]
            for place in places {
                var text = ""
                for name in Self.names {
                    text += "\(place.method) \(place.before)\(name)\(place.after) HTTP/1.1\r\nHost: localhost\r\n"
                    text += "Content-Length: 0\r\n" + (name == Self.names.last ? "Connection: close\r\n" : "") + "\r\n"
                }
                let (answer, isClosed) = try await talk(to: service, text)
                #expect(isClosed)
                #expect(!answer.contains(secret))
                #expect(!answer.contains("\r\nSet-Cookie"))
                #expect(answers(in: answer) == Self.names.count, "\(place)")
                #expect(!answer.contains("HTTP/1.1 5"), "\(place): \(answer)")
                #expect(!answer.contains("HTTP/1.1 2"), "\(place): \(answer)")
            }
            let after = folder.names(in: "").filter { !$0.contains("/files/") && !$0.contains("staging/") }
            #expect(after.allSatisfy { before.contains($0) || $0.hasPrefix("data/") }, "\(after)")
        }
    }

    @Test(
        "a name that becomes part of a path is refused where it is made",
        arguments: ["../x", "a/b", "", ".", "..", "a\\u0000b", "a b", String(repeating: "a", count: 129), "ä"]
    )
    func made(_ name: String) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let replay = "{\"connector\":\"local\",\"from\":\"1\",\"to\":\"2\",\"id\":\"\(name)\"}"
            let answer = try await ask("POST", "\(service.url)/v1/replays", body: replay)
            #expect(answer.status == 400)
            #expect(answer.code == "body_invalid")
            let token = "{\"name\":\"\(name)\",\"scopes\":[\"admin\"]}"
            let refused = try await ask("POST", "\(service.url)/v1/tokens", body: token)
            #expect(refused.status == 400)
            #expect(refused.code == "token_name_invalid")
        }
        let yaml = { (key: String) in "connectors: {lake: {destination: {type: local, path: x}, key: {\(key)}}}" }
        for key in ["prefix", "cluster", "environment"] where !(key == "prefix" && (name.isEmpty || name == "a/b")) {
            #expect(throws: ConfigurationError.self, "\(key)") {
                _ = try Configuration.read(yaml("\(key): \"\(name)\""), file: "c.yaml")
            }
        }
        #expect(throws: ConfigurationError.self) {
            let yaml = "connectors: {\"\(name)\": {destination: {type: local, path: x}}}"
            _ = try Configuration.read(yaml, file: "c.yaml")
        }
    }

    @Test("a definition's id is a name and no path: it is kept and found as it is, and makes no file")
    func definitions() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let url = "\(service.url)/v1/campaigns/%2e%2e%2f%2e%2e%2fescaped"
            let body = #"{"name":"A"}"#
            let made = try await ask("PUT", url, body: body)
            if made.status == 200 {
                #expect(try await ask("GET", url)["id"] as? String == "../../escaped")
            } else {
                #expect(made.status == 400, "\(made.body)")
            }
            #expect(!folder.names(in: "").contains { $0.contains("escaped") })
        }
    }
}
