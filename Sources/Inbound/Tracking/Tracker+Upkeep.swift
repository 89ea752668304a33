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

    /// What a look after what is due came to; it goes into one record, and ends before that is full.
    private struct Due: Sendable {
        var made: [MadeEvents] = []
        var madeBytes = 0
        var isMore = false
        var memory = TurnMemory(receiptsLeft: Tracker.receiptsMax.upkeep)

        mutating func add(_ events: [MadeEvents]) {
            made += events
            madeBytes += events.reduce(0) { $0 + $1.bytes }
        }
    }

    /// Answers whether more may be due.
    private func overtake() async throws(TrackingError) -> Bool {
        let now = platform.clock.now().seconds
        let definitions = definitions
        let (due, changes) = try await store.read { (view) throws(TrackingError) -> (Due, StateChanges) in
            var due = Due()
            try self.releaseOverdue(now, &view, definitions, &due)
            try self.decideRipe(now, &view, definitions, &due)
            return (due, view.changes)
        }
        _ = try await makeDurable(due.made, changes)
        return due.isMore
    }

    /// Whether the record has room for what one more may come to, which is half of what it holds at the most.
    private func hasRoom(_ view: StateView, _ due: Due) -> Bool {
        view.changes.bytes + due.madeBytes < changeBytesMax / 4 && due.memory.receiptsLeft > 0
    }

    /// A turn for one thing that has become due: `work` in it, or `giveUp` where what that changes is more than half a
    /// record.
    private func step(
        _ source: TrackingSource,
        _ now: Int64,
        _ view: inout StateView,
        _ definitions: DefinitionBook,
        _ due: inout Due,
        _ work: (inout Turn) throws(TrackingError) -> Void,
        orElse giveUp: (inout Turn) throws(TrackingError) -> Void
    ) throws(TrackingError) {
        let mark = view.mark
        let room = changeBytesMax / 4
        var turn = makeTurn(source, now, view.handOver(), definitions, due.memory, roomBytes: room)
        due.memory = TurnMemory(receiptsLeft: due.memory.receiptsLeft)
        try work(&turn)
        due.memory.receiptsLeft = turn.memory.receiptsLeft
        if turn.view.changes.bytes - turn.startBytes > changeBytesMax / 2 {
            turn.view.takeBack(to: mark)
            _ = turn.takeConsequences()
            try giveUp(&turn)
        } else {
            due.memory = turn.memory
        }
        due.add(turn.takeConsequences())
        view = turn.view.handOver()
    }

    private func releaseOverdue(
        _ now: Int64,
        _ view: inout StateView,
        _ definitions: DefinitionBook,
        _ due: inout Due
    ) throws(TrackingError) {
        let rows = try view.settledRows(.overdue, headsUpTo: UInt64(max(0, now)), limit: Self.overdueMax)
        metrics.lag.set(rows.first.map { Double(max(0, now.clampedSubtract(Int64(clamping: $0.head.high)))) } ?? 0)
        if rows.count == Self.overdueMax { due.isMore = true }
        for row in rows {
            guard hasRoom(view, due) else {
                due.isMore = true
                return
            }
            guard let (happening, dueTime, name) = Happening.reading(row.value) else {
                metrics.orphaned.add()
                view.remove(.overdue, row.head, row.tail)
                continue
            }
            guard let source = self.source(named: name) else {
                due.add(orphan(happening, of: name))
                view.remove(.overdue, row.head, row.tail)
                for place in Turn.waitingPlaces(of: happening, ids) { view.remove(.parked, place, row.tail) }
                continue
            }
            try step(source, now, &view, definitions, &due) { (turn) throws(TrackingError) in
                try turn.overtake(happening, due: dueTime)
            } orElse: { (turn) throws(TrackingError) in
                turn.giveUp(happening, due: dueTime)
            }
        }
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
        _ due: inout Due
    ) throws(TrackingError) {
        let taken = now.clampedSubtract(settings.overtake.components.seconds)
        let rows = try view.settledRows(.ripening, headsUpTo: UInt64(max(0, taken)), limit: Self.overdueMax)
        if rows.count == Self.overdueMax { due.isMore = true }
        for row in rows {
            guard hasRoom(view, due) else {
                due.isMore = true
                return
            }
            if row.tail == UnfinishedUser.tail {
                view.remove(.ripening, row.head, row.tail)
                try goOn(row.value, now, &view, definitions, &due)
                continue
            }
            guard let deed = WaitingDeed(text: row.value), let source = self.source(named: deed.source) else {
                metrics.orphaned.add()
                view.remove(.ripening, row.head, row.tail)
                if let deed = WaitingDeed(text: row.value) { view.remove(.deeds, deed.place(ids), deed.tail) }
                continue
            }
            var isMore = false
            try step(source, now, &view, definitions, &due) { (turn) throws(TrackingError) in
                isMore = try turn.settle(deed)
            } orElse: { (turn) throws(TrackingError) in
                turn.giveUp(deed)
            }
            if isMore { due.isMore = true }
        }
    }

    /// Goes on with what a user did.
    private func goOn(
        _ text: String,
        _ now: Int64,
        _ view: inout StateView,
        _ definitions: DefinitionBook,
        _ due: inout Due
    ) throws(TrackingError) {
        guard let user = UnfinishedUser(text: text), let any = sourceNames.min().flatMap(source(named:)) else {
            metrics.orphaned.add()
            return
        }
        var isMore = false
        try step(any, now, &view, definitions, &due) { (turn) throws(TrackingError) in
            isMore = try turn.goOn(user)
        } orElse: { (turn) throws(TrackingError) in
            try turn.giveUp(user)
        }
        if isMore { due.isMore = true }
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
        let (changes, isMore) = try await store.read { (view) throws(TrackingError) -> (StateChanges, Bool) in
            for row in try view.settledRows(.definitions) {
                let version = try StoredVersion(row.value, from: row.tail)
                guard !kept.hasVersion(version.kind, id: version.id, from: version.from) else { continue }
                // The rest goes in the next turns.
                guard view.changes.bytes < self.changeBytesMax / 2 else { return (view.changes, true) }
                view.remove(.definitions, row.head, row.tail)
            }
            return (view.changes, false)
        }
        _ = try await makeDurable([], changes)
        setBook(kept)
        if isMore { signal.fireTick() } else { forgotten.withLock { $0 = today } }
    }
}
