package import Journal
package import Platform
package import Telemetry

/// What all connectors of a process stand on.
package struct ConnectorEnvironment: Sendable {
    package var journal: any Journal
    package var state: any DeliveryState
    package var owner: OwnerToken
    package var book: SchemaBook
    package var platform: Platform
    package var metrics: MetricRegistry
    /// Each connector has a folder of its own in it.
    package var stagingFolder: String
    package var memory: StagingMemory

    package init(
        journal: any Journal,
        state: any DeliveryState,
        owner: OwnerToken,
        book: SchemaBook,
        platform: Platform,
        metrics: MetricRegistry,
        stagingFolder: String,
        memory: StagingMemory
    ) {
        self.journal = journal
        self.state = state
        self.owner = owner
        self.book = book
        self.platform = platform
        self.metrics = metrics
        self.stagingFolder = stagingFolder
        self.memory = memory
    }
}

/// One configured delivery: reads the journal at its own pace, stages, plans, lands.
///
/// A dead destination holds up this connector and no other.
package final class Connector: Sendable {
    package let settings: ConnectorSettings
    let context: ConnectorContext
    let destination: Destination
    var control: ConnectorControl { context.control }
    var partitions: [PartitionID] { (0..<context.journal.partitions).map { PartitionID($0) } }

    package init(
        _ settings: ConnectorSettings,
        to destination: Destination,
        in environment: ConnectorEnvironment
    ) throws(DeliveryError) {
        try settings.validate()
        let types = try environment.book.types(
            matching: settings.filter,
            edition: settings.edition,
            kind: settings.kind
        )
        guard !types.isEmpty else {
            throw DeliveryError(
                .settings,
                "connector \(settings.name) carries nothing: no event type of edition \(settings.edition) passes its "
                    + "events, sections, channels and actions"
            )
        }
        let routes = try Self.routes(environment.book, types, settings)
        self.settings = settings
        self.destination = destination
        context = ConnectorContext(
            settings: settings,
            location: destination.location,
            book: environment.book,
            types: types,
            routes: routes,
            keys: KeyMaker(settings: settings.key, kind: settings.kind, connector: settings.id),
            journal: environment.journal,
            state: environment.state,
            owner: environment.owner,
            platform: environment.platform,
            staging: StagingFolder(
                path: FilePath.join(environment.stagingFolder, settings.id),
                platform: environment.platform
            ),
            memory: environment.memory,
            ledger: Ledger(types: types.map(\.name)),
            control: ConnectorControl(partitions: environment.journal.partitions),
            metrics: DeliveryMetrics(environment.metrics, connector: settings.name)
        )
    }

    private static func routes(
        _ book: SchemaBook,
        _ types: [CarriedType],
        _ settings: ConnectorSettings
    ) throws(DeliveryError) -> RouteTable {
        if settings.privacy != PrivacySettings(), let system = types.first(where: { $0.fields == nil }) {
            throw DeliveryError(
                .settings,
                "connector \(settings.name): \(system.name) holds raw bytes, which privacy rules do not reach; carry it "
                    + "by a connector of its own"
            )
        }
        do throws(PrivacyProblem) {
            return try RouteTable(book: book, types: types, privacy: settings.privacy)
        } catch {
            throw DeliveryError(.settings, "connector \(settings.name): privacy: \(error.sentence)")
        }
    }

    /// Enters the connector into state and fixes where it begins; to be done before Intake accepts anything.
    ///
    /// With `forgettingPlans`, files that are finished for another location are given up and count as lost.
    package func prepare(forgettingPlans: Bool = false) async throws(DeliveryError) {
        if forgettingPlans {
            _ = try await context.state.forgetPlans(connector: settings.id, owner: context.owner)
        }
        let row = try await context.state.register(
            ConnectorRow(id: settings.id, name: settings.name, location: context.location),
            owner: context.owner
        )
        for partition in partitions where try await stored(partition) == nil {
            let start =
                settings.start == .now ? context.journal.end(of: partition) : context.journal.oldest(of: partition)
            let commit = CursorCommit(
                connector: settings.id,
                partition: partition,
                snapshot: CursorSnapshot(scanned: start),
                gapOffsets: 0
            )
            _ = try await context.state.commit(commit, owner: context.owner)
        }
        try await loadBooks()
        let names = try await context.state.stagedNames(connector: settings.id)
        try await context.staging.clear(keeping: names)
        if row.isPaused { control.set(.paused) }
        showMetrics()
    }

    /// Works until `stop` or cancellation; throws only when state failed and the process must end.
    package func run() async throws(DeliveryError) {
        let failure = await withTaskExecutorPreference(context.platform.compute) { await self.runOnCompute() }
        if let failure { throw failure }
    }

    private func runOnCompute() async -> DeliveryError? {
        while true {
            let generation = control.changes.generation
            if control.mode == .stopping || Task.isCancelled { return nil }
            guard control.shouldWork else {
                await control.changes.wait(past: generation)
                continue
            }
            control.isWorking = true
            let failure = await work()
            control.isWorking = false
            if let failure { return failure }
        }
    }

    /// Workers and landers side by side until they are to stand still.
    private func work() async -> DeliveryError? {
        context.ledger.recoveredEverywhere()
        await firstOf([{ await self.prepareDestination() }, { await self.waitUntilIdle() }])
        guard control.shouldWork, !Task.isCancelled else { return nil }
        return await withTaskGroup(of: DeliveryError?.self) { group in
            group.addTask {
                await self.waitUntilIdle()
                await self.waitForCalls()
                return nil
            }
            for partition in partitions {
                group.addTask { await self.supervise(partition) }
            }
            switch destination {
            case .stream:
                group.addTask {
                    await self.watchDestination()
                    return nil
                }
            case .objects(let destination):
                let queue = PlanQueue(context)
                for _ in 0..<settings.landingsMax {
                    let lander = Lander(context: context, destination: destination, queue: queue)
                    group.addTask {
                        do throws(DeliveryError) {
                            try await lander.run()
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
            }
            var failure: DeliveryError?
            for await ended in group {
                failure = failure ?? ended
                group.cancelAll()
            }
            return failure
        }
    }

    private func prepareDestination() async {
        do throws(DestinationError) {
            switch destination {
            case .objects(let destination): try await destination.prepare()
            case .stream(let destination): try await destination.prepare()
            }
            context.ledger.recovered(.destination)
        } catch {
            guard error.code != .cancelled else { return }
            context.ledger.trouble(
                error.remedy == .waitForChange ? .waitingForChange : .retrying,
                at: .destination,
                reason: error.message,
                now: context.platform.clock.now()
            )
        }
    }

    /// Prepares a stream in trouble again now and then: with nothing to deliver, nobody else would find it well.
    private func watchDestination() async {
        var retry = settings.retry
        while !Task.isCancelled {
            await context.pause(for: retry.waitForChange(random: context.platform.random.next()))
            if control.shouldWork, context.ledger.hasTrouble(at: .destination) { await prepareDestination() }
        }
    }

    private func waitUntilIdle() async {
        while control.shouldWork, !Task.isCancelled {
            let generation = control.changes.generation
            guard control.shouldWork else { return }
            await control.changes.wait(past: generation)
        }
    }

    /// Before a stop cuts what is on its way, that may come to its end: none begins any more.
    private func waitForCalls() async {
        let clock = context.platform.clock
        let deadline = clock.uptime() + control.grace
        while control.mode == .stopping, !Task.isCancelled {
            let generation = control.changes.generation
            guard control.hasCalls else { return }
            let left = deadline - clock.uptime()
            guard left > .zero else {
                control.hasCutCalls = control.grace > .zero
                return
            }
            let changes = control.changes
            await firstOf([
                { try? await clock.sleep(for: left) },
                { await changes.wait(past: generation) },
            ])
        }
    }

    /// Runs a partition's worker; what is not state's failure is tried again from the committed cursor.
    private func supervise(_ partition: PartitionID) async -> DeliveryError? {
        var retry = settings.retry
        while !Task.isCancelled {
            let started = context.platform.clock.uptime()
            do throws(DeliveryError) {
                switch destination {
                case .objects: try await PartitionWorker.run(context, partition)
                case .stream(let stream): try await StreamWorker.run(context, partition, to: stream)
                }
                // A worker that ends cuts all others off: what these have begun comes to its end first.
                await control.waitWhileStopping()
            } catch {
                if ConnectorContext.isFatal(error) { return error }
                if context.platform.clock.uptime() - started > retry.cap { retry.succeeded() }
                context.ledger.trouble(
                    .retrying,
                    at: .partition(partition),
                    reason: error.message,
                    now: context.platform.clock.now()
                )
                await context.pause(for: retry.wait(random: context.platform.random.next()))
            }
        }
        return nil
    }

    private func stored(_ partition: PartitionID) async throws(DeliveryError) -> StoredCursor? {
        try await context.state.cursor(connector: settings.id, partition: partition)
    }

    /// Begins the books with what state has; nothing may be working.
    func loadBooks() async throws(DeliveryError) {
        var cursors: [StoredCursor] = []
        for partition in partitions {
            guard let cursor = try await stored(partition) else { continue }
            cursors.append(cursor)
        }
        var oldest: [Timestamp?] = []
        for (partition, cursor) in zip(partitions, cursors) {
            oldest.append(try await firstTime(in: partition, from: cursor.snapshot.floor))
        }
        context.ledger.load(cursors, oldest: oldest)
        var newest = PlanID(rawValue: 0)
        while true {
            let page = try await context.state.openPlans(
                connector: settings.id,
                partition: nil,
                after: newest,
                limit: 1_000
            )
            guard let last = page.last else { break }
            context.ledger.planned(page.map { ($0.id, Ledger.OpenPlan(made: $0.made, oldest: $0.made)) })
            newest = last.id
        }
    }

    /// When the first record from an offset on was journalled; nil at the journal's end.
    private func firstTime(in partition: PartitionID, from offset: Offset) async throws(DeliveryError) -> Timestamp? {
        let reader = context.journal.makeReader(partition, from: offset)
        do throws(JournalError) {
            while true {
                switch try await reader.next(wanting: { _ in false }, bytesMax: 1) {
                case .frame(let frame): return frame.time
                case .lost: continue
                case .end: return nil
                }
            }
        } catch {
            throw DeliveryError(.journal, error.description)
        }
    }
}
