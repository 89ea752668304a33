import Avro
import Intake
import Journal
import Platform

extension Tracker {
    /// Brings the store up to the journal's end, and reads the definitions: to be called before `run`.
    ///
    /// What the journal holds behind `applied` was made durable and had not reached the store, or had reached it and
    /// was taken off its end by a power loss.
    package func recover() async throws {
        let known = try await store.journal()
        guard known == nil || known == "\(journal.id)" else {
            throw TrackingError(
                .otherJournal,
                "tracking's state belongs to journal \(known ?? ""), not to \(journal.id). Put the parts of one data "
                    + "folder together, or put an empty file in place of tracking.db and define campaigns again"
            )
        }
        if known == nil { try await store.adopt(journal.id) }
        let oldest = journal.oldest(of: Self.partition)
        try await applyAgain(from: max(try await store.applied() ?? oldest, oldest))
        try await settle()
        let rows = try await store.read { (view) throws(TrackingError) in try view.settledRows(.definitions) }
        var book = DefinitionBook()
        for row in rows.sorted(by: { (Int64($0.tail) ?? 0) < (Int64($1.tail) ?? 0) }) {
            try Self.put(row.value, from: row.tail, into: &book)
        }
        setBook(book)
    }

    private func applyAgain(from: Offset) async throws {
        let reader = journal.makeReader(Self.partition, from: from)
        let fingerprint = ChangeRecord.journalSchema.fingerprint
        while true {
            let read = try await reader.next(wanting: { $0.count(of: fingerprint) > 0 }, bytesMax: 4 << 20)
            switch read {
            case .end: return
            case .lost: continue
            case .frame(let frame):
                var changes: [StateChange] = []
                for record in frame.records where record.fingerprint == fingerprint && record.offset >= from {
                    guard let stored = ChangeRecord(datum: frame.payload.span.extracting(record.datum)),
                        let read = StateChanges(stored.changes)
                    else {
                        throw TrackingError(
                            .state,
                            "the change record at offset \(record.offset) is of a later version; start that one"
                        )
                    }
                    changes += read.changes
                }
                if !changes.isEmpty { try await store.apply(changes, applied: frame.nextOffset) }
            }
        }
    }

    /// Reads a stored version of a definition, `campaign c-1`, a line feed, and its JSON or nothing.
    private static func put(_ text: String, from tail: String, into book: inout DefinitionBook) throws {
        let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        let head = parts[0].split(separator: " ", maxSplits: 1)
        guard parts.count == 2, head.count == 2, let kind = Definition.Kind(rawValue: String(head[0])),
            let from = Int64(tail)
        else { throw TrackingError(.state, "a definition in tracking's state cannot be read") }
        let id = String(head[1])
        if parts[1].isEmpty {
            book.remove(kind, id: id, from: from)
        } else {
            book.put(try Definition(kind, id: id, reading: try JSONValue(parsing: String(parts[1]))), from: from)
        }
    }

    // MARK: - While it runs

    /// Lets go what has waited long enough, and drops the days that are over.
    func keepHouse() async throws(TrackingError) {
        do throws(TrackingError) {
            try await overtake()
        } catch {
            // What the journal does not take now waits on, like any report.
            guard error.code == .journal else { throw error }
        }
        try await dropDays()
        try await settleOffsets()
    }

    private func overtake() async throws(TrackingError) {
        let now = platform.clock.now().seconds
        let definitions = definitions
        let (made, changes) = try await store.read {
            (view) throws(TrackingError) -> ([MadeEvents], StateChanges) in
            let due = try view.settledRows(.overdue, headsUpTo: UInt64(max(0, now)), limit: Self.overdueMax)
            var made: [MadeEvents] = []
            for row in due {
                guard let (happening, dueTime, name) = Happening.reading(row.value),
                    let source = self.source(named: name)
                else {
                    view.remove(.overdue, row.head, row.tail)
                    continue
                }
                var turn = self.makeTurn(source, now, view.handOver(), definitions)
                try turn.overtake(happening, due: dueTime)
                made += try turn.takeConsequences()
                view = turn.view.handOver()
            }
            return (made, view.changes)
        }
        _ = try await makeDurable(made, changes)
    }

    private func dropDays() async throws(TrackingError) {
        let now = platform.clock.now().seconds
        for table in StateTable.allCases where table.isDaily {
            let kept = table == .seen ? settings.seen : settings.keep
            _ = try await store.drop(table, before: StateDay(seconds: now - kept.components.seconds))
        }
    }

    /// Moves on what retention waits for: everything durable now has been put into the store, since this task alone
    /// makes change records.
    private func settleOffsets() async throws(TrackingError) {
        guard journal.end(of: Self.partition) > neededFrom(Self.partition) else { return }
        try await settle()
    }

    private func settle() async throws(TrackingError) {
        let end = journal.end(of: Self.partition)
        try await store.apply([], applied: end)
        try await store.checkpoint()
        setSettled(end)
    }
}
