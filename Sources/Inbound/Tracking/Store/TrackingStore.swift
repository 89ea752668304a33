internal import GRDB
package import Journal
package import Platform
internal import Synchronization

/// Tracking's state in one SQLite database, `tracking.db`: WAL, synchronous NORMAL.
///
/// It is a projection of the journal: every change stands in a change record of partition 0 first, and `applied` says
/// up to which offset the records' changes are in. What a power loss takes off its end is applied again.
package final class TrackingStore: Sendable {
    private let platform: Platform
    private let path: String
    private let pool: DatabasePool
    /// The days for which there are tables.
    private let days: Mutex<[StateTable: Set<UInt16>]>

    private init(pool: DatabasePool, path: String, platform: Platform, days: [StateTable: Set<UInt16>]) {
        self.pool = pool
        self.path = path
        self.platform = platform
        self.days = Mutex(days)
    }

    /// Opens the database, making it on first use.
    package static func open(_ path: String, platform: Platform) async throws(TrackingError) -> TrackingStore {
        let (pool, days) = try await platform.onBlocking { () throws(TrackingError) in
            try failing(path) {
                var configuration = Configuration()
                configuration.label = "tracking"
                configuration.prepareDatabase { database in
                    try database.execute(sql: "PRAGMA synchronous = NORMAL")
                    // 64 MiB of pages, so that what is looked up often is looked up in memory.
                    try database.execute(sql: "PRAGMA cache_size = -65536")
                }
                let pool = try DatabasePool(path: path, configuration: configuration)
                let days = try pool.write { database in
                    try makeTables(database)
                    return try existingDays(database)
                }
                return (pool, days)
            }
        }
        return TrackingStore(pool: pool, path: path, platform: platform, days: days)
    }

    package func close() async throws(TrackingError) {
        try await blocking { pool in try pool.close() }
    }

    // MARK: - Reading

    /// Reads the state as the last `apply` left it; the view keeps what is changed meanwhile.
    package func read<T: Sendable>(
        _ work: @Sendable (inout StateView) throws(TrackingError) -> T
    ) async throws(TrackingError) -> T {
        let days = days.withLock { $0 }
        return try await blocking { pool in
            try pool.read { database in
                var view = StateView(database, days: days)
                return try work(&view)
            }
        }
    }

    /// The offset behind the last record whose changes are in; nil for fresh state.
    package func applied() async throws(TrackingError) -> Offset? {
        try await meta("applied").flatMap(Int64.init).map(Offset.init)
    }

    /// The journal that this state is of; nil for fresh state.
    package func journal() async throws(TrackingError) -> String? { try await meta("journal") }

    package func adopt(_ journal: JournalID) async throws(TrackingError) {
        try await blocking { pool in try pool.write { try Self.setMeta("journal", "\(journal)", in: $0) } }
    }

    private func meta(_ key: String) async throws(TrackingError) -> String? {
        try await blocking { pool in
            try pool.read { try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key]) }
        }
    }

    private static func setMeta(_ key: String, _ value: String, in database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
            .execute(arguments: [key, value])
    }

    // MARK: - Writing

    /// Puts changes that stand in the journal into the tables, and says up to where they reach; one transaction.
    package func apply(_ changes: [StateChange], applied: Offset) async throws(TrackingError) {
        let known = days.withLock { $0 }
        var wanted = known
        for change in changes where change.table.isDaily { wanted[change.table, default: []].insert(change.day) }
        let new = wanted.mapValues { $0 }.filter { known[$0.key] != $0.value }
        try await blocking { pool in
            try pool.write { database in
                for (table, days) in new {
                    for day in days.subtracting(known[table] ?? []).sorted() {
                        try database.execute(sql: Self.tableSQL(table.sqlName(day: day)))
                    }
                }
                for change in changes { try Self.apply(change, to: database) }
                try Self.setMeta("applied", "\(applied)", in: database)
            }
        }
        if !new.isEmpty { days.withLock { $0 = wanted } }
    }

    /// Drops the tables of days before that one; answers how many.
    package func drop(_ table: StateTable, before day: StateDay) async throws(TrackingError) -> Int {
        let gone = days.withLock { ($0[table] ?? []).filter { $0 < day.rawValue } }.sorted()
        guard !gone.isEmpty else { return 0 }
        // Out of sight first: a reader must not look for a table that is gone.
        days.withLock { $0[table]?.subtract(gone) }
        try await blocking { pool in
            try pool.write { database in
                for day in gone { try database.execute(sql: "DROP TABLE IF EXISTS \(table.sqlName(day: day))") }
            }
        }
        return gone.count
    }

    /// Brings everything written so far to the disk, past any power loss.
    package func checkpoint() async throws(TrackingError) {
        try await blocking { pool in try pool.writeWithoutTransaction { _ = try $0.checkpoint(.full) } }
    }

    // MARK: -

    private static func apply(_ change: StateChange, to database: Database) throws {
        let table = change.table.sqlName(day: change.day)
        let (high, low) = (Int64(bitPattern: change.head.high), Int64(bitPattern: change.head.low))
        if let value = change.value {
            try database.cachedStatement(
                sql: "INSERT OR REPLACE INTO \(table) (high, low, tail, value) VALUES (?, ?, ?, ?)"
            ).execute(arguments: [high, low, change.tail, value])
        } else {
            try database.cachedStatement(
                sql: "DELETE FROM \(table) WHERE high = ? AND low = ? AND tail = ?"
            ).execute(arguments: [high, low, change.tail])
        }
    }

    private static func makeTables(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)
                    STRICT, WITHOUT ROWID;
                """
        )
        for table in StateTable.allCases where !table.isDaily {
            try database.execute(sql: tableSQL(table.sqlName))
        }
    }

    private static func tableSQL(_ name: String) -> String {
        """
        CREATE TABLE IF NOT EXISTS \(name) (
            high INTEGER NOT NULL, low INTEGER NOT NULL, tail TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (high, low, tail)
        ) STRICT, WITHOUT ROWID
        """
    }

    private static func existingDays(_ database: Database) throws -> [StateTable: Set<UInt16>] {
        var days: [StateTable: Set<UInt16>] = [:]
        for name in try String.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'") {
            for table in StateTable.allCases where table.isDaily && name.hasPrefix(table.sqlName + "_") {
                if let day = UInt16(name.dropFirst(table.sqlName.count + 1)) { days[table, default: []].insert(day) }
            }
        }
        return days
    }

    private func blocking<T: Sendable>(
        _ work: @Sendable (DatabasePool) throws -> T
    ) async throws(TrackingError) -> T {
        let (pool, path) = (pool, path)
        return try await platform.onBlocking { () throws(TrackingError) in
            try Self.failing(path) { try work(pool) }
        }
    }

    private static func failing<T>(_ path: String, _ work: () throws -> T) throws(TrackingError) -> T {
        do {
            return try work()
        } catch let error as TrackingError {
            throw error
        } catch {
            throw TrackingError(.state, "tracking's state \(path): \(error)")
        }
    }
}
