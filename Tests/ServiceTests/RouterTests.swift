import Glossary
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Platform
import Testing

@testable import Service

/// One test through the router alone and through a live server.
@Suite struct RouterTests {
    enum Way: String, CaseIterable, Sendable {
        case router
        case live

        var setup: TestingSetup { self == .router ? .router : .live }
    }

    @Test("a route answers the same through the router and over a socket", arguments: Way.allCases)
    func bothWays(_ way: Way) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withRoutes(of: settings(in: folder), way.setup) { _, board, client in
            try await client.execute(uri: "/healthz", method: .get) { #expect($0.status == .ok) }
            try await client.execute(uri: "/readyz", method: .get) { response in
                #expect(response.status == .serviceUnavailable)
                #expect(response.headers[.retryAfter] == "1")
                #expect(String(buffer: response.body).contains("\"starting\""))
            }
            // Intake is not told to begin yet: a fault of ours, never of the sender.
            let body = ByteBuffer(string: "[]")
            try await client.execute(uri: "/v1/events", method: .post, body: body) { response in
                #expect(response.status == .serviceUnavailable)
                #expect(response.headers[.retryAfter] != nil)
            }
            try await client.execute(uri: "/nothing", method: .get) { response in
                #expect(response.status == .notFound)
                #expect(response.headers[.contentType] == "application/json")
            }
            try await client.execute(uri: "/v1/tokens", method: .patch) { response in
                #expect(response.status == .methodNotAllowed)
                #expect(response.headers[.allow] == "GET, POST")
            }
            try await client.execute(uri: "/v1/glossary/users.messages.email.Click", method: .head) { response in
                #expect(response.status == .ok)
                #expect(response.body.readableBytes == 0)
            }
            board.become(.stopping)
            try await client.execute(uri: "/readyz", method: .get) { response in
                #expect(response.status == .serviceUnavailable)
                #expect(String(buffer: response.body).contains("\"stopping\""))
            }
        }
    }
}
