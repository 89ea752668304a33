internal import Glossary
internal import Journal
package import Platform
internal import Synchronization

/// Lands ranges of the journal again, each by a connector of its own, beside live delivery.
///
/// A replay goes through staging, plans and landing like everything else, so each of its records stands once below its
/// folder, also over a crash; its row in state says so when it has finished.
package final class Replays: Sendable {
    private static let flushEvery = Duration.seconds(60)

    private struct Running {
        var replay: Replay
        let connector: Connector
        var isFollowed = false
    }

    private let delivery: Delivery
    private let runner: Delivery
    private let environment: ConnectorEnvironment
    private let running = Mutex<[String: Running]>([:])
    /// Why the process must end.
    private let failure = Mutex<DeliveryError?>(nil)
    private let changes = Signal()

    /// `delivery` has the connectors whose settings and destinations replays use.
    package init(for delivery: Delivery) {
        self.delivery = delivery
        environment = delivery.environment
        runner = Delivery(delivery.environment)
        delivery.attach(runner)
    }

    // MARK: - Asking

    /// Begins a replay; one of that id which asks for the same is answered as it stands.
    package func start(
        id: String?,
        connector name: String,
        from: Timestamp,
        to: Timestamp,
        events: [String]
    ) async throws(ReplayRefusal) -> ReplayStatus {
        guard let original = delivery.connector(named: name) else { throw .noConnector(name) }
        let now = environment.platform.clock.now()
        var replay = Replay(
            id: id ?? Hex.text(environment.platform.random.bytes(count: 8)),
            connector: name,
            from: from,
            to: to,
            events: events,
            asked: now,
            state: .running,
            bounds: []
        )
        if let known = try await known(replay.id) {
            guard known.replay.asksLike(replay) else { throw .another(known.replay) }
            return known
        }
        let oldest: Timestamp?
        do throws(JournalError) {
            replay.bounds = try await environment.journal.bounds(of: from..<max(from, to))
            oldest = try await environment.journal.oldestTime()
        } catch {
            throw .failed(DeliveryError(.journal, error.description))
        }
        guard replay.bounds.contains(where: { !$0.isEmpty }) else { throw .nothingThere(oldest: oldest) }
        do throws(DeliveryError) {
            let connector = try makeConnector(replay, like: original)
            try await environment.state.save(replay, owner: environment.owner)
            try await begin(replay, connector)
        } catch {
            if error.code == .settings { throw .noEvents }
            throw .failed(error)
        }
        return try await status(of: replay.id)
    }

    /// All replays that state knows, the latest first.
    package func list() async throws(ReplayRefusal) -> [ReplayStatus] {
        do throws(DeliveryError) {
            return try await environment.state.replays().map(status(of:)).sorted { $0.replay.asked > $1.replay.asked }
        } catch {
            throw .failed(error)
        }
    }

    package func status(of id: String) async throws(ReplayRefusal) -> ReplayStatus {
        guard let known = try await known(id) else { throw .noSuchReplay(id) }
        return known
    }

    /// Ends a replay; what has landed stays.
    package func cancel(_ id: String) async throws(ReplayRefusal) -> ReplayStatus {
        guard let known = try await known(id) else { throw .noSuchReplay(id) }
        guard known.replay.state == .running else { throw .ended(known.replay) }
        do throws(DeliveryError) {
            try await end(id, as: .cancelled)
        } catch {
            throw .failed(error)
        }
        return try await status(of: id)
    }

    private func known(_ id: String) async throws(ReplayRefusal) -> ReplayStatus? {
        try await list().first { $0.replay.id == id }
    }

    private func status(of replay: Replay) -> ReplayStatus {
        let all = replay.bounds.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
        var status = ReplayStatus(replay: replay, offsetsDone: all, offsets: all)
        if let connector = running.withLock({ $0[replay.id]?.connector }) {
            let now = connector.status()
            status.replay.counts = now.total
            status.offsetsDone = zip(now.partitions, replay.bounds).reduce(0) { sum, pair in
                sum + max(0, min(pair.0.position, pair.1.upperBound) - pair.1.lowerBound)
            }
            if now.condition != .running { status.trouble = now.reason ?? now.condition.rawValue }
            if case .objects = connector.destination { status.prefix = connector.settings.key.folder }
        } else if replay.state == .running {
            status.offsetsDone = 0
            status.trouble = "connector \(replay.connector) is not there; configure it, then restart"
        }
        return status
    }

    // MARK: - Working

    /// Takes up the replays that were running when the process ended; to be called once connectors are there.
    package func resume() async throws(DeliveryError) {
        for replay in try await environment.state.replays() where replay.state == .running {
            guard let original = delivery.connector(named: replay.connector) else { continue }
            try await begin(replay, try makeConnector(replay, like: original))
        }
    }

    /// Runs replays until cancelled or stopped; throws when state failed and the process must end.
    package func run() async throws(DeliveryError) {
        let failure = await withTaskGroup(of: DeliveryError?.self) { group -> DeliveryError? in
            group.addTask {
                do throws(DeliveryError) {
                    try await self.runner.run()
                    return nil
                } catch {
                    return error
                }
            }
            group.addTask { await self.follow() }
            var failure: DeliveryError?
            for await ended in group {
                failure = failure ?? ended
                group.cancelAll()
            }
            return failure
        }
        if let failure { throw failure }
    }

    package func stop(within timeout: Duration) async -> Bool {
        await runner.stop(within: timeout)
    }

    private func begin(_ replay: Replay, _ connector: Connector) async throws(DeliveryError) {
        try await connector.prepare()
        running.withLock { $0[replay.id] = Running(replay: replay, connector: connector) }
        runner.take(connector)
        changes.raise()
    }

    /// The connector that carries a replay out: like the original, over a part of the journal, in a folder of its own.
    private func makeConnector(_ replay: Replay, like original: Connector) throws(DeliveryError) -> Connector {
        var settings = original.settings
        settings.name = "\(settings.name)/replay/\(replay.id)"
        settings.key.connector = settings.key.connector ?? settings.id
        settings.key.beside = "replay/\(replay.id)"
        settings.id = replay.stateID
        settings.start = .oldest
        // A replay must not hold up intake: it can be asked for again.
        settings.whenFull = .giveUp
        if !replay.events.isEmpty {
            let wanted = Filter(events: replay.events)
            let edition = environment.book.glossary.edition(settings.edition)
            settings.filter = Filter(
                events: original.types.map(\.name).filter { edition?.type(named: $0).map(wanted.matches) ?? false }
            )
            guard !settings.filter.events.isEmpty else {
                throw DeliveryError(.settings, "\(ReplayRefusal.noEvents)")
            }
        }
        var bounded = environment
        bounded.journal = BoundedJournal(
            environment.journal,
            bounds: replay.bounds,
            times: replay.from..<max(replay.from, replay.to)
        )
        return try Connector(settings, to: original.destination, in: bounded)
    }

    /// Gives each replay somebody who waits for its end.
    private func follow() async -> DeliveryError? {
        await withTaskGroup(of: Void.self) { group in
            while !Task.isCancelled, failure.withLock({ $0 }) == nil {
                let generation = changes.generation
                let unfollowed = running.withLock { running in
                    let ids = running.filter { !$0.value.isFollowed }.map(\.key)
                    for id in ids { running[id]?.isFollowed = true }
                    return ids
                }
                for id in unfollowed {
                    group.addTask { await self.finish(id) }
                }
                await changes.wait(past: generation)
            }
            group.cancelAll()
        }
        return failure.withLock { $0 }
    }

    /// Waits until everything has landed, and says so in state.
    private func finish(_ id: String) async {
        while !Task.isCancelled, let connector = running.withLock({ $0[id]?.connector }) {
            do throws(DeliveryError) {
                _ = try await connector.flush(timeout: Self.flushEvery)
                try await end(id, as: .finished)
                return
            } catch {
                if ConnectorContext.isFatal(error) {
                    failure.withLock { $0 = error }
                    changes.raise()
                }
                // It goes on landing; or it was stopped, and is taken up by the next process.
                guard error.code == .timeout else { return }
            }
        }
    }

    private func end(_ id: String, as state: Replay.State) async throws(DeliveryError) {
        guard let entry = running.withLock({ $0[id] }) else { return }
        entry.connector.stop()
        await runner.drop(entry.connector)
        var replay = entry.replay
        replay.state = state
        replay.counts = entry.connector.status().total
        replay.ended = environment.platform.clock.now()
        try await environment.state.end(replay, owner: environment.owner)
        try await entry.connector.clearStaging()
        running.withLock { $0[id] = nil }
        Connector.hideMetrics(of: entry.connector.settings.name, in: environment.metrics)
    }
}
