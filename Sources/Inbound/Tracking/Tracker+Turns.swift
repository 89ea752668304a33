import Intake
import Journal
import Platform
import Telemetry

extension Tracker {
    /// What handling waiting reports came to, one outcome each; of those that go together into one change record.
    private struct TurnOutcome: Sendable {
        var handled: [Result<Handled, TrackingError>] = []
        var changes = StateChanges()
        var book = DefinitionBook()
        var hasNewBook = false
        var memory = TurnMemory(receiptsLeft: Tracker.receiptsMax.reports)
    }

    /// Handles reports together: reads and decides, makes durable, puts into the store, answers.
    func turn(_ waiting: [Waiting]) async throws(TrackingError) {
        var left = waiting[...]
        do throws(TrackingError) {
            while !left.isEmpty {
                let part = left
                let (now, definitions) = (platform.clock.now().seconds, definitions)
                let outcome = try await store.read { (view) throws(TrackingError) in
                    var outcome = TurnOutcome(book: definitions)
                    for entry in part {
                        guard let result = try self.handle(entry, now, &view, &outcome) else { break }
                        outcome.handled.append(result)
                    }
                    outcome.changes = view.changes
                    return outcome
                }
                let results = try await settle(outcome)
                metrics.reports.add(results.count)
                for (entry, result) in zip(left, results) { entry.answer.resume(returning: result) }
                left = left.dropFirst(results.count)
            }
        } catch {
            for entry in left { entry.answer.resume(returning: .failure(error)) }
            guard error.code == .state else { return }
            throw error
        }
    }

    /// One report; a fault of its own is its own result, a fault of the state ends the turn.
    ///
    /// Nil where it does not go into one record with those before it: it is for the next part of the turn.
    private func handle(
        _ entry: Waiting,
        _ now: Int64,
        _ view: inout StateView,
        _ outcome: inout TurnOutcome
    ) throws(TrackingError) -> Result<Handled, TrackingError>? {
        let mark = view.mark
        var turn = makeTurn(entry.source, now, view.handOver(), outcome.book, outcome.memory)
        outcome.memory = TurnMemory(receiptsLeft: outcome.memory.receiptsLeft)
        turn.arrived = entry.arrived
        turn.key = entry.key
        do throws(TrackingError) {
            let handled = try handle(entry, &turn)
            let bytes = turn.view.changes.bytes
            guard bytes <= changeBytesMax || turn.view.mark == mark else {
                guard bytes - turn.startBytes > changeBytesMax else {
                    turn.view.takeBack(to: mark)
                    view = turn.view.handOver()
                    return nil
                }
                throw TrackingError(
                    .tooLarge,
                    "the report makes \(bytes - turn.startBytes) bytes of state, and \(changeBytesMax) go into one "
                        + "record (half of journal.segment); send its items in several reports"
                )
            }
            if handled.repeats > 0 { intake.countRepeats(handled.repeats, of: entry.source.name) }
            view = turn.view.handOver()
            outcome.book = turn.book
            outcome.memory = turn.memory
            if handled.changedDefinitions { outcome.hasNewBook = true }
            return .success(handled)
        } catch {
            guard error.code == .report || error.code == .tooLarge else { throw error }
            turn.view.takeBack(to: mark)
            view = turn.view.handOver()
            outcome.memory.receiptsLeft = turn.memory.receiptsLeft
            return .failure(error)
        }
    }

    /// Answers a repeat as it was answered before, and handles anything else.
    ///
    /// A report of which nothing was taken leaves its key free: mended, it may come under the same one.
    private func handle(_ entry: Waiting, _ turn: inout Turn) throws(TrackingError) -> Handled {
        guard entry.report.isKeyed else { return try turn.handle(entry.report) }
        let head = ids.head("report", entry.source.name, entry.key)
        if let before = try turn.seen(head).flatMap(AnsweredReport.init) {
            guard before.digest == "\(entry.digest)" else {
                throw TrackingError(
                    .report,
                    "this Idempotency-Key came with another report before: if this is a repeat of it, send it exactly as "
                        + "before; only a new report has a new key"
                )
            }
            return before.handled(entry.source.name, entry.key)
        }
        let handled = try turn.handle(entry.report)
        guard !handled.isRefused else { return handled }
        for (kind, count) in turn.book.undefined(in: entry.report.naming, arrived: turn.arrived) {
            metrics.countUndefined(kind, items: count)
        }
        let answered = AnsweredReport(
            handled,
            entry.source.name,
            entry.key,
            arrived: entry.arrived,
            digest: entry.digest
        )
        turn.view.put(.seen, day: StateDay(seconds: turn.now), head, "", answered.text)
        return handled
    }

    /// The bytes of changes that go into one record of the journal: what frames it takes some more.
    var changeBytesMax: Int { journal.recordBytesMax - 64 }

    func makeTurn(
        _ source: TrackingSource,
        _ now: Int64,
        _ view: StateView,
        _ book: DefinitionBook,
        _ memory: TurnMemory,
        roomBytes: Int? = nil
    ) -> Turn {
        Turn(
            source: source,
            sources: sources,
            settings: settings,
            ids: ids,
            intake: intake,
            metrics: metrics,
            now: now,
            arrived: now,
            key: "",
            sequence: journal.end(of: Self.partition).rawValue,
            view: view,
            book: book,
            memory: memory,
            startBytes: view.changes.bytes,
            roomBytes: roomBytes ?? changeBytesMax / 2
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
            // The same would be as large the next time.
            guard error.code != .recordTooLarge else { throw TrackingError(.tooLarge, error.message) }
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
        context = handled.context
        messages = handled.messages
        withoutEvent = handled.withoutEvent
    }
}
