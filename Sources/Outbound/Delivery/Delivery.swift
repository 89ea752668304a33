package import Journal
internal import Platform
internal import Synchronization

/// Owns the connectors of a process: starts them, exchanges those whose settings changed, asks what they need.
package final class Delivery: Sendable {
    /// What a reload did, by connector names.
    package struct Changes: Sendable, Hashable {
        package var started: [String] = []
        package var stopped: [String] = []
        package var kept: [String] = []
    }

    private struct State {
        var connectors: [Connector] = []
        /// Connectors whose `run` has not been called, and those whose `run` has not returned.
        var waiting: [Connector] = []
        var running: Set<String> = []
        var isStopping = false
        var hasFailed = false
        /// Whose connectors need the journal too.
        var others: [Delivery] = []
    }

    package let environment: ConnectorEnvironment
    private let state = Mutex(State())
    private let changes = Signal()

    package init(_ environment: ConnectorEnvironment) {
        self.environment = environment
    }

    package var connectors: [Connector] { state.withLock(\.connectors) }

    /// All that need the journal: these, and those of replays.
    package var readers: [Connector] {
        let (own, others) = state.withLock { ($0.connectors, $0.others) }
        return own + others.flatMap(\.readers)
    }

    /// From now on the other's connectors are readers here.
    func attach(_ other: Delivery) { state.withLock { $0.others.append(other) } }

    package func connector(named name: String) -> Connector? {
        connectors.first { $0.settings.name == name }
    }

    /// Makes and prepares connectors; they work once `run` does.
    ///
    /// To be called before Intake accepts anything: a new connector begins at the journal's end as it is now.
    package func start(_ wanted: [(settings: ConnectorSettings, destination: Destination)]) async throws(DeliveryError)
    {
        try Self.refuseDoubles(wanted.map(\.settings))
        var made: [Connector] = []
        for (settings, destination) in wanted {
            let connector = try Connector(settings, to: destination, in: environment)
            try await connector.prepare()
            made.append(connector)
        }
        add(made)
    }

    /// Runs all connectors until cancelled or stopped; throws when state failed and the process must end.
    package func run() async throws(DeliveryError) {
        let failure = await withTaskGroup(of: DeliveryError?.self) { group -> DeliveryError? in
            // Connectors of a reload start in this group too.
            await self.handOut(to: &group)
            // Told to stop, connectors end in order; without state there is nothing to wait for.
            if state.withLock(\.hasFailed) { group.cancelAll() }
            var failure: DeliveryError?
            for await ended in group {
                failure = failure ?? ended
                if failure != nil { group.cancelAll() }
            }
            return failure
        }
        if let failure { throw failure }
    }

    /// Makes the connectors be as wanted: stops those that are gone or changed, starts new and changed ones, and
    /// leaves the others alone.
    ///
    /// A stopped connector has returned, its plans are kept in state. One reload at a time.
    ///
    /// - Parameters:
    ///   - wanted: all connectors that there are to be.
    ///   - renewed: names of those that are exchanged though settings and location are the same, as for new
    ///     credentials.
    ///   - timeout: how long those that end may take.
    /// - Returns: what was done.
    /// - Throws: before anything is stopped if a new connector could not be made; `.timeout`, with all others
    ///   exchanged, if one has not stopped in time.
    package func reload(
        _ wanted: [(settings: ConnectorSettings, destination: Destination)],
        renewed: Set<String> = [],
        within timeout: Duration
    ) async throws(DeliveryError) -> Changes {
        try Self.refuseDoubles(wanted.map(\.settings))
        var changes = Changes()
        var made: [Connector] = []
        let present = connectors
        for (settings, destination) in wanted {
            let isSame = present.contains {
                $0.settings == settings && $0.destination.location == destination.location
                    && !renewed.contains(settings.name) && !$0.isStopping
            }
            if isSame {
                changes.kept.append(settings.name)
            } else {
                made.append(try Connector(settings, to: destination, in: environment))
                changes.started.append(settings.name)
            }
        }
        for connector in made { try await refuseMove(of: connector, from: present) }
        let ending = present.filter { !changes.kept.contains($0.settings.name) }
        changes.stopped = ending.map(\.settings.name)
        for connector in ending { connector.stop() }
        var failure = await wait(for: ending, within: timeout)
        let late = Set(running(among: ending).map(\.settings.id))
        for connector in ending where !late.contains(connector.settings.id) {
            let successor = made.first { $0.settings.id == connector.settings.id }
            failure = await exchange(connector, for: successor) ?? failure
        }
        for connector in made where !present.contains(where: { $0.settings.id == connector.settings.id }) {
            failure = await exchange(nil, for: connector) ?? failure
        }
        if let failure { throw failure }
        return changes
    }

    /// Puts one connector in another's place in one step: retention must never find the place empty.
    private func exchange(_ old: Connector?, for new: Connector?) async -> DeliveryError? {
        do throws(DeliveryError) {
            try await new?.prepare()
        } catch {
            guard error.code == .plansOpen, let old else { return error }
            // A file was finished for the old place while its connector stopped: it must land there.
            return await exchange(old, for: try? Connector(old.settings, to: old.destination, in: environment)) ?? error
        }
        put(new, inPlaceOf: old)
        return nil
    }

    /// Exchanges a connector that has returned for one that has been prepared.
    func put(_ new: Connector?, inPlaceOf old: Connector?) {
        state.withLock { state in
            state.waiting.removeAll { $0 === old }
            if let place = state.connectors.firstIndex(where: { $0 === old }) {
                state.connectors.replaceSubrange(place...place, with: new.map { [$0] } ?? [])
            } else if let new {
                state.connectors.append(new)
            }
            if let new { state.waiting.append(new) }
        }
        if let old, !connectors.contains(where: { $0.settings.name == old.settings.name }) {
            Connector.hideMetrics(of: old.settings.name, in: environment.metrics)
        }
        changes.raise()
    }

    /// Waits until a connector that was told to stop has, and forgets it.
    func drop(_ connector: Connector) async {
        while !running(among: [connector]).isEmpty, !Task.isCancelled {
            let generation = changes.generation
            guard !running(among: [connector]).isEmpty else { break }
            await changes.wait(past: generation)
        }
        put(nil, inPlaceOf: connector)
    }

    /// Stops all connectors, each once the calls to its destination that have begun have ended; false if one was cut
    /// off or has not returned in time.
    package func stop(within timeout: Duration) async -> Bool {
        state.withLock { $0.isStopping = true }
        let all = connectors
        // The last part of the time is for what cutting a call off takes.
        for connector in all { connector.stop(grace: timeout * 0.9) }
        changes.raise()
        return await wait(for: all, within: timeout) == nil && !all.contains { $0.hasCutCalls }
    }

    /// The first offset of a partition that any reader still needs; nil without readers.
    package func neededFrom(_ partition: PartitionID) async throws(DeliveryError) -> Offset? {
        var needed: Offset?
        for connector in readers {
            guard let offset = try await connector.neededFrom(partition) else { continue }
            needed = min(needed ?? offset, offset)
        }
        return needed
    }

    package func status() -> [ConnectorStatus] {
        connectors.map { $0.status() }
    }

    private func add(_ made: [Connector]) {
        state.withLock { state in
            state.connectors += made
            state.waiting += made
        }
        changes.raise()
    }

    private static func refuseDoubles(_ settings: [ConnectorSettings]) throws(DeliveryError) {
        for (index, one) in settings.enumerated() {
            for other in settings[..<index] where other.name == one.name || other.id == one.id {
                throw DeliveryError(
                    .connector,
                    "connectors \(other.name) and \(one.name) have the same name or id: each needs its own"
                )
            }
        }
    }

    /// Asked before anything is stopped; `prepare` asks again.
    private func refuseMove(of connector: Connector, from present: [Connector]) async throws(DeliveryError) {
        let old = present.first { $0.settings.id == connector.settings.id }
        guard let old, old.destination.location != connector.destination.location else { return }
        let open = try await environment.state.planned(connector: old.settings.id, upTo: nil).plans
        guard open > 0 else { return }
        throw DeliveryError(
            .plansOpen,
            "connector \(old.settings.name) cannot move to \(connector.destination.location): \(open) finished files "
                + "have not landed in \(old.destination.location). Wait until they have, or forget them with "
                + "`courant connector forget \(old.settings.name)`"
        )
    }

    private func handOut(to group: inout TaskGroup<DeliveryError?>) async {
        while !Task.isCancelled {
            let generation = changes.generation
            let (waiting, isStopping) = state.withLock { state in
                let waiting = state.waiting
                state.waiting = []
                for connector in waiting { state.running.insert(connector.settings.id) }
                return (waiting, state.isStopping)
            }
            for connector in waiting {
                group.addTask { await self.run(connector) }
            }
            if isStopping { return }
            await changes.wait(past: generation)
        }
    }

    /// A connector whose state failed stops all others: the process must end.
    private func run(_ connector: Connector) async -> DeliveryError? {
        var failure: DeliveryError?
        do throws(DeliveryError) {
            try await connector.run()
        } catch {
            failure = error
        }
        state.withLock { state in
            _ = state.running.remove(connector.settings.id)
            if failure != nil {
                state.isStopping = true
                state.hasFailed = true
            }
        }
        changes.raise()
        return failure
    }

    private func running(among connectors: [Connector]) -> [Connector] {
        state.withLock { state in connectors.filter { state.running.contains($0.settings.id) } }
    }

    /// Returns when none of them runs any more, or with what to say of the first that still does.
    func wait(for connectors: [Connector], within timeout: Duration) async -> DeliveryError? {
        let clock = environment.platform.clock
        let deadline = clock.uptime() + timeout
        while true {
            let generation = changes.generation
            guard let first = running(among: connectors).first else { return nil }
            let left = deadline - clock.uptime()
            guard left > .zero, !Task.isCancelled else {
                return DeliveryError(
                    .timeout,
                    "connector \(first.settings.name) has not stopped within \(timeout): its destination "
                        + "does not give up its call"
                )
            }
            let changes = changes
            await firstOf([
                { try? await clock.sleep(for: left) },
                { await changes.wait(past: generation) },
            ])
        }
    }
}
