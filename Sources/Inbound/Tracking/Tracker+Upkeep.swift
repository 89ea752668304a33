import Avro
import Intake
import Journal
import Platform
import Synchronization
import Telemetry

extension Tracker {
    /// Lets go what has waited long enough, and drops the days that are over.
    func keepHouse() async throws(TrackingError) {
        do throws(TrackingError) {
            // What there is more of waits for the reports that came meanwhile, not for the next tick.
            if try await overtake() { signal.fireTick() }
            try await forgetDefinitions()
        } catch {
            // What the journal does not take now waits on, like any report.
            guard error.code == .journal else { throw error }
        }
        try await dropDays()
    }

    /// Answers whether more may be due.
    private func overtake() async throws(TrackingError) -> Bool {
        let now = platform.clock.now().seconds
        let definitions = definitions
        let (made, changes, isMore) = try await store.read {
            (view) throws(TrackingError) -> ([MadeEvents], StateChanges, Bool) in
            var memory = TurnMemory()
            let events = try self.releaseOverdue(now, &view, definitions, &memory)
            let conversions = try self.decideRipe(now, &view, definitions, &memory)
            return (events.made + conversions.made, view.changes, events.isMore || conversions.isMore)
        }
        _ = try await makeDurable(made, changes)
        return isMore
    }

    private func releaseOverdue(
        _ now: Int64,
        _ view: inout StateView,
        _ definitions: DefinitionBook,
        _ memory: inout TurnMemory
    ) throws(TrackingError) -> (made: [MadeEvents], isMore: Bool) {
        let due = try view.settledRows(.overdue, headsUpTo: UInt64(max(0, now)), limit: Self.overdueMax)
        metrics.lag.set(due.first.map { Double(max(0, now.clampedSubtract(Int64(clamping: $0.head.high)))) } ?? 0)
        var made: [MadeEvents] = []
        for row in due {
            guard view.changes.bytes < changeBytesMax / 2 else { return (made, true) }
            guard let (happening, dueTime, name) = Happening.reading(row.value) else {
                metrics.orphaned.add()
                view.remove(.overdue, row.head, row.tail)
                continue
            }
            guard let source = self.source(named: name) else {
                made += orphan(happening, of: name)
                view.remove(.overdue, row.head, row.tail)
                for place in Turn.waitingPlaces(of: happening, ids) { view.remove(.parked, place, row.tail) }
                continue
            }
            var turn = makeTurn(source, now, view.handOver(), definitions, memory)
            memory = TurnMemory()
            try turn.overtake(happening, due: dueTime)
            made += turn.takeConsequences()
            (view, memory) = (turn.view.handOver(), turn.memory)
        }
        return (made, due.count == Self.overdueMax)
    }

    /// What waited for a source that is configured no more becomes a dead letter, counted under the first one there is.
    private func orphan(_ happening: Happening, of name: String) -> [MadeEvents] {
        metrics.orphaned.add()
        guard let heir = sourceNames.min() else { return [] }
        let raw = happening.event(happening.fields).text
        let message = "source \(name), under which the event waited, is configured no more"
        return [
            intake.setAside(Array(raw.utf8), for: heir, origin: name, code: "source_unknown", message: message)
        ]
    }

    private func decideRipe(
        _ now: Int64,
        _ view: inout StateView,
        _ definitions: DefinitionBook,
        _ memory: inout TurnMemory
    ) throws(TrackingError) -> (made: [MadeEvents], isMore: Bool) {
        let taken = now.clampedSubtract(settings.overtake.components.seconds)
        let ripe = try view.settledRows(.ripening, headsUpTo: UInt64(max(0, taken)), limit: Self.overdueMax)
        var made: [MadeEvents] = []
        for row in ripe {
            guard view.changes.bytes < changeBytesMax / 2 else { return (made, true) }
            guard let deed = WaitingDeed(text: row.value), let source = self.source(named: deed.source) else {
                metrics.orphaned.add()
                view.remove(.ripening, row.head, row.tail)
                if let deed = WaitingDeed(text: row.value) { view.remove(.deeds, deed.place(ids), deed.id) }
                continue
            }
            var turn = makeTurn(source, now, view.handOver(), definitions, memory)
            memory = TurnMemory()
            made += try turn.settle(deed) { self.source(named: $0) }
            (view, memory) = (turn.view.handOver(), turn.memory)
        }
        return (made, ripe.count == Self.overdueMax)
    }

    private func dropDays() async throws(TrackingError) {
        let now = platform.clock.now().seconds
        for table in StateTable.allCases where table.isDaily {
            let kept = table == .seen ? settings.seen : settings.keep
            let oldest = StateDay(seconds: now.clampedSubtract(kept.components.seconds))
            _ = try await store.drop(table, before: table == .providerMessages ? oldest.generation : oldest)
        }
    }

    /// Once a day drops the versions of definitions that nothing refers to any more.
    ///
    /// A context or receipt is kept for `keep` and at most a day longer, since its table goes as a whole.
    private func forgetDefinitions() async throws(TrackingError) {
        let now = platform.clock.now().seconds
        let today = StateDay(seconds: now)
        guard forgotten.withLock({ $0 != today }) else { return }
        var book = definitions
        book.forget(endedBefore: now.clampedSubtract(settings.keep.components.seconds).clampedSubtract(86_400))
        let kept = book
        let changes = try await store.read { (view) throws(TrackingError) -> StateChanges in
            for row in try view.settledRows(.definitions) {
                let version = try StoredVersion(row.value, from: row.tail)
                guard !kept.hasVersion(version.kind, id: version.id, from: version.from) else { continue }
                view.remove(.definitions, row.head, row.tail)
            }
            return view.changes
        }
        _ = try await makeDurable([], changes)
        setBook(kept)
        forgotten.withLock { $0 = today }
    }
}
