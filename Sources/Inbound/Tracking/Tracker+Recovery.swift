import Avro
import Intake
import Journal
import Platform
import Synchronization

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
        settling.withLock { $0.isDirty = true }
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

    private static func put(_ text: String, from tail: String, into book: inout DefinitionBook) throws {
        let stored = try StoredVersion(text, from: tail)
        if stored.json == .null {
            book.remove(stored.kind, id: stored.id, from: stored.from)
        } else {
            let definition: Definition
            do throws(DefinitionError) {
                definition = try Definition(stored.kind, id: stored.id, reading: stored.json)
            } catch {
                throw TrackingError(
                    .state,
                    "tracking's state has a \(stored.kind.rawValue) \"\(stored.id)\" that cannot be read: \(error). "
                        + "Another version put it; start that one, and mend or delete it there"
                )
            }
            book.put(definition, from: stored.from)
        }
    }
}
