import Foundation
import Intake
import Testing

@testable import Service

/// Who may ask for what: the table that the reference documents.
@Suite struct AccessTests {
    static let guarded: [(method: String, path: String, scope: String)] = [
        ("POST", "/v1/events", "ingest"), ("POST", "/v1/currents", "ingest"), ("GET", "/metrics", "read"),
        ("GET", "/v1/connectors", "read"), ("GET", "/v1/connectors/local", "read"), ("GET", "/v1/status", "read"),
        ("POST", "/v1/connectors/local/flush", "admin"), ("POST", "/v1/connectors/local/pause", "admin"),
        ("POST", "/v1/connectors/local/resume", "admin"), ("GET", "/v1/tokens", "admin"),
        ("POST", "/v1/tokens", "admin"),
        ("DELETE", "/v1/tokens/nobody", "admin"), ("GET", "/v1/tail?events=nothing", "read"),
    ]
    static let free = ["/healthz", "/readyz", "/v1/glossary", "/v1/glossary/users.messages.email.Click"]

    @Test("with tokens every guarded route answers 401 without one, 403 without the scope, else something of its own")
    func table() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            var tokens: [String: String] = [:]
            for scope in ["admin", "ingest", "read"] {
                let body = "{\"name\":\"\(scope)\",\"scopes\":[\"\(scope)\"]}"
                let made = try await ask("POST", "\(service.url)/v1/tokens", token: tokens["admin"], body: body)
                #expect(made.status == 201)
                tokens[scope] = try #require(made["token"] as? String)
            }
            for route in Self.guarded {
                let url = service.url + route.path
                let body = route.method == "POST" ? "[]" : nil
                let none = try await ask(route.method, url, body: body)
                #expect(none.status == 401, "\(route)")
                #expect(none.code == "token_missing")
                #expect(none.headers["www-authenticate"] == "Bearer")
                let wrong = try await ask(route.method, url, token: "courant_admin_0000", body: body)
                #expect(wrong.status == 401, "\(route)")
                #expect(wrong.code == "token_unknown")
                for (scope, token) in tokens {
                    let answer = try await ask(route.method, url, token: token, body: body)
                    let isAllowed = scope == route.scope || scope == "admin" && route.scope == "read"
                    #expect((answer.status == 403) == !isAllowed, "\(route) with \(scope): \(answer.status)")
                    if !isAllowed { #expect(answer.code == "scope_missing") }
                    #expect(answer.status != 401)
                }
            }
            for path in Self.free { #expect(try await ask("GET", service.url + path).status == 200) }
        }
    }

    @Test("without tokens a loopback service is open, but not to web pages of elsewhere")
    func open() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let one = try event("a")
        try await withService(settings(in: folder)) { service async throws in
            #expect(service.isOpen)
            let url = "\(service.url)/v1/events"
            #expect(try await ask("POST", url, body: one).status == 200)
            for origin in ["http://localhost:3000", "http://127.0.0.1", "http://app.localhost:8080", "https://[::1]:1"]
            {
                #expect(
                    try await ask("POST", url, headers: ["Origin: \(origin)"], body: one).status == 200,
                    "\(origin)"
                )
            }
            for origin in [
                "https://example.com", "null", "http://localhost.example.com", "http://127.0.0.1.example.com",
                "http://[::1]example.com", "http://[::1].example.com:1", "http://[::1]:x",
            ] {
                let answer = try await ask("POST", url, headers: ["Origin: \(origin)"], body: one)
                #expect(answer.status == 403, "\(origin)")
                #expect(answer.code == "foreign_origin")
            }
            let rebound = try await ask("GET", "\(service.url)/v1/connectors", headers: ["Host: evil.example.com"])
            #expect(rebound.status == 403)
        }
    }

    @Test("tokens are made, listed without their text, used for their source, and revoked")
    func life() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.sources.append(.init(name: "web")) }
        let one = try event("a")
        try await withService(configuration) { service async throws in
            let tokens = "\(service.url)/v1/tokens"
            let first = try await ask("POST", tokens, body: #"{"name":"web","source":"web","scopes":["ingest"]}"#)
            #expect(first.status == 409)
            #expect(first.code == "token_admin_needed")
            let admin = try await ask("POST", tokens, body: #"{"name":"ops","scopes":["admin"]}"#)
            #expect(admin.headers["cache-control"] == "no-store")
            let adminText = try #require(admin["token"] as? String)
            let web = try await ask(
                "POST",
                tokens,
                token: adminText,
                body: #"{"name":"web","source":"web","scopes":["ingest"]}"#
            )
            let webText = try #require(web["token"] as? String)
            #expect(webText.hasPrefix("courant_web_"))
            let list = try await ask("GET", tokens, token: adminText)
            #expect(!list.body.contains(webText))
            #expect(list["tokens", "1", "name"] as? String == "web")
            #expect(list["tokens", "1", "source"] as? String == "web")
            #expect(list["tokens", "1", "last_four"] as? String == String(webText.suffix(4)))
            #expect(list["tokens", "1", "token"] == nil)
            #expect(try await ask("POST", "\(service.url)/v1/events", token: webText, body: one).status == 200)
            let report = try await ask("GET", "\(service.url)/v1/connectors", token: adminText)
            #expect(report["sources", "1", "name"] as? String == "web")
            #expect(report["sources", "1", "accepted"] as? Int == 1)
            #expect(report["sources", "0", "accepted"] as? Int == 0)
            #expect(try await ask("DELETE", "\(tokens)/web", token: adminText).status == 204)
            #expect(try await ask("POST", "\(service.url)/v1/events", token: webText, body: one).status == 401)
            #expect(try await ask("DELETE", "\(tokens)/web", token: adminText).status == 404)
        }
        // Only hashes are stored.
        let state = try Data(contentsOf: URL(fileURLWithPath: folder.file("data/state.db")))
        #expect(state.range(of: Data("courant_ops_".utf8)) == nil)
    }

    @Test(
        "a request for a token that cannot be made says what is wrong",
        arguments: [
            (#"{"name":"A b","scopes":["admin"]}"#, 400, "token_name_invalid"),
            (#"{"name":"a","scopes":[]}"#, 400, "token_scopes_missing"),
            (#"{"name":"a","scopes":["root"]}"#, 400, "body_invalid"),
            (#"{"scopes":["admin"]}"#, 400, "body_invalid"),
            (#"{"name":"a","scopes":["admin","ingest"],"source":"x"}"#, 400, "token_source_unknown"),
            ("nonsense", 400, "body_invalid"), ("", 400, "body_invalid"),
        ]
    )
    func cannotBeMade(_ body: String, _ status: Int, _ code: String) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let answer = try await ask("POST", "\(service.url)/v1/tokens", body: body)
            #expect(answer.status == status)
            #expect(answer.code == code)
        }
    }
}
