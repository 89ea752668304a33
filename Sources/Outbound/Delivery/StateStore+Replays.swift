internal import GRDB
internal import Journal
internal import Platform

extension StateStore {
    package func replays() async throws(DeliveryError) -> [Replay] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM replays ORDER BY asked, id").map(Self.replay)
        }
    }

    package func save(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError) {
        try await write(owner: owner) { try Self.put(replay, in: $0) }
    }

    package func end(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError) {
        let connector = replay.stateID
        try await write(owner: owner) { database in
            try Self.put(replay, in: database)
            // What was refused on the way stands among the live connector's own: nobody could reach it here.
            for table in ["cursors", "cursor_next", "counts", "plans", "refused"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE connector = ?", arguments: [connector])
            }
            try database.execute(sql: "DELETE FROM connectors WHERE id = ?", arguments: [connector])
        }
    }

    private static func put(_ replay: Replay, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                replay.id, replay.connector, replay.from.nanoseconds, replay.to.nanoseconds,
                replay.events.joined(separator: "\n"), replay.asked.nanoseconds, replay.state.rawValue,
                replay.bounds.map { "\($0.lowerBound.rawValue)-\($0.upperBound.rawValue)" }.joined(separator: " "),
                replay.counts.carried, replay.counts.landed, replay.counts.setAside, replay.counts.lost,
                replay.ended?.nanoseconds,
            ]
        )
    }

    private static func replay(_ row: Row) throws -> Replay {
        let (events, bounds, state): (String, String, String) = (row["events"], row["bounds"], row["state"])
        let ended: Int64? = row["ended"]
        var replay = Replay(
            id: row["id"],
            connector: row["connector"],
            from: Timestamp(nanoseconds: row["from_time"]),
            to: Timestamp(nanoseconds: row["to_time"]),
            events: events.split(separator: "\n").map(String.init),
            asked: Timestamp(nanoseconds: row["asked"]),
            state: Replay.State(rawValue: state) ?? .cancelled,
            bounds: bounds.split(separator: " ").compactMap { text in
                let parts = text.split(separator: "-").compactMap { Int64($0) }
                return parts.count == 2 ? Offset(parts[0])..<Offset(parts[1]) : nil
            },
            ended: ended.map(Timestamp.init(nanoseconds:))
        )
        replay.counts.carried = row["carried"]
        replay.counts.landed = row["landed"]
        replay.counts.setAside = row["set_aside"]
        replay.counts.lost = row["lost"]
        return replay
    }
}
