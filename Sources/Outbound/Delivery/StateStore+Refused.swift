internal import GRDB
package import Journal

extension StateStore {
    package func refused(
        connector: String,
        partition: PartitionID,
        from: Offset,
        limit: Int
    ) async throws(DeliveryError) -> [RefusedRecord] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT offset, type, fingerprint, datum, reason FROM refused
                    WHERE connector = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?
                    """,
                arguments: [connector, partition.rawValue, from.rawValue, limit]
            ).map { row in
                RefusedRecord(
                    offset: Offset(row["offset"]),
                    type: row["type"],
                    fingerprint: UInt64(bitPattern: row["fingerprint"] as Int64),
                    datum: (row["datum"] as Blob).bytes,
                    reason: row["reason"]
                )
            }
        }
    }

    package func planRefused(_ plan: Plan, owner: OwnerToken) async throws(DeliveryError) -> PlanID {
        try await write(owner: owner) { database in
            try Self.takeRefused(plan.connector, plan.partition, plan.first, plan.type, landed: 0, in: database)
            return try Self.insert(plan, in: database)
        }
    }

    package func settleRefused(
        connector: String,
        partition: PartitionID,
        offset: Offset,
        type: String,
        owner: OwnerToken
    ) async throws(DeliveryError) {
        try await write(owner: owner) { database in
            try Self.takeRefused(connector, partition, offset, type, landed: 1, in: database)
        }
    }

    private static func takeRefused(
        _ connector: String,
        _ partition: PartitionID,
        _ offset: Offset,
        _ type: String,
        landed: Int,
        in database: Database
    ) throws {
        try database.execute(
            sql: "DELETE FROM refused WHERE connector = ? AND partition = ? AND offset = ?",
            arguments: [connector, partition.rawValue, offset.rawValue]
        )
        guard database.changesCount == 1 else {
            throw DeliveryError(.connector, "record \(partition.rawValue)-\(offset.rawValue) is no longer set aside")
        }
        try database.execute(
            sql: """
                UPDATE counts SET set_aside = set_aside - 1, landed = landed + ?
                WHERE connector = ? AND partition = ? AND type = ?
                """,
            arguments: [landed, connector, partition.rawValue, type]
        )
    }
}
