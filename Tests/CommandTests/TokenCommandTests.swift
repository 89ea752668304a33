import Foundation
import ProgramTesting
import Testing

@Suite("courant token", .serialized)
struct TokenCommandTests {
    private static let event =
        #"{"event_type":"users.messages.webhook.Send","id":"1","user_id":"u","time":1700000000}"# + "\n"

    @Test("a first token is made at rest, before anything listens beyond loopback")
    func atRest() async throws {
        try await TemporaryFolder.with { folder in
            let data = folder.appending(path: "data").path
            let open = try await CourantBinary.run("serve", "--data", data, "--listen", "0.0.0.0:0")
            #expect(open.status == 78)
            #expect(open.errors.contains("courant token create NAME --scope admin --data \(data)"))
            let weak = try await CourantBinary.run("token", "create", "web", "--scope", "ingest", "--data", data)
            #expect(weak.status == 1)
            #expect(weak.errors.contains("admin"))
            let made = try await CourantBinary.run("token", "create", "ops", "--scope", "admin", "--data", data)
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.lines.count == 1)
            #expect(made.output.hasPrefix("courant_ops_"))
            let list = try await CourantBinary.run("token", "list", "--data", data)
            #expect(list.lines.count == 2)
            #expect(list.lines[1].hasPrefix("ops   admin   -"))
            #expect(!list.output.contains(made.lines[0]))
            #expect(list.lines[1].hasSuffix(String(made.lines[0].suffix(4))))
        }
    }

    @Test("a token's life: made, listed, used within its scopes, revoked")
    func life() async throws {
        try await TemporaryFolder.with { folder in
            let data = folder.appending(path: "data").path
            let admin = try await CourantBinary.run("token", "create", "ops", "--scope", "admin", "--data", data).lines[
                0
            ]
            try await LiveServer.with(in: folder) { server in
                let without = try await server.run("token", "list")
                #expect(without.status == 77)
                #expect(without.errors.contains("COURANT_TOKEN"))
                let made = try await server.run("token", "create", "web", "--scope", "ingest", token: admin)
                #expect(made.status == 0, "\(made.errors)")
                let web = try #require(made.lines.first)
                let sent = try await server.run("send", "-", input: Self.event, token: web)
                #expect(sent.status == 0, "\(sent.errors)")
                let beyond = try await server.run("token", "list", token: web)
                #expect(beyond.status == 77)
                #expect(beyond.errors.contains("scope"))
                let list = try await server.run("token", "list", "--json", token: admin)
                let tokens = try #require(try ServerCommandTests.object(list.output)["tokens"] as? [[String: Any]])
                #expect(tokens.compactMap { $0["name"] as? String } == ["ops", "web"])
                #expect(tokens[1]["source"] as? String == "default")
                #expect(!list.output.contains(web))
                let twice = try await server.run("token", "create", "web", "--scope", "ingest", token: admin)
                #expect(twice.status == 1)
                let held = try await CourantBinary.run("token", "list", "--data", data)
                #expect(held.status == 78)
                #expect(held.errors.contains("in use"))
                #expect(held.errors.contains("--url"))
                #expect(try await server.run("token", "revoke", "web", token: admin).status == 0)
                let revoked = try await server.run("send", "-", input: Self.event, token: web)
                #expect(revoked.status == 77)
                let gone = try await server.run("token", "revoke", "web", token: admin)
                #expect(gone.status == 1)
            }
        }
    }

    @Test("a scope that is none is a wrong call")
    func wrongScope() async throws {
        let none = try await CourantBinary.run("token", "create", "x", "--data", "/tmp/nowhere")
        #expect(none.status == 64)
        let wrong = try await CourantBinary.run("token", "create", "x", "--scope", "root", "--data", "/tmp/nowhere")
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("ingest, read and admin"))
    }
}
