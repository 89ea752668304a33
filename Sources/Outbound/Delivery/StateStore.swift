package import GRDB
package import Journal
package import Platform

/// State in one SQLite database, `state.db`: WAL, synchronous FULL.
///
/// The Service keeps its tokens in the same file and reaches them through `database`, `read` and `write`.
package final class StateStore: Sendable {
    package let platform: Platform
    package let path: String
    private let pool: DatabasePool

    /// The database itself.
    ///
    /// Its calls block: make them on `Platform.blocking`.
    package var database: any DatabaseWriter { pool }

    private init(pool: DatabasePool, path: String, platform: Platform) {
        self.pool = pool
        self.path = path
        self.platform = platform
    }

    /// Opens the database, making it on first use, and brings its tables to the present version.
    package static func open(_ path: String, platform: Platform) async throws(DeliveryError) -> StateStore {
        let pool = try await platform.onBlocking { () throws(DeliveryError) in
            try failing(path) {
                var configuration = Configuration()
                configuration.label = "state"
                configuration.prepareDatabase { database in
                    try database.execute(sql: "PRAGMA foreign_keys = ON")
                }
                let pool = try DatabasePool(path: path, configuration: configuration)
                // After the pool has been made: to make it GRDB sets NORMAL, under which the last commits do not
                // outlive a power loss.
                try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
                try StateSchema.migrator.migrate(pool)
                return pool
            }
        }
        return StateStore(pool: pool, path: path, platform: platform)
    }

    /// Takes the state over: from now on only commits with the token that this gives are let in.
    package func takeOver() async throws(DeliveryError) -> OwnerToken {
        let token = OwnerToken(rawValue: Hex.text(platform.random.bytes(count: 16)))
        try await write { database in
            try StateSchema.setMeta("owner", token.rawValue, in: database)
        }
        return token
    }

    /// The journal that this state belongs to; nil before `adopt`.
    package func journal() async throws(DeliveryError) -> String? {
        try await read { try StateSchema.meta("journal", in: $0) }
    }

    /// Binds fresh state to its journal, or checks that it is the one.
    package func adopt(_ journal: JournalID) async throws(DeliveryError) {
        let wanted = "\(journal)"
        let known = try await write { database -> String in
            if let known = try StateSchema.meta("journal", in: database) { return known }
            try StateSchema.setMeta("journal", wanted, in: database)
            return wanted
        }
        guard known == wanted else {
            throw DeliveryError(
                .otherJournal,
                "state \(path) belongs to journal \(known), not to \(wanted). Put the journal and the state of the "
                    + "same data folder together, or start with an empty data folder"
            )
        }
    }

    /// For each partition an offset past every one that state names: where a journal may go on counting.
    package func minimumNextOffsets() async throws(DeliveryError) -> [PartitionID: Offset] {
        let rows = try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT partition, MAX(past) AS past FROM (
                        SELECT partition, scanned AS past FROM cursors
                        UNION ALL SELECT partition, next FROM cursor_next
                        UNION ALL SELECT partition, last + 1 FROM plans
                        UNION ALL SELECT partition, offset + 1 FROM refused
                    ) GROUP BY partition
                    """
            ).map { (partition: $0["partition"] as Int, past: $0["past"] as Int64) }
        }
        var offsets: [PartitionID: Offset] = [:]
        for row in rows { offsets[PartitionID(row.partition)] = Offset(row.past) }
        return offsets
    }

    /// Reads a consistent view, beside any write.
    package func read<T: Sendable>(_ work: @Sendable (Database) throws -> T) async throws(DeliveryError) -> T {
        let pool = pool
        let path = path
        return try await platform.onBlocking { () throws(DeliveryError) in
            try Self.failing(path) { try pool.read(work) }
        }
    }

    /// One transaction, durable when this returns.
    package func write<T: Sendable>(_ work: @Sendable (Database) throws -> T) async throws(DeliveryError) -> T {
        let pool = pool
        let path = path
        return try await platform.onBlocking { () throws(DeliveryError) in
            try Self.failing(path) { try pool.write(work) }
        }
    }

    /// One transaction of the owner.
    func write<T: Sendable>(
        owner: OwnerToken,
        _ work: @Sendable (Database) throws -> T
    ) async throws(DeliveryError) -> T {
        try await write { database in
            guard try StateSchema.meta("owner", in: database) == owner.rawValue else {
                throw DeliveryError(.ownerLost, "another process has taken the state over; this one must end")
            }
            return try work(database)
        }
    }

    package func close() async throws(DeliveryError) {
        let pool = pool
        let path = path
        try await platform.onBlocking { () throws(DeliveryError) in
            try Self.failing(path) { try pool.close() }
        }
    }

    private static func failing<T>(_ path: String, _ work: () throws -> T) throws(DeliveryError) -> T {
        do {
            return try work()
        } catch let error as DeliveryError {
            throw error
        } catch {
            throw DeliveryError(.state, "state \(path): \(error)")
        }
    }
}
