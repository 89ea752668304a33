internal import GRDB

/// The tables of `state.db`.
///
///     meta          key, value                            journal, owner
///     connectors    id | name, location, paused
///     cursors       connector, partition | scanned, gap_offsets
///     cursor_next   connector, partition, type | next     only types with staged records
///     counts        connector, partition, type | carried, staged, landed, set_aside, lost
///     plans         id | connector, location, partition, type, edition, first, last, hour, count, made
///     plan_objects  plan, ordinal | key, size, crc32, count, staged
///     refused       connector, partition, offset | type, fingerprint, datum, reason
///     replays       id | connector, from_time, to_time, events, asked, state, bounds, counts, ended
///
/// The Service adds its table of tokens.
///
/// What is planned is not kept as a number: it is the sum over open plans. A plan that has landed is deleted in the
/// transaction that adds its count to `landed`.
enum StateSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(sql: version1)
        }
        migrator.registerMigration("2") { database in
            try database.execute(sql: version2)
        }
        return migrator
    }

    static func meta(_ key: String, in database: Database) throws -> String? {
        try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key])
    }

    static func setMeta(_ key: String, _ value: String, in database: Database) throws {
        try database.execute(
            sql: "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            arguments: [key, value]
        )
    }

    private static let version2 = """
        CREATE TABLE replays (
            id TEXT NOT NULL PRIMARY KEY, connector TEXT NOT NULL, from_time INTEGER NOT NULL,
            to_time INTEGER NOT NULL, events TEXT NOT NULL, asked INTEGER NOT NULL, state TEXT NOT NULL,
            bounds TEXT NOT NULL, carried INTEGER NOT NULL, landed INTEGER NOT NULL, set_aside INTEGER NOT NULL,
            lost INTEGER NOT NULL, ended INTEGER
        ) STRICT, WITHOUT ROWID;
        """

    private static let version1 = """
        CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE connectors (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, location TEXT NOT NULL,
            paused INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE cursors (
            connector TEXT NOT NULL, partition INTEGER NOT NULL,
            scanned INTEGER NOT NULL, gap_offsets INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (connector, partition)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE cursor_next (
            connector TEXT NOT NULL, partition INTEGER NOT NULL, type TEXT NOT NULL, next INTEGER NOT NULL,
            PRIMARY KEY (connector, partition, type)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE counts (
            connector TEXT NOT NULL, partition INTEGER NOT NULL, type TEXT NOT NULL,
            carried INTEGER NOT NULL DEFAULT 0, staged INTEGER NOT NULL DEFAULT 0,
            landed INTEGER NOT NULL DEFAULT 0, set_aside INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (connector, partition, type)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE plans (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            connector TEXT NOT NULL, location TEXT NOT NULL, partition INTEGER NOT NULL,
            type TEXT NOT NULL, edition TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
            hour INTEGER NOT NULL, count INTEGER NOT NULL, made INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX plans_of_type ON plans (connector, partition, type, first);
        CREATE TABLE plan_objects (
            plan INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            key TEXT NOT NULL, size INTEGER NOT NULL, crc32 INTEGER NOT NULL, count INTEGER NOT NULL,
            staged TEXT NOT NULL,
            PRIMARY KEY (plan, ordinal)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE refused (
            connector TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, type TEXT NOT NULL,
            fingerprint INTEGER NOT NULL, datum BLOB NOT NULL, reason TEXT NOT NULL,
            PRIMARY KEY (connector, partition, offset)
        ) STRICT;
        """
}
