import Intake
import Journal
import Platform

extension Tracker {
    /// Lets go what has waited long enough, and drops the days that are over.
    func keepHouse() async throws(TrackingError) {
        do throws(TrackingError) {
            // What there is more of waits for the reports that came meanwhile, not for the next tick.
            if try await overtake() { signal.fireTick() }
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
            return (events.made, view.changes, events.rows == Self.overdueMax)
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
                view.remove(.overdue, row.head, row.tail)
                continue
            }
            var turn = makeTurn(source, now, view.handOver(), definitions)
            try turn.overtake(happening, due: dueTime)
            made += try turn.takeConsequences()
            view = turn.view.handOver()
        }
        return (made, due.count)
    }

    private func dropDays() async throws(TrackingError) {
        let now = platform.clock.now().seconds
        for table in StateTable.allCases where table.isDaily {
            let kept = table == .seen ? settings.seen : settings.keep
            _ = try await store.drop(table, before: StateDay(seconds: now - kept.components.seconds))
        }
    }
}
