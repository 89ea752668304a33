package import Intake
import Journal
package import Platform
import Synchronization
package import Telemetry

/// Takes reports and handles them one after the other: from what happened to the events it makes.
///
/// A turn takes the reports that wait, up to a size. Their events and what they change go
/// into the journal together; once they are durable the changes go into the store, and only then are the senders
/// answered. So what is answered survives, what is not answered can be repeated, and no report sees half of another.
package final class Tracker: Sendable {
    /// Where the events and changes of tracking stand.
    static let partition = PartitionID(0)
    /// Bytes of reports that may wait.
    static let waitingBytesMax = 64 << 20
    /// Bytes of reports that one turn takes.
    ///
    /// A report of sends makes some eight times its bytes of events and state. A larger report has a turn alone.
    static let turnBytesMax = 512 << 10
    /// How often what has waited long enough is looked for, and old days are dropped.
    static let tick = Duration.seconds(1)
    /// Events that one turn lets go, and opens and clicks whose conversions it decides.
    static let overdueMax = 1_000
    /// Receipts that the reports of one read of the state decide, and that what has become due decides.
    static let receiptsMax = (reports: 20_000, upkeep: 5_000)

    struct Waiting: Sendable {
        let report: TrackReport
        let source: TrackingSource
        let key: String
        let digest: UInt64
        let bytes: Int
        let arrived: Int64
        let answer: CheckedContinuation<Result<TrackAnswer, TrackingError>, Never>
    }

    private struct Queue {
        var waiting: [Waiting] = []
        var bytes = 0
        var isStopping = false
    }

    let intake: Intake
    let journal: any Journal
    let store: TrackingStore
    let platform: Platform
    let settings: TrackingSettings
    let metrics: TrackingMetrics
    let ids: TrackingIDs
    let failStop: @Sendable (TrackingError) -> Void
    let sources: [String: TrackingSource]
    private let queue = Mutex(Queue())
    let signal = TurnSignal()
    /// All definitions, as the last turn left them.
    private let book = Mutex(DefinitionBook())
    let settling = Mutex(Settling())
    /// The day on which definitions were last forgotten.
    let forgotten = Mutex(StateDay(0))

    package init(
        sources: [TrackingSource],
        settings: TrackingSettings,
        intake: Intake,
        store: TrackingStore,
        platform: Platform,
        metrics: MetricRegistry,
        failStop: @escaping @Sendable (TrackingError) -> Void
    ) {
        self.sources = Dictionary(uniqueKeysWithValues: sources.map { ($0.name, $0) })
        self.settings = settings
        self.intake = intake
        journal = intake.journal
        self.store = store
        self.platform = platform
        self.metrics = TrackingMetrics(metrics)
        self.failStop = failStop
        ids = TrackingIDs(secret: journal.secret)
    }

    /// The definitions in force.
    package var definitions: DefinitionBook { book.withLock { $0 } }

    /// The journal's secret, which assignments are keyed with.
    package var secret: [UInt8] { journal.secret }

    func setBook(_ new: DefinitionBook) { book.withLock { $0 = new } }

    package func source(named name: String) -> TrackingSource? { sources[name] }

    /// In alphabetical order.
    package var sourceNames: [String] { sources.keys.sorted() }

    // MARK: - Taking

    /// Handles a report; returns once all of it is durable.
    ///
    /// The same report under the same `key`, the sender's Idempotency-Key, is a repeat; `body`, the report as it came,
    /// tells it from another report under that key.
    package func take(
        _ report: TrackReport,
        from source: String,
        key: String = "",
        body: [UInt8]
    ) async throws(TrackingError) -> TrackAnswer {
        guard let source = sources[source] else {
            throw TrackingError(.report, "there is no source \(source)")
        }
        if let refusal = journal.refusal(of: body.count * 2) {
            throw TrackingError(refusal)
        }
        let result = await withCheckedContinuation { answer in
            let waiting = Waiting(
                report: report,
                source: source,
                key: key,
                digest: ids.head(String(decoding: body, as: UTF8.self)).low,
                bytes: body.count,
                arrived: platform.clock.now().seconds,
                answer: answer
            )
            let refusal = queue.withLock { queue -> String? in
                guard !queue.isStopping else { return "the service is stopping; try again" }
                guard queue.bytes + waiting.bytes <= Self.waitingBytesMax || queue.waiting.isEmpty else {
                    return "too many reports wait; try again"
                }
                queue.waiting.append(waiting)
                queue.bytes += waiting.bytes
                return nil
            }
            if let refusal {
                answer.resume(returning: .failure(TrackingError(.unavailable, refusal)))
            } else {
                signal.fire()
            }
        }
        return try result.get()
    }

    private func takeWaiting() -> [Waiting] {
        queue.withLock { queue in
            var count = 0
            var bytes = 0
            for waiting in queue.waiting {
                if count > 0, bytes + waiting.bytes > Self.turnBytesMax { break }
                count += 1
                bytes += waiting.bytes
            }
            let taken = Array(queue.waiting.prefix(count))
            queue.waiting.removeFirst(count)
            queue.bytes -= bytes
            return taken
        }
    }

    // MARK: - Running

    /// Handles what waits until cancelled, and then what still waits.
    package func run() async throws {
        settling.withLock { $0.isAnswering = true }
        defer { endSettling() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.keepTime() }
            do {
                try await handleWaiting()
            } catch {
                refuseWaiting(TrackingError(.unavailable, "tracking has ended: \(error)"))
                throw error
            }
            group.cancelAll()
        }
        refuseWaiting(TrackingError(.unavailable, "the service is stopping; try again"))
    }

    private func handleWaiting() async throws(TrackingError) {
        while true {
            try await settleIfWanted()
            let waiting = takeWaiting()
            if waiting.isEmpty {
                if Task.isCancelled { return }
                let isDue = signal.takeTick()
                if isDue { try await keepHouse() }
                if !isDue { await signal.wait() }
                continue
            }
            try await turn(waiting)
            if signal.takeTick() { try await keepHouse() }
        }
    }

    private func keepTime() async throws {
        while !Task.isCancelled {
            do { try await platform.clock.sleep(for: Self.tick) } catch { return signal.fire() }
            signal.fireTick()
        }
    }

    private func refuseWaiting(_ error: TrackingError) {
        let left = queue.withLock { queue in
            queue.isStopping = true
            defer { queue.waiting = [] }
            return queue.waiting
        }
        for waiting in left { waiting.answer.resume(returning: .failure(error)) }
    }
}
