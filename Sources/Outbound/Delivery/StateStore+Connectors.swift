internal import GRDB
package import Journal

extension StateStore: DeliveryState {
    package func register(_ connector: ConnectorRow, owner: OwnerToken) async throws(DeliveryError) -> ConnectorRow {
        try await write(owner: owner) { database in
            let known = try Row.fetchOne(
                database,
                sql: "SELECT location, paused FROM connectors WHERE id = ?",
                arguments: [connector.id]
            )
            var row = connector
            if let known {
                row.isPaused = known["paused"]
                let location: String = known["location"]
                let open = try Int.fetchOne(
                    database,
                    sql: "SELECT COUNT(*) FROM plans WHERE connector = ? AND location <> ?",
                    arguments: [connector.id, connector.location]
                )
                if let open, open > 0 {
                    throw DeliveryError(
                        .plansOpen,
                        "connector \(connector.name) now writes to \(connector.location), but \(open) finished files "
                            + "have not landed in \(location). Set the old location again until they have, or forget "
                            + "them there with `courant connector forget \(connector.name)`; their records then count "
                            + "as lost"
                    )
                }
            }
            try database.execute(
                sql: """
                    INSERT INTO connectors (id, name, location, paused) VALUES (?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name, location = excluded.location
                    """,
                arguments: [row.id, row.name, row.location, row.isPaused]
            )
            return row
        }
    }

    package func setPaused(_ paused: Bool, connector: String, owner: OwnerToken) async throws(DeliveryError) {
        try await write(owner: owner) { database in
            try database.execute(
                sql: "UPDATE connectors SET paused = ? WHERE id = ?",
                arguments: [paused, connector]
            )
        }
    }

    package func cursor(connector: String, partition: PartitionID) async throws(DeliveryError) -> StoredCursor? {
        try await read { database in
            let key: StatementArguments = [connector, partition.rawValue]
            guard
                let cursor = try Row.fetchOne(
                    database,
                    sql: "SELECT scanned, gap_offsets FROM cursors WHERE connector = ? AND partition = ?",
                    arguments: key
                )
            else { return nil }
            let next = try Row.fetchAll(
                database,
                sql: "SELECT type, next FROM cursor_next WHERE connector = ? AND partition = ? ORDER BY type",
                arguments: key
            )
            return StoredCursor(
                snapshot: CursorSnapshot(
                    scanned: Offset(cursor["scanned"]),
                    next: next.map { TypeOffset(type: $0["type"], offset: Offset($0["next"])) }
                ),
                gapOffsets: cursor["gap_offsets"],
                counts: try Self.counts(connector, partition, in: database)
            )
        }
    }

    package func neededFrom(connector: String, partition: PartitionID) async throws(DeliveryError) -> Offset? {
        try await read { database in
            let key: StatementArguments = ["connector": connector, "partition": partition.rawValue]
            let needed = try Int64.fetchOne(
                database,
                sql: """
                    SELECT MIN(needed) FROM (
                        SELECT scanned AS needed FROM cursors WHERE connector = :connector AND partition = :partition
                        UNION ALL SELECT next FROM cursor_next WHERE connector = :connector AND partition = :partition
                        UNION ALL SELECT first FROM plans WHERE connector = :connector AND partition = :partition)
                    """,
                arguments: key
            )
            return needed.map(Offset.init(_:))
        }
    }

    package func refusedOffsets(
        connector: String,
        partition: PartitionID,
        type: String,
        in range: ClosedRange<Offset>
    ) async throws(DeliveryError) -> [Offset] {
        try await read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT offset FROM refused
                    WHERE connector = ? AND partition = ? AND type = ? AND offset BETWEEN ? AND ? ORDER BY offset
                    """,
                arguments: [connector, partition.rawValue, type, range.lowerBound.rawValue, range.upperBound.rawValue]
            ).map(Offset.init(_:))
        }
    }

    private static func counts(
        _ connector: String,
        _ partition: PartitionID,
        in database: Database
    ) throws -> [NamedCounts] {
        var named = try Row.fetchAll(
            database,
            sql: "SELECT * FROM counts WHERE connector = ? AND partition = ? ORDER BY type",
            arguments: [connector, partition.rawValue]
        ).map { row in
            var counts = TypeCounts()
            counts.carried = row["carried"]
            counts.staged = row["staged"]
            counts.landed = row["landed"]
            counts.setAside = row["set_aside"]
            counts.lost = row["lost"]
            return NamedCounts(type: row["type"], counts: counts)
        }
        let planned = try Row.fetchAll(
            database,
            sql: "SELECT type, SUM(count) AS planned FROM plans WHERE connector = ? AND partition = ? GROUP BY type",
            arguments: [connector, partition.rawValue]
        )
        for row in planned {
            let type: String = row["type"]
            guard let index = named.firstIndex(where: { $0.type == type }) else { continue }
            named[index].counts.planned = row["planned"]
        }
        return named
    }
}
