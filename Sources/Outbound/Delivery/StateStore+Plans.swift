internal import GRDB
package import Journal
internal import Platform

extension StateStore {
    package func commit(_ commit: CursorCommit, owner: OwnerToken) async throws(DeliveryError) -> [PlanID] {
        try await write(owner: owner) { database in
            let plans = try commit.plans.map { try Self.insert($0, in: database) }
            try Self.setCursor(commit, in: database)
            for counts in commit.counts {
                try Self.set(counts, of: commit, in: database)
            }
            for record in commit.refused {
                try database.execute(
                    sql: """
                        INSERT INTO refused (connector, partition, offset, type, fingerprint, datum, reason)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        commit.connector, commit.partition.rawValue, record.offset.rawValue, record.type,
                        Int64(bitPattern: record.fingerprint), Blob(bytes: record.datum), record.reason,
                    ]
                )
            }
            return plans
        }
    }

    package func openPlans(
        connector: String,
        partition: PartitionID?,
        after: PlanID,
        limit: Int
    ) async throws(DeliveryError) -> [Plan] {
        try await read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM plans WHERE connector = ? AND id > ? AND (? IS NULL OR partition = ?)
                    ORDER BY id LIMIT ?
                    """,
                arguments: [connector, after.rawValue, partition?.rawValue, partition?.rawValue, limit]
            )
            return try rows.map { try Self.plan($0, in: database) }
        }
    }

    package func planned(connector: String, upTo: PlanID?) async throws(DeliveryError) -> PlannedTotals {
        try await read { try Self.totals(connector, upTo: upTo, in: $0) }
    }

    package func stagedNames(connector: String) async throws(DeliveryError) -> Set<String> {
        try await read { database in
            try String.fetchSet(
                database,
                sql: "SELECT staged FROM plan_objects JOIN plans ON plans.id = plan WHERE connector = ?",
                arguments: [connector]
            )
        }
    }

    package func replaceObjects(of plan: Plan, owner: OwnerToken) async throws(DeliveryError) {
        try await write(owner: owner) { database in
            try database.execute(sql: "DELETE FROM plan_objects WHERE plan = ?", arguments: [plan.id.rawValue])
            try Self.insertObjects(of: plan, id: plan.id.rawValue, in: database)
        }
    }

    package func close(_ plan: Plan, landed: Int, lost: Int, owner: OwnerToken) async throws(DeliveryError) {
        try await write(owner: owner) { database in
            try database.execute(sql: "DELETE FROM plans WHERE id = ?", arguments: [plan.id.rawValue])
            guard database.changesCount == 1 else { return }
            try database.execute(
                sql: """
                    UPDATE counts SET landed = landed + ?, lost = lost + ?
                    WHERE connector = ? AND partition = ? AND type = ?
                    """,
                arguments: [landed, lost, plan.connector, plan.partition.rawValue, plan.type]
            )
        }
    }

    package func forgetPlans(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals {
        try await write(owner: owner) { database in
            let totals = try Self.totals(connector, upTo: nil, in: database)
            try database.execute(
                sql: """
                    UPDATE counts SET lost = lost + (
                        SELECT COALESCE(SUM(count), 0) FROM plans WHERE plans.connector = counts.connector
                        AND plans.partition = counts.partition AND plans.type = counts.type)
                    WHERE connector = ?
                    """,
                arguments: [connector]
            )
            try database.execute(sql: "DELETE FROM plans WHERE connector = ?", arguments: [connector])
            return totals
        }
    }

    static func totals(_ connector: String, upTo: PlanID?, in database: Database) throws -> PlannedTotals {
        let upTo = upTo?.rawValue ?? Int64.max
        var totals = PlannedTotals()
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT COUNT(*) AS plans, COALESCE(SUM(count), 0) AS records, MAX(id) AS newest,
                    (SELECT COALESCE(SUM(size), 0) FROM plan_objects JOIN plans ON plans.id = plan
                        WHERE connector = ? AND plans.id <= ?) AS bytes
                FROM plans WHERE connector = ? AND id <= ?
                """,
            arguments: [connector, upTo, connector, upTo]
        )
        guard let row else { return totals }
        totals.plans = row["plans"]
        totals.records = row["records"]
        totals.bytes = row["bytes"]
        totals.newest = (row["newest"] as Int64?).map(PlanID.init(rawValue:))
        return totals
    }

    private static func setCursor(_ commit: CursorCommit, in database: Database) throws {
        let key: StatementArguments = [commit.connector, commit.partition.rawValue]
        try database.execute(
            sql: """
                INSERT INTO cursors (connector, partition, scanned, gap_offsets) VALUES (?, ?, ?, ?)
                ON CONFLICT (connector, partition)
                DO UPDATE SET scanned = excluded.scanned, gap_offsets = excluded.gap_offsets
                """,
            arguments: key + [commit.snapshot.scanned.rawValue, commit.gapOffsets]
        )
        try database.execute(sql: "DELETE FROM cursor_next WHERE connector = ? AND partition = ?", arguments: key)
        let insert = try database.cachedStatement(
            sql: "INSERT INTO cursor_next (connector, partition, type, next) VALUES (?, ?, ?, ?)"
        )
        for next in commit.snapshot.next {
            try insert.execute(arguments: key + [next.type, next.offset.rawValue])
        }
    }

    private static func set(_ counts: CursorCommit.Counts, of commit: CursorCommit, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO counts (connector, partition, type, carried, staged, landed, set_aside, lost)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (connector, partition, type) DO UPDATE SET
                    carried = excluded.carried, staged = excluded.staged, landed = landed + excluded.landed,
                    set_aside = set_aside + excluded.set_aside, lost = lost + excluded.lost
                """
        )
        try statement.execute(arguments: [
            commit.connector, commit.partition.rawValue, counts.type, counts.carried, counts.staged,
            counts.landedAdded, counts.setAsideAdded, counts.lostAdded,
        ])
    }

    static func insert(_ plan: Plan, in database: Database) throws -> PlanID {
        try database.execute(
            sql: """
                INSERT INTO plans (connector, location, partition, type, edition, first, last, hour, count, made)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                plan.connector, plan.location, plan.partition.rawValue, plan.type, plan.edition,
                plan.first.rawValue, plan.last.rawValue, plan.hour.number, plan.count, plan.made.nanoseconds,
            ]
        )
        let id = database.lastInsertedRowID
        try insertObjects(of: plan, id: id, in: database)
        return PlanID(rawValue: id)
    }

    private static func insertObjects(of plan: Plan, id: Int64, in database: Database) throws {
        for (ordinal, object) in plan.objects.enumerated() {
            try database.execute(
                sql: """
                    INSERT INTO plan_objects (plan, ordinal, key, size, crc32, count, staged)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, ordinal, object.key, object.size, Int64(object.checksum.crc32), object.count, object.staged,
                ]
            )
        }
    }

    private static func plan(_ row: Row, in database: Database) throws -> Plan {
        let id: Int64 = row["id"]
        let objects = try Row.fetchAll(
            database,
            sql: "SELECT * FROM plan_objects WHERE plan = ? ORDER BY ordinal",
            arguments: [id]
        ).map { object in
            PlanObject(
                key: object["key"],
                size: object["size"],
                checksum: ObjectChecksum(crc32: UInt32(object["crc32"] as Int64)),
                count: object["count"],
                staged: object["staged"]
            )
        }
        return Plan(
            id: PlanID(rawValue: id),
            connector: row["connector"],
            location: row["location"],
            partition: PartitionID(row["partition"]),
            type: row["type"],
            edition: row["edition"],
            first: Offset(row["first"]),
            last: Offset(row["last"]),
            hour: Hour(number: row["hour"]),
            count: row["count"],
            made: Timestamp(nanoseconds: row["made"]),
            objects: objects
        )
    }
}
