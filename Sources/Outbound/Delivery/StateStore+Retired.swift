internal import GRDB
internal import Journal

extension StateStore {
    package func retired(besides ids: [String]) async throws(DeliveryError) -> [RetiredConnector] {
        try await read { database in
            let replays = try String.fetchAll(database, sql: "SELECT id FROM replays").map(Replay.stateID(of:))
            let others = Set(ids + replays)
            let rows = try Row.fetchAll(database, sql: "SELECT id, name, location FROM connectors ORDER BY name, id")
            return try rows.filter { !others.contains($0["id"]) }.map { row in
                let id: String = row["id"]
                let cursors = try Row.fetchAll(
                    database,
                    sql: "SELECT partition, scanned FROM cursors WHERE connector = ?",
                    arguments: [id]
                ).map { (PartitionID($0["partition"]), Offset($0["scanned"])) }
                return RetiredConnector(
                    id: id,
                    name: row["name"],
                    location: row["location"],
                    planned: try Self.totals(id, upTo: nil, in: database),
                    staged: try Int.fetchOne(
                        database,
                        sql: "SELECT COALESCE(SUM(staged), 0) FROM counts WHERE connector = ?",
                        arguments: [id]
                    ) ?? 0,
                    refused: try Int.fetchOne(
                        database,
                        sql: "SELECT COUNT(*) FROM refused WHERE connector = ?",
                        arguments: [id]
                    ) ?? 0,
                    scanned: Dictionary(uniqueKeysWithValues: cursors)
                )
            }
        }
    }

    package func remove(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals {
        try await write(owner: owner) { database in
            let totals = try Self.totals(connector, upTo: nil, in: database)
            for table in ["cursors", "cursor_next", "counts", "plans", "refused"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE connector = ?", arguments: [connector])
            }
            try database.execute(sql: "DELETE FROM connectors WHERE id = ?", arguments: [connector])
            return totals
        }
    }
}
