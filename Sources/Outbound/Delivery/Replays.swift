internal import Glossary
internal import Journal
package import Platform
internal import Synchronization

/// Lands ranges of the journal again, each by a connector of its own, beside live delivery.
///
/// A replay goes through staging, plans and landing like everything else, so each of its records stands once below its
/// folder, also over a crash; its row in state says so when it has finished. One that cannot go on says why, and keeps
/// nothing else from its work.
package final class Replays: Sendable {
    /// Replays at one time: each holds what it still needs of the journal, and files of its own.
    package static let runningMax = 16
    private static let flushEvery = Duration.seconds(60)

    private struct Running {
        let replay: Replay
        let connector: Connector
        /// Whose settings and destination it has.
        let original: Connector
        var isFollowed = false
    }

    private struct State {
        var running: [String: Running] = [:]
        /// Why the others that state has as running are not.
        var failed: [String: String] = [:]
        /// Those that somebody begins, exchanges or ends at this moment.
        var claimed: Set<String> = []
    }

    private let delivery: Delivery
    private let runner: Delivery
    private let environment: ConnectorEnvironment
    private let state = Mutex(State())
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
        guard claim(replay.id) else { throw .failed(Self.busy(replay.id)) }
        defer { release(replay.id) }
        if let known = try await known(replay.id) {
            guard known.replay.asksLike(replay) else { throw .another(known.replay) }
            return known
        }
        let underWay = state.withLock { Set($0.running.keys).union($0.claimed).subtracting([replay.id]) }
        guard underWay.count < Self.runningMax else { throw .tooMany(Self.runningMax) }
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
            try await begin(replay, connector, like: original)
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
        guard [.running, .failed].contains(known.replay.state) else { throw .ended(known.replay) }
        do throws(DeliveryError) {
            guard try await end(id, as: .cancelled) else { throw Self.busy(id) }
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
        let (entry, failed) = state.withLock { ($0.running[replay.id], $0.failed[replay.id]) }
        if let connector = entry?.connector {
            let now = connector.status()
            status.replay.counts = now.total
            status.offsetsDone = zip(now.partitions, replay.bounds).reduce(0) { sum, pair in
                sum + max(0, min(pair.0.position, pair.1.upperBound) - pair.1.lowerBound)
            }
            if now.condition != .running { status.trouble = now.reason ?? now.condition.rawValue }
            if case .objects = connector.destination { status.prefix = connector.settings.key.folder }
        } else if replay.state == .running {
            status.offsetsDone = 0
            if failed != nil { status.replay.state = .failed }
            status.trouble = failed
        }
        return status
    }

    // MARK: - Working

    /// Takes up the replays that state has as running and that are not, or not as their connectors are now.
    ///
    /// To be called once connectors are there, and again when they have changed.
    ///
    /// Throws when state failed, and `.timeout`, with all others taken up, if one has not stopped in time.
    package func resume(within timeout: Duration = .zero) async throws(DeliveryError) {
        let clock = environment.platform.clock
        let deadline = clock.uptime() + timeout
        let stale = try await environment.state.replays().filter { $0.state == .running && !isCurrent($0) }
        for replay in stale { state.withLock { $0.running[replay.id]?.connector }?.stop() }
        var late: DeliveryError?
        for replay in stale {
            do throws(DeliveryError) {
                try await takeUp(replay.id, within: deadline - clock.uptime())
            } catch {
                guard error.code == .timeout else { throw error }
                late = late ?? error
            }
        }
        if let late { throw late }
    }

    /// Has the replays of a connector try again at once what waits, conflicts too, and those that have failed.
    package func resume(connector name: String) async throws(DeliveryError) {
        for replay in try await environment.state.replays() where replay.state == .running && replay.connector == name {
            if let connector = state.withLock({ $0.running[replay.id]?.connector }) {
                try await connector.resume()
            } else {
                try await takeUp(replay.id, within: .zero)
            }
        }
    }

    /// Those that cannot go on, and why, by id.
    package var failed: [(id: String, reason: String)] {
        state.withLock(\.failed).map { ($0.key, $0.value) }.sorted { $0.id < $1.id }
    }

    /// Whether it runs like the connector that has its name now.
    private func isCurrent(_ replay: Replay) -> Bool {
        guard let entry = state.withLock({ $0.running[replay.id] }), !entry.connector.isStopping else { return false }
        return delivery.connector(named: replay.connector) === entry.original
    }

    /// Begins a replay of state's, in place of the connector that carried it out until now, if any.
    ///
    /// What stands in its way is shown with the replay.
    private func takeUp(_ id: String, within timeout: Duration) async throws(DeliveryError) {
        guard claim(id) else { return }
        defer { release(id) }
        guard let replay = try await stored(id), replay.state == .running else { return }
        let old = state.withLock { $0.running[id]?.connector }
        if let old, let late = await runner.wait(for: [old], within: timeout) { throw late }
        do throws(DeliveryError) {
            guard let original = delivery.connector(named: replay.connector) else {
                let name = replay.connector
                throw DeliveryError(.connector, "connector \(name) is not there; configure it, or cancel the replay")
            }
            try await begin(replay, try makeConnector(replay, like: original), like: original, inPlaceOf: old)
        } catch {
            if ConnectorContext.isFatal(error) { throw error }
            if let old { runner.put(nil, inPlaceOf: old) }
            state.withLock { state in
                state.running[id] = nil
                state.failed[id] = Self.reason(error)
            }
        }
    }

    private static func reason(_ error: DeliveryError) -> String {
        guard error.code == .plansOpen else { return error.message }
        return "it has finished files for another place than its connector writes to now; set the old one again until "
            + "it has ended, or cancel it"
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

    private func begin(
        _ replay: Replay,
        _ connector: Connector,
        like original: Connector,
        inPlaceOf old: Connector? = nil
    ) async throws(DeliveryError) {
        try await connector.prepare()
        // In one step: retention must never find the place empty.
        runner.put(connector, inPlaceOf: old)
        state.withLock { state in
            state.running[replay.id] = Running(replay: replay, connector: connector, original: original)
            state.failed[replay.id] = nil
        }
        changes.raise()
    }

    /// Takes a replay in hand; false while somebody else has it.
    private func claim(_ id: String) -> Bool { state.withLock { $0.claimed.insert(id).inserted } }

    private func release(_ id: String) {
        state.withLock { _ = $0.claimed.remove(id) }
        changes.raise()
    }

    private static func busy(_ id: String) -> DeliveryError {
        DeliveryError(.connector, "replay \(id) is being begun or ended; ask again")
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
                let unfollowed = state.withLock { state in
                    let ids = state.running.filter { !$0.value.isFollowed }.map(\.key)
                    for id in ids { state.running[id]?.isFollowed = true }
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
        while !Task.isCancelled, let connector = state.withLock({ $0.running[id]?.connector }) {
            do throws(DeliveryError) {
                _ = try await connector.flush(timeout: Self.flushEvery)
                let generation = changes.generation
                if try await end(id, as: .finished) { return }
                await changes.wait(past: generation)
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

    /// False if somebody else has it in hand.
    private func end(_ id: String, as ending: Replay.State) async throws(DeliveryError) -> Bool {
        guard claim(id) else { return false }
        defer { release(id) }
        guard var replay = try await stored(id), replay.state == .running else { return true }
        let connector = state.withLock { $0.running[id]?.connector }
        if let connector {
            connector.stop()
            await runner.drop(connector)
            replay.counts = connector.status().total
        } else {
            replay.counts = try await storedCounts(of: replay)
        }
        replay.state = ending
        replay.ended = environment.platform.clock.now()
        try await environment.state.end(replay, owner: environment.owner)
        let folder = FilePath.join(environment.stagingFolder, replay.stateID)
        try await StagingFolder(path: folder, platform: environment.platform).clear(keeping: [])
        state.withLock { state in
            state.running[id] = nil
            state.failed[id] = nil
        }
        return true
    }

    private func stored(_ id: String) async throws(DeliveryError) -> Replay? {
        try await environment.state.replays().first { $0.id == id }
    }

    /// How far one has come that nobody carries out.
    private func storedCounts(of replay: Replay) async throws(DeliveryError) -> TypeCounts {
        var total = TypeCounts()
        for partition in replay.bounds.indices.map({ PartitionID($0) }) {
            let cursor = try await environment.state.cursor(connector: replay.stateID, partition: partition)
            for entry in cursor?.counts ?? [] { total += entry.counts }
        }
        return total
    }
}
