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
            let events = try self.releaseOverdue(now, &view, definitions)
            let conversions = try self.decideRipe(now, &view, definitions)
            let isMore = max(events.rows, conversions.rows) == Self.overdueMax
            return (events.made + conversions.made, view.changes, isMore)
        }
        _ = try await makeDurable(made, changes)
        return isMore
    }

    private func releaseOverdue(
        _ now: Int64,
        _ view: inout StateView,
        _ definitions: DefinitionBook
    ) throws(TrackingError) -> (made: [MadeEvents], rows: Int) {
        let due = try view.settledRows(.overdue, headsUpTo: UInt64(max(0, now)), limit: Self.overdueMax)
        var made: [MadeEvents] = []
        for row in due {
            guard let (happening, dueTime, name) = Happening.reading(row.value), let source = self.source(named: name)
            else {
                metrics.orphaned.add()
                view.remove(.overdue, row.head, row.tail)
                for place in Happening.reading(row.value).map({ Turn.waitingPlaces(of: $0.happening, ids) }) ?? [] {
                    view.remove(.parked, place, row.tail)
                }
                continue
            }
            var turn = makeTurn(source, now, view.handOver(), definitions)
            try turn.overtake(happening, due: dueTime)
            made += try turn.takeConsequences()
            view = turn.view.handOver()
        }
        return (made, due.count)
    }

    private func decideRipe(
        _ now: Int64,
        _ view: inout StateView,
        _ definitions: DefinitionBook
    ) throws(TrackingError) -> (made: [MadeEvents], rows: Int) {
        let taken = now - settings.overtake.components.seconds
        let ripe = try view.settledRows(.ripening, headsUpTo: UInt64(max(0, taken)), limit: Self.overdueMax)
        var made: [MadeEvents] = []
        for row in ripe {
            guard let deed = WaitingDeed(text: row.value), let source = self.source(named: deed.source) else {
                metrics.orphaned.add()
                view.remove(.ripening, row.head, row.tail)
                if let deed = WaitingDeed(text: row.value) { view.remove(.deeds, deed.place(ids), deed.id) }
                continue
            }
            var turn = makeTurn(source, now, view.handOver(), definitions)
            made += try turn.settle(deed) { self.source(named: $0) }
            view = turn.view.handOver()
        }
        return (made, ripe.count)
    }

    private func dropDays() async throws(TrackingError) {
        let now = platform.clock.now().seconds
        for table in StateTable.allCases where table.isDaily {
            let kept = table == .seen ? settings.seen : settings.keep
            _ = try await store.drop(table, before: StateDay(seconds: now - kept.components.seconds))
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
        book.forget(endedBefore: now - settings.keep.components.seconds - 86_400)
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
