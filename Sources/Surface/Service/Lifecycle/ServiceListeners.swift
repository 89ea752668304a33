import Avro
import Intake
import Journal
import Logging
import NIOCore
import Platform
import Telemetry

/// The routes of a service, dealt out to its listeners.
struct ServiceListeners: Sendable {
    enum Name: String, Sendable, Hashable {
        case open
        case admin
    }

    /// Files, stores and whatever else the process opens beside its clients' connections.
    private static let otherDescriptors = 1024

    private let rooms: ServiceRooms
    private let access: AccessControl
    private let budgets: BodyBudgets
    private let metrics: RequestMetrics
    let routes: [Route]

    init(rooms: ServiceRooms, board: PhaseBoard, reload: ConfigurationReload) throws(AvroError) {
        let configuration = rooms.configuration
        let proxies = TrustedProxies(configuration.trustedProxies)
        budgets = BodyBudgets(bytesMax: configuration.intake.inFlightBytesMax)
        self.rooms = rooms
        access = AccessControl(
            tokens: rooms.tokens,
            isExposed: configuration.isExposed,
            proxies: proxies,
            pace: LogPace(clock: rooms.platform.clock)
        )
        metrics = RequestMetrics(rooms.metrics, clock: rooms.platform.clock)
        let openSource = configuration.openSource
        routes =
            EventRoutes(
                intake: rooms.intake,
                budgets: budgets,
                bodyBytesMax: configuration.intake.bodyBytesMax,
                openSource: openSource
            ).routes
            + Self.trackingRoutes(rooms, budgets, openSource)
            + HealthRoutes(board: board, metrics: rooms.metrics).routes
            + GlossaryRoutes(rooms.glossary).routes
            + ConnectorRoutes(
                intake: rooms.intake,
                delivery: rooms.delivery,
                replays: rooms.replays,
                failStop: rooms.failStop
            ).routes
            + ConfigurationRoutes(reload: reload).routes
            + StatusRoutes(rooms: rooms, board: board, proxies: proxies, started: rooms.platform.clock.now()).routes
            + TokenRoutes(rooms.tokens).routes
            + ConnectorTestRoutes(
                delivery: rooms.delivery,
                glossary: rooms.glossary,
                platform: rooms.platform,
                failStop: rooms.failStop
            ).routes
            + DeadLetterRoutes(letters: try DeadLetters(of: rooms), failStop: rooms.failStop).routes
            + ReplayRoutes(replays: rooms.replays, platform: rooms.platform, failStop: rooms.failStop).routes
            + (try PreviewRoutes(
                intake: rooms.intake,
                delivery: rooms.delivery,
                glossary: rooms.glossary,
                schemas: rooms.schemas
            ).routes)
            + (try TailRoutes(journal: rooms.journal, glossary: rooms.glossary, schemas: rooms.schemas).routes)
        ServiceMetrics.register(rooms, board, budgets)
    }

    /// What happened, as it is reported and as providers tell it.
    private static func trackingRoutes(
        _ rooms: ServiceRooms,
        _ budgets: BodyBudgets,
        _ openSource: String
    ) -> [Route] {
        let configuration = rooms.configuration
        let body = LimitedBody(intake: rooms.intake, budget: budgets.known)
        return TrackingRoutes(
            tracker: rooms.tracking.tracker,
            failStop: rooms.failStop,
            body: body,
            bodyBytesMax: configuration.intake.bounded(bySegment: configuration.journal.segmentBytes).bodyBytesMax,
            openSource: openSource
        ).routes
            + DefinitionRoutes(
                tracker: rooms.tracking.tracker,
                body: body,
                failStop: rooms.failStop,
                platform: rooms.platform,
                openSource: openSource
            ).routes
            + WebhookRoutes(of: rooms, body: LimitedBody(intake: rooms.intake, budget: budgets.strangers)).routes
    }

    /// One listener for everything, or one for each side where the admin routes have an address of their own.
    func listeners(onBound: @escaping @Sendable (Name, ListenAddress) -> Void) -> [Listener] {
        let configuration = rooms.configuration
        let most = connectionsMax()
        func listener(_ name: Name, _ address: ListenAddress, _ routes: [Route]) -> Listener {
            Listener(
                address: address,
                tls: configuration.tls,
                table: RouteTable(routes, access: access, budgets: budgets, metrics: metrics),
                connections: OpenConnections(most: most, listener: name.rawValue, metrics: rooms.metrics),
                limits: ConnectionWatch.Limits(
                    idle: TimeAmount(configuration.http.idleTimeout),
                    request: TimeAmount(configuration.http.requestTimeout)
                ),
                logger: rooms.logger
            ) { address in onBound(name, address) }
        }
        guard let admin = configuration.adminListen else { return [listener(.open, configuration.listen, routes)] }
        return [
            listener(.admin, admin, routes.filter { $0.listener != .open }),
            listener(.open, configuration.listen, routes.filter { $0.listener != .admin }),
        ]
    }

    /// Connections that one listener may have: as configured, or as many as the process can have descriptors for.
    private func connectionsMax() -> Int {
        let configured = rooms.configuration.http.connectionsMax
        let listeners = rooms.configuration.adminListen == nil ? 1 : 2
        let limit = Descriptors.raiseLimit(to: configured * listeners + Self.otherDescriptors)
        let most = (limit - min(Self.otherDescriptors, limit / 2)) / listeners
        guard most < configured else { return configured }
        rooms.logger.warning(
            """
            The system lets this process open too few files for http.connections_max; fewer connections are taken. Raise \
            the hard limit of open files (LimitNOFILE, ulimit -Hn).
            """,
            metadata: ["service.connections_max": "\(most)", "service.descriptors": "\(limit)"]
        )
        return most
    }
}

/// The figures of the whole that no room of its own has.
enum ServiceMetrics {
    static func register(_ rooms: ServiceRooms, _ board: PhaseBoard, _ budgets: BodyBudgets) {
        let (metrics, disk) = (rooms.metrics, rooms.disk)
        metrics.gaugeReading("courant_service_ready", help: "1 while requests are taken.") {
            board.phase == .ready ? 1 : 0
        }
        let started = Double(rooms.platform.clock.now().nanoseconds) / 1e9
        metrics.gaugeReading("courant_service_start_time_seconds", help: "When the service started, since 1970.") {
            started
        }
        for (senders, budget) in [("known", budgets.known), ("strangers", budgets.strangers)] {
            metrics.gaugeReading(
                "courant_service_body_bytes",
                help: "Bytes of bodies received and not yet answered.",
                labels: [("senders", senders)]
            ) { Double(budget.bytes) }
        }
        for asker in BodyBudgets.Asker.allCases {
            let budget = budgets.answers(to: asker)
            metrics.gaugeReading(
                "courant_service_answer_bytes",
                help: "Bytes of large answers that their clients have not taken yet.",
                labels: [("to", asker.rawValue)]
            ) { Double(budget.bytes) }
        }
        metrics.gaugeReading("courant_service_disk_free_bytes", help: "Free on the disk of the data folder.") {
            Double(disk.measurement?.free ?? 0)
        }
        let parts: [(String, @Sendable (DiskBudget.Measurement) -> Int64)] = [
            ("journal", { $0.journal }), ("staging", { $0.staging }), ("state", { $0.state }),
        ]
        for (part, read) in parts {
            metrics.gaugeReading(
                "courant_service_disk_bytes",
                help: "What the data folder holds, by part.",
                labels: [("part", part)]
            ) {
                disk.measurement.map { Double(read($0)) } ?? 0
            }
        }
        if let bytes = disk.budget {
            metrics.gaugeReading("courant_service_disk_budget_bytes", help: "What the data folder may hold.") {
                Double(bytes)
            }
        }
        metrics.gaugeReading("courant_service_disk_has_room", help: "0 while intake answers 503 for want of room.") {
            [weak journal = rooms.journal] in
            disk.admits(journal: journal?.bytesOnDisk ?? 0) ? 1 : 0
        }
    }
}
