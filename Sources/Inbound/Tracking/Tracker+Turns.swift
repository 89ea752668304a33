import Intake
import Journal
import Platform
import Telemetry

extension Tracker {
    /// What handling the waiting reports came to, one outcome each.
    private struct TurnOutcome: Sendable {
        var handled: [Result<Handled, TrackingError>] = []
        var changes = StateChanges()
        var book = DefinitionBook()
        var hasNewBook = false
    }

    /// Handles reports together: reads and decides, makes durable, puts into the store, answers.
    func turn(_ waiting: [Waiting]) async throws(TrackingError) {
        let now = platform.clock.now().seconds
        let definitions = definitions
        do throws(TrackingError) {
            let outcome = try await store.read { (view) throws(TrackingError) in
                var outcome = TurnOutcome(book: definitions)
                for entry in waiting {
                    outcome.handled.append(try self.handle(entry, now, &view, &outcome))
                }
                outcome.changes = view.changes
                return outcome
            }
            let results = try await settle(outcome)
            metrics.reports.add(waiting.count)
            for (entry, result) in zip(waiting, results) { entry.answer.resume(returning: result) }
        } catch {
            for entry in waiting { entry.answer.resume(returning: .failure(error)) }
            guard error.code != .journal else { return }
            throw error
        }
    }

    /// One report; a fault of its own is its own result, a fault of the state ends the turn.
    private func handle(
        _ entry: Waiting,
        _ now: Int64,
        _ view: inout StateView,
        _ outcome: inout TurnOutcome
    ) throws(TrackingError) -> Result<Handled, TrackingError> {
        let mark = view.mark
        var turn = makeTurn(entry.source, now, view.handOver(), outcome.book)
        turn.arrived = entry.arrived
        turn.key = entry.key
        do throws(TrackingError) {
            var isRepeat = false
            if entry.report.isKeyed {
                let head = ids.head("report", entry.source.name, entry.key)
                if let before = try turn.seen(head) {
                    isRepeat = true
                    turn.arrived = try firstArrival(before, entry)
                } else {
                    turn.view.put(.seen, day: StateDay(seconds: now), head, "", "\(entry.arrived) \(entry.digest)")
                }
            }
            let handled = try turn.handle(entry.report, isRepeat: isRepeat)
            if handled.repeats > 0 { intake.countRepeats(handled.repeats, of: entry.source.name) }
            view = turn.view.handOver()
            outcome.book = turn.book
            if handled.changedDefinitions { outcome.hasNewBook = true }
            return .success(handled)
        } catch {
            guard error.code == .report else { throw error }
            turn.view.takeBack(to: mark)
            view = turn.view.handOver()
            return .failure(error)
        }
    }

    private func firstArrival(_ before: String, _ entry: Waiting) throws(TrackingError) -> Int64 {
        let parts = before.split(separator: " ")
        guard parts.count == 2, let arrived = Int64(parts[0]), parts[1] == "\(entry.digest)" else {
            throw TrackingError(
                .report,
                "this Idempotency-Key came with another report before; a new report has a new key"
            )
        }
        return arrived
    }

    func makeTurn(_ source: TrackingSource, _ now: Int64, _ view: StateView, _ book: DefinitionBook) -> Turn {
        Turn(
            source: source,
            settings: settings,
            ids: ids,
            intake: intake,
            metrics: metrics,
            now: now,
            arrived: now,
            key: "",
            view: view,
            book: book
        )
    }

    /// Journal first, then the store.
    private func settle(_ outcome: TurnOutcome) async throws(TrackingError) -> [Result<TrackAnswer, TrackingError>] {
        let made = outcome.handled.map { result -> [MadeEvents] in
            guard case .success(let handled) = result else { return [] }
            return [handled.own].compactMap { $0 } + handled.others
        }
        let outcomes = try await makeDurable(made.flatMap { $0 }, outcome.changes)
        if outcome.hasNewBook { setBook(outcome.book) }
        var place = 0
        return zip(outcome.handled, made).map { result, made in
            defer { place += made.count }
            return result.map { handled in
                TrackAnswer(handled, outcomes: Array(outcomes[place..<place + made.count]))
            }
        }
    }

    /// Appends events and changes to the journal, and puts the changes into the store.
    func makeDurable(
        _ made: [MadeEvents],
        _ changes: StateChanges
    ) async throws(TrackingError) -> [MadeOutcome] {
        guard !made.isEmpty || !changes.isEmpty else { return [] }
        let record = changes.isEmpty ? nil : ChangeRecord(changes: changes.encoded)
        if record != nil { markChanged() }
        let outcomes: [MadeOutcome]
        let end: Offset?
        do throws(JournalError) {
            (outcomes, end) = try await intake.append(made, change: record)
        } catch {
            throw TrackingError(.journal, "the journal takes nothing at present (\(error.code)); try again")
        }
        guard record != nil else { return outcomes }
        do throws(TrackingError) {
            try await store.apply(changes.changes, applied: end ?? journal.end(of: PartitionID(0)))
        } catch {
            // The journal has what the store has not: only a new start can bring them together.
            failStop(error)
            throw error
        }
        return outcomes
    }
}

extension TrackAnswer {
    init(_ handled: Handled, outcomes: [MadeOutcome]) {
        items = handled.items
        accepted = outcomes.reduce(0) { $0 + $1.accepted }
        duplicates = handled.repeats + outcomes.reduce(0) { $0 + $1.duplicates }
        rejected = handled.rejected.sorted { $0.index < $1.index }
        waiting = handled.waiting
        messages = handled.messages
        withoutEvent = handled.withoutEvent
    }
}
