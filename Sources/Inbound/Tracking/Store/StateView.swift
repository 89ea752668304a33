internal import GRDB

/// The state as it stands while reports are handled: what the tables hold, and over it what has been changed since.
///
/// Lives inside one read of the store.
package struct StateView {
    private struct Place: Hashable {
        let table: StateTable
        let day: UInt16
        let head: RowHead
    }

    private let database: Database
    private let days: [StateTable: Set<UInt16>]
    private let questions = Questions()
    /// Changed rows by place and tail; nil where a row was removed.
    private var changed: [Place: [String: String?]] = [:]
    private var changedDays: [StateTable: Set<UInt16>] = [:]
    /// What stood over each changed row before, so that a report that fails can be taken back.
    private var before: [(place: Place, tail: String, value: String??)] = []
    package private(set) var changes = StateChanges()

    init(_ database: Database, days: [StateTable: Set<UInt16>]) {
        self.database = database
        self.days = days
    }

    // MARK: - Reading

    package func value(
        _ table: StateTable,
        day: StateDay? = nil,
        _ head: RowHead,
        _ tail: String = ""
    ) throws(TrackingError) -> String? {
        let day = day?.rawValue ?? 0
        if let change = changed[Place(table: table, day: day, head: head)]?[tail] { return change }
        guard has(table, day) else { return nil }
        return try failing {
            try String.fetchOne(
                database.cachedStatement(
                    sql: """
                        SELECT value FROM \(table.sqlName(day: day)) WHERE high = ? AND low = ? AND tail = ?
                        """
                ),
                arguments: [Int64(bitPattern: head.high), Int64(bitPattern: head.low), tail]
            )
        }
    }

    /// The rows of a head in the order of their tails' bytes; with a limit, so many of them at least, if there are.
    package func rows(
        _ table: StateTable,
        day: StateDay? = nil,
        _ head: RowHead,
        limit: Int? = nil
    ) throws(TrackingError) -> [(tail: String, value: String)] {
        let day = day?.rawValue ?? 0
        let changes = changed[Place(table: table, day: day, head: head)] ?? [:]
        var found: [String: String] = [:]
        if has(table, day) {
            let rows = try failing {
                try Row.fetchAll(
                    database.cachedStatement(
                        sql: "SELECT tail, value FROM \(table.sqlName(day: day)) WHERE high = ? AND low = ? LIMIT ?"
                    ),
                    arguments: [
                        Int64(bitPattern: head.high), Int64(bitPattern: head.low),
                        limit.map { $0 + changes.count } ?? -1,
                    ]
                )
            }
            for row in rows { found[row["tail"]] = row["value"] }
        }
        for (tail, value) in changes { found[tail] = value }
        return found.sorted { Self.precedes($0.key, $1.key) }.map { ($0.key, $0.value) }
    }

    /// The first row of a head whose tail does not come before `start`, in a table that is not daily.
    package func first(
        _ table: StateTable,
        _ head: RowHead,
        from start: String = ""
    ) throws(TrackingError) -> (tail: String, value: String)? {
        let changes = changed[Place(table: table, day: 0, head: head)] ?? [:]
        var first = try failing { () -> (tail: String, value: String)? in
            let rows = try Row.fetchCursor(
                database.cachedStatement(
                    sql: """
                        SELECT tail, value FROM \(table.sqlName) WHERE high = ? AND low = ? AND tail >= ? ORDER BY tail
                        """
                ),
                arguments: [Int64(bitPattern: head.high), Int64(bitPattern: head.low), start]
            )
            while let row = try rows.next() {
                let tail: String = row["tail"]
                if changes.index(forKey: tail) == nil { return (tail, row["value"]) }
            }
            return nil
        }
        for (tail, value) in changes {
            guard let value, !Self.precedes(tail, start), first.map({ Self.precedes(tail, $0.tail) }) ?? true else {
                continue
            }
            first = (tail, value)
        }
        return first
    }

    /// The tails of a head's rows in the order of their bytes, for who need not read the values.
    package func tails(_ table: StateTable, day: StateDay, _ head: RowHead) throws(TrackingError) -> [String] {
        var found: Set<String> = []
        if has(table, day.rawValue) {
            let tails = try failing {
                try String.fetchAll(
                    database.cachedStatement(
                        sql: "SELECT tail FROM \(table.sqlName(day: day.rawValue)) WHERE high = ? AND low = ?"
                    ),
                    arguments: [Int64(bitPattern: head.high), Int64(bitPattern: head.low)]
                )
            }
            found = Set(tails)
        }
        for (tail, value) in changed[Place(table: table, day: day.rawValue, head: head)] ?? [:] {
            if value == nil { found.remove(tail) } else { found.insert(tail) }
        }
        return found.sorted(by: Self.precedes)
    }

    /// The last row of a head whose tail comes before `end`, in a table from which no single row is removed.
    package func last(
        _ table: StateTable,
        day: StateDay,
        _ head: RowHead,
        before end: String
    ) throws(TrackingError) -> (tail: String, value: String)? {
        var last: (tail: String, value: String)?
        if has(table, day.rawValue) {
            let row = try failing {
                try Row.fetchOne(
                    database.cachedStatement(
                        sql: """
                            SELECT tail, value FROM \(table.sqlName(day: day.rawValue))
                            WHERE high = ? AND low = ? AND tail < ? ORDER BY tail DESC LIMIT 1
                            """
                    ),
                    arguments: [Int64(bitPattern: head.high), Int64(bitPattern: head.low), end]
                )
            }
            if let row { last = (row["tail"], row["value"]) }
        }
        for (tail, value) in changed[Place(table: table, day: day.rawValue, head: head)] ?? [:] {
            guard let value, Self.precedes(tail, end), last.map({ Self.precedes($0.tail, tail) }) ?? true else {
                continue
            }
            last = (tail, value)
        }
        return last
    }

    /// In the order of the database, which is that of the bytes.
    private static func precedes(_ one: String, _ other: String) -> Bool {
        one.utf8.lexicographicallyPrecedes(other.utf8)
    }

    /// All rows of a table that is not daily, as the last turn left them.
    package func settledRows(
        _ table: StateTable,
        headsUpTo high: UInt64 = .max,
        limit: Int = .max
    ) throws(TrackingError) -> [(head: RowHead, tail: String, value: String)] {
        try failing {
            // Whole-table reads of hashed heads want every row, whatever its sign in SQLite.
            let isBounded = high != .max
            let rows = try Row.fetchAll(
                database.cachedStatement(
                    sql: """
                        SELECT high, low, tail, value FROM \(table.sqlName) \(isBounded ? "WHERE high <= ?" : "")
                        ORDER BY high, low, tail LIMIT ?
                        """
                ),
                arguments: isBounded ? [Int64(bitPattern: high), limit] : [limit]
            )
            return rows.map { row in
                (
                    RowHead(
                        high: UInt64(bitPattern: row["high"] as Int64),
                        low: UInt64(bitPattern: row["low"] as Int64)
                    ), row["tail"], row["value"]
                )
            }
        }
    }

    /// The days on which a daily table has rows of a head, newest first.
    ///
    /// All tables are asked at once: one after the other, those of a month take more than a tenth of a millisecond.
    package func days(of table: StateTable, holding head: RowHead) throws(TrackingError) -> [StateDay] {
        var found: Set<UInt16> = []
        for sql in questions.sql(.days, of: table, days[table] ?? []) {
            let days = try failing {
                try UInt16.fetchAll(
                    database.cachedStatement(sql: sql),
                    arguments: [Int64(bitPattern: head.high), Int64(bitPattern: head.low)]
                )
            }
            found.formUnion(days)
        }
        for day in changedDays[table] ?? [] where changed[Place(table: table, day: day, head: head)] != nil {
            found.insert(day)
        }
        return found.sorted(by: >).map(StateDay.init)
    }

    /// The rows of a head in a daily table, so many of each day at least, if there are.
    ///
    /// The newest day comes first; those of a day stand in the order of their tails' bytes. All tables are asked at
    /// once, as for `days`.
    package func firstRows(
        _ table: StateTable,
        _ head: RowHead,
        ofEachDay limit: Int
    ) throws(TrackingError) -> [(day: StateDay, rows: [(tail: String, value: String)])] {
        var found: [UInt16: [String: String]] = [:]
        var changes: [UInt16: [String: String?]] = [:]
        for day in changedDays[table] ?? [] { changes[day] = changed[Place(table: table, day: day, head: head)] }
        let limit = limit + (changes.values.map(\.count).max() ?? 0)
        for sql in questions.sql(.rows, of: table, days[table] ?? []) {
            let rows = try failing {
                try Row.fetchAll(
                    database.cachedStatement(sql: sql),
                    arguments: [Int64(bitPattern: head.high), Int64(bitPattern: head.low), limit]
                )
            }
            for row in rows { found[row[0] as UInt16, default: [:]][row[1]] = row[2] as String }
        }
        for (day, changes) in changes {
            for (tail, value) in changes { found[day, default: [:]][tail] = value }
        }
        return found.sorted { $0.key > $1.key }.map { day, rows in
            (StateDay(day), rows.sorted { Self.precedes($0.key, $1.key) }.map { ($0.key, $0.value) })
        }
    }

    /// The text of these questions, which is long and the same for a whole read.
    private final class Questions {
        enum Subject: Hashable {
            case days
            case rows

            func part(_ day: UInt16, _ name: String) -> String {
                switch self {
                case .days: "SELECT \(day) WHERE EXISTS (SELECT 1 FROM \(name) WHERE high = ?1 AND low = ?2)"
                case .rows:
                    "SELECT * FROM (SELECT \(day), tail, value FROM \(name) WHERE high = ?1 AND low = ?2 LIMIT ?3)"
                }
            }
        }

        private struct Key: Hashable {
            let subject: Subject
            let table: StateTable
        }

        /// SQLite takes 500 parts.
        private static let partsMax = 200
        private var known: [Key: [String]] = [:]

        func sql(_ subject: Subject, of table: StateTable, _ days: Set<UInt16>) -> [String] {
            let key = Key(subject: subject, table: table)
            if let known = known[key] { return known }
            let parts = days.sorted().map { subject.part($0, table.sqlName(day: $0)) }
            let sql = stride(from: 0, to: parts.count, by: Self.partsMax).map { start in
                parts[start..<min(parts.count, start + Self.partsMax)].joined(separator: " UNION ALL ")
            }
            known[key] = sql
            return sql
        }
    }

    /// The days that a daily table has rows of, newest first.
    package func days(of table: StateTable) -> [StateDay] {
        (days[table] ?? []).union(changedDays[table] ?? []).sorted(by: >).map(StateDay.init)
    }

    // MARK: - Changing

    package mutating func put(
        _ table: StateTable,
        day: StateDay? = nil,
        _ head: RowHead,
        _ tail: String = "",
        _ value: String
    ) {
        change(table, day, head, tail, value)
    }

    package mutating func remove(_ table: StateTable, day: StateDay? = nil, _ head: RowHead, _ tail: String = "") {
        change(table, day, head, tail, nil)
    }

    private mutating func change(
        _ table: StateTable,
        _ day: StateDay?,
        _ head: RowHead,
        _ tail: String,
        _ value: String?
    ) {
        let day = day?.rawValue ?? 0
        precondition(table.isDaily == (day != 0), "a daily table's row has a day, others have none")
        let place = Place(table: table, day: day, head: head)
        before.append((place, tail, changed[place]?[tail]))
        changed[place, default: [:]][tail] = .some(value)
        if table.isDaily { changedDays[table, default: []].insert(day) }
        changes.append(StateChange(table: table, day: day, head: head, tail: tail, value: value))
    }

    // MARK: - Taking back

    /// How many changes there have been.
    var mark: Int { before.count }

    /// Takes back the changes since a mark.
    mutating func takeBack(to mark: Int) {
        while before.count > mark {
            let (place, tail, value) = before.removeLast()
            if let value {
                changed[place]?[tail] = .some(value)
            } else {
                changed[place]?[tail] = nil
            }
        }
        changes.truncate(to: mark)
    }

    /// The view itself, and none of its changes left behind: two holders of them would copy them at each change.
    mutating func handOver() -> StateView {
        let whole = self
        (changed, changedDays, before, changes) = ([:], [:], [], StateChanges())
        return whole
    }

    private func has(_ table: StateTable, _ day: UInt16) -> Bool {
        !table.isDaily || days[table]?.contains(day) == true
    }

    private func failing<T>(_ work: () throws -> T) throws(TrackingError) -> T {
        do {
            return try work()
        } catch {
            throw TrackingError(.state, "tracking's state could not be read: \(error)")
        }
    }
}
