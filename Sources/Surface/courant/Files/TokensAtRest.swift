import Avro
import Foundation
import Platform
import Service

/// The tokens of a data folder that no server runs on, in the same shape as a server's answers.
struct TokensAtRest {
    private let tokens: OfflineTokens

    init(_ configuration: Configuration) {
        tokens = OfflineTokens(
            configuration,
            processID: ProcessInfo.processInfo.processIdentifier,
            platform: .live(blockingThreads: 1, computeThreads: 1)
        )
    }

    func create(name: String, source: String?, scopes: [String]) async throws -> JSONValue {
        let scopes = scopes.compactMap { AccessToken.Scope(rawValue: $0) }
        return try await ServiceFailure.translated(callsServers: true) {
            try await tokens.with { book in
                let made = try await book.create(name: name, source: source, scopes: scopes)
                return Self.view(made.token, text: made.text)
            }
        }
    }

    func list() async throws -> JSONValue {
        try await ServiceFailure.translated(callsServers: true) {
            try await tokens.with { book in .object(["tokens": .array(book.all.map { Self.view($0) })]) }
        }
    }

    func revoke(_ name: String) async throws {
        try await ServiceFailure.translated(callsServers: true) {
            try await tokens.with { book in try await book.revoke(name) }
        }
    }

    private static func view(_ token: AccessToken, text: String? = nil) -> JSONValue {
        let created = Date(timeIntervalSince1970: Double(token.created.seconds))
        var members: [JSONValue.Member] = [.init("name", .string(token.name))]
        if let source = token.source { members.append(.init("source", .string(source))) }
        members += [
            .init("scopes", .array(token.scopes.map { .string($0.rawValue) })),
            .init("created", .string(created.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))),
            .init("last_four", .string(token.lastFour)),
        ]
        if let text { members.append(.init("token", .string(text))) }
        return .object(members)
    }
}
