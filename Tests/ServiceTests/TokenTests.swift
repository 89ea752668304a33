import Platform
import Synchronization
import Testing

@testable import Service

/// Tokens that live as long as the object.
final class MemoryTokens: TokenStore {
    private let stored = Mutex<[AccessToken]>([])

    func tokens() async throws -> [AccessToken] {
        stored.withLock { $0 }
    }

    func insert(_ token: AccessToken) async throws -> Bool {
        stored.withLock { stored in
            guard !stored.contains(where: { $0.name == token.name }) else { return false }
            stored.append(token)
            return true
        }
    }

    func remove(named name: String) async throws -> Bool {
        stored.withLock { stored in
            let count = stored.count
            stored.removeAll { $0.name == name }
            return stored.count < count
        }
    }
}

@Suite struct TokenTests {
    static func book(_ store: any TokenStore = MemoryTokens(), sources: [String] = ["default", "web"]) -> TokenBook {
        TokenBook(store: store, sources: sources, platform: .live(blockingThreads: 1, computeThreads: 1))
    }

    static func code(_ work: () async throws -> Void) async -> TokenError.Code? {
        do {
            try await work()
            return nil
        } catch {
            return (error as? TokenError)?.code
        }
    }

    @Test("a token is known by its text, which nothing keeps")
    func made() async throws {
        let store = MemoryTokens()
        let book = Self.book(store)
        let (token, text) = try await book.create(name: "ops", source: nil, scopes: [.admin])
        #expect(text.hasPrefix("courant_ops_"))
        #expect(text.utf8.count == "courant_ops_".utf8.count + 64)
        #expect(token.lastFour == String(text.suffix(4)))
        #expect(token.hash == AccessToken.hash(of: text))
        #expect(book.token(presented: text) == token)
        #expect(book.token(presented: text.dropLast()) == nil)
        #expect(book.token(presented: text + "0") == nil)
        #expect(book.token(presented: "") == nil)
        #expect(try await store.tokens() == [token])
    }

    @Test("two tokens never have one text")
    func distinct() async throws {
        let book = Self.book()
        let first = try await book.create(name: "a", source: nil, scopes: [.admin]).text.suffix(64)
        let second = try await book.create(name: "b", source: nil, scopes: [.admin]).text.suffix(64)
        #expect(first != second)
    }

    @Test("a revoked token opens nothing, here and after the next start")
    func revoked() async throws {
        let store = MemoryTokens()
        let book = Self.book(store)
        let admin = try await book.create(name: "ops", source: nil, scopes: [.admin]).text
        let web = try await book.create(name: "web", source: "web", scopes: [.ingest]).text
        try await book.revoke("web")
        #expect(book.token(presented: web) == nil)
        #expect(book.token(presented: admin) != nil)
        let next = Self.book(store)
        try await next.load()
        #expect(next.token(presented: web) == nil)
        #expect(next.token(presented: admin)?.name == "ops")
    }

    @Test("admin includes read, and nothing else includes anything")
    func scopes() async throws {
        func token(_ scopes: [AccessToken.Scope]) -> AccessToken {
            AccessToken(
                name: "t",
                source: nil,
                scopes: scopes,
                created: Timestamp(seconds: 0),
                lastFour: "",
                hash: SecretBytes([])
            )
        }
        #expect(token([.admin]).allows(.read))
        #expect(!token([.admin]).allows(.ingest))
        #expect(!token([.read]).allows(.admin))
        #expect(!token([.ingest]).allows(.read))
    }

    @Test("what cannot be made or revoked says why")
    func refused() async throws {
        let book = Self.book()
        #expect(
            await Self.code { _ = try await book.create(name: "web", source: nil, scopes: [.ingest]) } == .adminNeeded
        )
        _ = try await book.create(name: "ops", source: nil, scopes: [.admin])
        #expect(await Self.code { _ = try await book.create(name: "ops", source: nil, scopes: [.read]) } == .nameTaken)
        #expect(
            await Self.code { _ = try await book.create(name: "O ps", source: nil, scopes: [.read]) } == .nameInvalid
        )
        #expect(await Self.code { _ = try await book.create(name: "x", source: nil, scopes: []) } == .scopesMissing)
        #expect(
            await Self.code { _ = try await book.create(name: "x", source: "nowhere", scopes: [.ingest]) }
                == .sourceUnknown
        )
        #expect(await Self.code { try await book.revoke("x") } == .notFound)
    }

    @Test("the last token with the scope admin stays while others need it")
    func lastAdmin() async throws {
        let book = Self.book()
        _ = try await book.create(name: "ops", source: nil, scopes: [.admin])
        _ = try await book.create(name: "web", source: nil, scopes: [.ingest])
        #expect(await Self.code { try await book.revoke("ops") } == .adminNeeded)
        try await book.revoke("web")
        try await book.revoke("ops")
        #expect(book.isEmpty)
    }

    @Test("a token that may send names a source, default if none is said; others name none")
    func source() async throws {
        let book = Self.book()
        #expect(try await book.create(name: "ops", source: "web", scopes: [.admin]).token.source == nil)
        #expect(try await book.create(name: "a", source: nil, scopes: [.ingest]).token.source == "default")
        #expect(try await book.create(name: "b", source: "web", scopes: [.ingest, .read]).token.source == "web")
    }
}
