package import CloudHTTP
package import Delivery
import Glossary
import Intake
package import Journal
import Logging
package import Platform
import Telemetry
import Tracking

/// Where the rooms meet the network, the journal and Delivery's state: the simulator puts others in their place.
package struct RoomSeams: Sendable {
    package static let live = RoomSeams { LiveTransport(clock: $0) }

    package var transport: @Sendable (_ clock: any WorldClock) -> any OwnedTransport
    /// Over which addresses of providers are fetched, where that is not `transport`.
    package var providerTransport: (any CloudTransport)?
    package var journal: @Sendable (any Journal) -> any Journal = { $0 }
    package var state: @Sendable (any DeliveryState) -> any DeliveryState = { $0 }

    package init(transport: @escaping @Sendable (_ clock: any WorldClock) -> any OwnedTransport) {
        self.transport = transport
    }
}

/// All rooms of a service, opened in their order and standing on each other.
struct ServiceRooms: Sendable {
    let configuration: Configuration
    let glossary: Glossary
    let platform: Platform
    let metrics: MetricRegistry
    let logger: Logger
    let failStop: FailStop
    let folder: DataFolder
    let state: StateStore
    let tokens: TokenBook
    let schemas: [JournalSchema]
    let journal: any Journal
    let disk: DiskBudget
    let transport: any OwnedTransport
    /// Over which addresses of providers are fetched.
    let providerTransport: any CloudTransport
    let delivery: Delivery
    let replays: Replays
    let intake: Intake
    let tracking: TrackingRooms
    let settledLetters: SettledLetters

    /// Opens data folder, state, tokens, journal and connectors.
    ///
    /// What was opened is closed again if a later one fails.
    static func open(
        _ configuration: Configuration,
        glossary: Glossary,
        platform: Platform,
        processID: Int32,
        logger: Logger,
        failStop: FailStop,
        seams: RoomSeams = .live
    ) async throws -> ServiceRooms {
        let folder = try await DataFolder.hold(configuration.data, processID: processID, platform: platform)
        do {
            let state = try await folder.openState()
            let transport = seams.transport(platform.clock)
            do {
                return try await open(
                    configuration,
                    glossary,
                    platform,
                    logger,
                    failStop,
                    folder,
                    state,
                    transport,
                    seams
                )
            } catch {
                try? await transport.shutdown()
                try? await state.close()
                throw error
            }
        } catch {
            folder.release()
            throw error
        }
    }

    /// What was acknowledged and is no more is an error in the log at the moment it is found.
    private static func tell(_ found: FoundLoss, _ logger: Logger) {
        logger.error(
            "The journal has rotted and records are lost. `courant journal check` names the segment.",
            metadata: [
                "journal.partition": "\(found.partition.rawValue)",
                "journal.from": "\(found.loss.from.rawValue)", "journal.to": "\(found.loss.to.rawValue)",
                "journal.records": "\(found.records)",
            ]
        )
    }

    /// That the last process did not end in order, and what recovery made of it.
    private static func tell(_ report: RecoveryReport, _ logger: Logger) {
        let partition: Logger.MetadataValue = "\(report.partition.rawValue)"
        if report.framesRecovered > 0 || report.hasTornTail {
            logger.notice(
                """
                The last process ended without closing the journal: all that was acknowledged is kept, and a write \
                that was not is cut off.
                """,
                metadata: [
                    "journal.partition": partition, "journal.frames_kept": "\(report.framesRecovered)",
                    "journal.write_cut_off": "\(report.hasTornTail)",
                ]
            )
        }
        for segment in report.brokenSegments {
            logger.error(
                "A segment has no readable head and is set aside.",
                metadata: ["journal.partition": partition, "journal.segment": "\(segment)"]
            )
        }
    }

    /// The connectors, standing where they stood.
    private static func delivery(
        _ configuration: Configuration,
        _ glossary: Glossary,
        _ schemas: [JournalSchema],
        _ journal: any Journal,
        _ folder: DataFolder,
        _ state: StateStore,
        _ metrics: MetricRegistry,
        _ transport: any OwnedTransport,
        _ seams: RoomSeams
    ) async throws -> Delivery {
        let platform = state.platform
        let environment = ConnectorEnvironment(
            journal: journal,
            state: seams.state(state),
            owner: try await state.takeOver(),
            book: try SchemaBook(glossary: glossary, system: schemas.filter { $0.name == DeadLetter.typeName }),
            platform: platform,
            metrics: metrics,
            stagingFolder: folder.staging,
            memory: StagingMemory(budget: configuration.delivery.memoryBytes)
        )
        let delivery = Delivery(environment)
        try await delivery.start(
            try configuration.connectors.map { part in
                try part.made(journal: journal.id, platform: platform, transport: transport, metrics: metrics)
            }
        )
        return delivery
    }

    /// The tokens that have been made; throws where there are none and strangers could come in.
    private static func tokens(
        _ configuration: Configuration,
        _ state: StateStore,
        _ platform: Platform
    ) async throws -> TokenBook {
        let tokens = TokenBook(
            store: try await TokenTable(state),
            sources: configuration.sources.map(\.name),
            platform: platform
        )
        try await tokens.load()
        try configuration.refuseOpenDoors(tokens)
        return tokens
    }

    private static func open(
        _ configuration: Configuration,
        _ glossary: Glossary,
        _ platform: Platform,
        _ logger: Logger,
        _ failStop: FailStop,
        _ folder: DataFolder,
        _ state: StateStore,
        _ transport: any OwnedTransport,
        _ seams: RoomSeams
    ) async throws -> ServiceRooms {
        let metrics = MetricRegistry()
        let tokens = try await tokens(configuration, state, platform)
        let disk = DiskBudget(configuration.disk)
        let schemas = try Intake.journalSchemas(glossary.editions)
        let segments = try await SegmentedJournal.open(
            configuration.journalSettings(folder: folder.journal, disk: disk),
            schemas: schemas,
            identify: { Intake.identify(glossary.editions, schemas: schemas, secret: $0) },
            minimumNextOffset: try await state.minimumNextOffsets(),
            platform: platform,
            metrics: metrics,
            failStop: { failStop.stop("\($0)") },
            onLoss: { Self.tell($0, logger) }
        )
        for report in segments.recovery { tell(report, logger) }
        try await state.adopt(segments.id)
        let journal = seams.journal(segments)
        let delivery = try await delivery(
            configuration,
            glossary,
            schemas,
            journal,
            folder,
            state,
            metrics,
            transport,
            seams
        )
        let replays = Replays(for: delivery)
        try await replays.resume()
        let intake = configuration.intake(over: journal, glossary, schemas, platform, metrics)
        let providerTransport = seams.providerTransport ?? transport
        let tracking = try await TrackingRooms.open(
            configuration,
            folder.tracking,
            glossary,
            intake,
            platform,
            metrics,
            providerTransport,
            failStop
        )
        try await folder.noteTracking(in: state)
        return ServiceRooms(
            configuration: configuration,
            glossary: glossary,
            platform: platform,
            metrics: metrics,
            logger: logger,
            failStop: failStop,
            folder: folder,
            state: state,
            tokens: tokens,
            schemas: schemas,
            journal: journal,
            disk: disk,
            transport: transport,
            providerTransport: providerTransport,
            delivery: delivery,
            replays: replays,
            intake: intake,
            tracking: tracking,
            settledLetters: try await SettledLetters(state)
        )
    }

    /// Names connectors that are configured no more and left something that has not landed.
    func tellOfRetired() async throws(DeliveryError) {
        for connector in try await delivery.retired() where connector.hasLeftSomething {
            logger.warning(
                """
                A connector that is not in the configuration any more has left records that have not landed. Configure \
                it again with its id to land them, or forget them with `courant connector forget \(connector.name)`.
                """,
                metadata: [
                    "connector.name": "\(connector.name)", "connector.id": "\(connector.id)",
                    "connector.location": "\(connector.location)", "connector.pending": "\(connector.pending)",
                    "connector.refused": "\(connector.refused)",
                ]
            )
        }
    }

    /// Names replays that cannot go on, with what stands in their way.
    func tellOfFailedReplays() {
        for (id, reason) in replays.failed {
            logger.warning(
                "A replay cannot go on as things are; change what stands in its way, or cancel it.",
                metadata: ["replay.id": "\(id)", "replay.reason": "\(reason)"]
            )
        }
    }

    /// Puts the folder's definitions in force, where one is configured; to be called while the tracker runs.
    func loadDefinitions() async throws(TrackingError) {
        guard let folder = tracking.definitions else { return }
        try await tracking.load(folder, source: configuration.openSource, logger)
    }

    /// To be called when nothing runs any more.
    func close() async {
        do {
            try await transport.shutdown()
        } catch {
            logger.warning("Connections were not closed.", metadata: ["delivery.error": "\(error)"])
        }
        do {
            try await tracking.store.close()
            try await state.close()
        } catch {
            logger.error(
                "State could not be closed; the next start recovers it.",
                metadata: ["state.error": "\(error)"]
            )
        }
        folder.release()
    }
}

extension Configuration {
    /// Whether anybody beyond this machine may reach the service: by a listener, or through a proxy in front of it.
    var isExposed: Bool {
        !listen.isLoopback || adminListen?.isLoopback == false || !trustedProxies.isEmpty
    }

    /// Whose events and reports come in without a token.
    var openSource: String {
        let names = sources.map(\.name)
        return names.contains("default") ? "default" : names.first ?? "default"
    }

    /// Nothing listens beyond loopback before there is a token.
    func refuseOpenDoors(_ tokens: TokenBook) throws(ServiceError) {
        guard isExposed, tokens.isEmpty else { return }
        let addresses = [listen, adminListen].compactMap { $0 }.filter { !$0.isLoopback }.map(\.description)
        let what = addresses.isEmpty ? "behind a proxy" : "on \(addresses.joined(separator: " and "))"
        throw ServiceError(
            .tokenNeeded,
            "Without a token the service does not listen \(what): anybody could send and read. Make one first with "
                + "`courant token create NAME --scope admin --data \(data)`."
        )
    }

    fileprivate func intake(
        over journal: any Journal,
        _ glossary: Glossary,
        _ schemas: [JournalSchema],
        _ platform: Platform,
        _ metrics: MetricRegistry
    ) -> Intake {
        Intake(
            sources: sources,
            editions: glossary.editions,
            schemas: schemas,
            settings: intake.bounded(bySegment: self.journal.segmentBytes),
            journal: journal,
            platform: platform,
            metrics: metrics
        )
    }

    func journalSettings(folder: String, disk: DiskBudget) -> JournalSettings {
        JournalSettings(
            folder: folder,
            partitions: journal.partitions,
            segmentBytes: journal.segmentBytes,
            // Head, frame and seal have to fit a segment, however small.
            frameBytesMax: min(4 << 20, journal.segmentBytes / 2),
            queueBytesMax: journal.queueBytesMax,
            duplicateWindow: duplicates.window,
            duplicateMemory: duplicates.memoryBytes,
            diskAdmits: { disk.admits(journal: $0) }
        )
    }
}
