import Delivery
import Foundation
import GRDB
import Platform

/// Where tokens are kept from one start to the next.
package protocol TokenStore: Sendable {
    func tokens() async throws -> [AccessToken]

    /// Answers false, and changes nothing, if the name is taken.
    func insert(_ token: AccessToken) async throws -> Bool

    /// Answers false if there is no such token.
    func remove(named name: String) async throws -> Bool
}

/// The table `tokens` of `state.db`.
struct TokenTable: TokenStore {
    private let state: StateStore

    /// Makes the table if it is missing.
    init(_ state: StateStore) async throws {
        self.state = state
        try await state.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS tokens (
                      name TEXT PRIMARY KEY NOT NULL,
                      source TEXT,
                      scopes TEXT NOT NULL,
                      created INTEGER NOT NULL,
                      last_four TEXT NOT NULL,
                      hash BLOB NOT NULL UNIQUE
                    ) STRICT, WITHOUT ROWID
                    """
            )
        }
    }

    func tokens() async throws -> [AccessToken] {
        try await state.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM tokens ORDER BY name").map { row in
                let scopes: String = row["scopes"]
                let seconds: Int64 = row["created"]
                return AccessToken(
                    name: row["name"],
                    source: row["source"],
                    scopes: scopes.split(separator: " ").compactMap { AccessToken.Scope(rawValue: String($0)) },
                    created: Timestamp(nanoseconds: seconds * 1_000_000_000),
                    lastFour: row["last_four"],
                    hash: SecretBytes(Array(row["hash"] as Data))
                )
            }
        }
    }

    func insert(_ token: AccessToken) async throws -> Bool {
        try await state.write { database in
            try database.execute(
                sql: """
                    INSERT INTO tokens (name, source, scopes, created, last_four, hash) VALUES (?, ?, ?, ?, ?, ?)
                    ON CONFLICT (name) DO NOTHING
                    """,
                arguments: [
                    token.name, token.source, token.scopes.map(\.rawValue).joined(separator: " "),
                    token.created.seconds, token.lastFour, Data(token.hash.exposed),
                ]
            )
            return database.changesCount == 1
        }
    }

    func remove(named name: String) async throws -> Bool {
        try await state.write { database in
            try database.execute(sql: "DELETE FROM tokens WHERE name = ?", arguments: [name])
            return database.changesCount == 1
        }
    }
}
