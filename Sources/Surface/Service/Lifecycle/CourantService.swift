package import CloudHTTP
import Delivery
package import Glossary
import Intake
package import Logging
package import Platform
import ServiceLifecycle
import Telemetry
package import UnixSignals

/// The running whole: opens the rooms in their order, listens, and closes everything in the reverse order.
///
/// A stop takes nothing more (503), finishes what is in flight, stops the connectors where they stand, and closes the
/// journal; what had not landed is picked up at the next start.
package struct CourantService: Sendable {
    /// What whoever started the service may want to know and do.
    package struct Started: Sendable {
        /// With the ports that were bound, also where 0 was asked for.
        package let listen: ListenAddress
        package let adminListen: ListenAddress?
        /// Where the admin routes answer; begins with `http://` or `https://`.
        package let adminURL: String
        package let url: String
        package let data: String
        package let sources: [String]
        package let connectors: [(name: String, location: String)]
        /// Whether everybody on this machine may do everything.
        package let isOpen: Bool
        /// Begins a stop, as SIGTERM does.
        package let stop: @Sendable () async -> Void
    }

    /// What the rooms behind the listeners may take to close when the last request took all of `shutdown.timeout`.
    private static let closingTime = Duration.seconds(2)

    private let configuration: Configuration
    private let glossary: Glossary
    private let platform: Platform
    private let logger: Logger
    private let failStop: FailStop
    private let processID: Int32
    private let reread: Configuration.Reread?
    private let providerTransport: (any CloudTransport)?

    /// `reread` gives the configuration as its file has it now; without one there is no file to reload.
    ///
    /// `providerTransport` stands in for the network where addresses of providers are fetched.
    package init(
        _ configuration: Configuration,
        reread: Configuration.Reread? = nil,
        processID: Int32,
        glossary: Glossary = .standard,
        platform: Platform,
        logger: Logger? = nil,
        failStop: FailStop? = nil,
        providerTransport: (any CloudTransport)? = nil
    ) {
        let logger = logger ?? ServiceLog.logger(configuration.log, clock: platform.clock)
        self.configuration = configuration
        self.glossary = glossary
        self.platform = platform
        self.logger = logger
        self.failStop = failStop ?? FailStop(logger: logger)
        self.processID = processID
        self.reread = reread
        self.providerTransport = providerTransport
    }

    /// Runs until a signal or `Started.stop`.
    ///
    /// - Parameters:
    ///   - signals: Those that begin a stop.
    ///   - reloadSignals: Those at which the configuration is read again; without a file they are noted in the log.
    ///   - onStarted: Called once, when the service is ready.
    /// - Throws: `ServiceError` and the rooms' own errors when it cannot start.
    package func run(
        signals: [UnixSignal] = [.sigterm, .sigint],
        reloadSignals: [UnixSignal] = [.sighup],
        onStarted: @escaping @Sendable (Started) async -> Void = { _ in }
    ) async throws {
        var seams = RoomSeams.live
        seams.providerTransport = providerTransport
        let rooms = try await ServiceRooms.open(
            configuration,
            glossary: glossary,
            platform: platform,
            processID: processID,
            logger: logger,
            failStop: failStop,
            seams: seams
        )
        do {
            try await run(rooms, signals, reloadSignals, onStarted)
        } catch {
            await rooms.close()
            throw error
        }
        await rooms.close()
        logger.info("The service has stopped.")
    }

    private func run(
        _ rooms: ServiceRooms,
        _ signals: [UnixSignal],
        _ reloadSignals: [UnixSignal],
        _ onStarted: @escaping @Sendable (Started) async -> Void
    ) async throws {
        let board = PhaseBoard()
        let starting = StartBoard(expected: configuration.adminListen == nil ? 1 : 2)
        let reload = ConfigurationReload(rooms, reread: reread)
        let listeners = try ServiceListeners(rooms: rooms, board: board, reload: reload).listeners { name, address in
            starting.bound(name, address)
        }
        let disk = DiskUpkeep(of: rooms)
        try await rooms.tellOfRetired()
        rooms.tellOfFailedReplays()
        // Intake's first question finds the figures there.
        try await disk.measure()
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: JournalRun(journal: rooms.journal, failStop: failStop), serviceName: "journal"),
            .init(service: DeliveryRun(rooms: rooms), serviceName: "delivery"),
            .init(service: TrackingRun(rooms: rooms), serviceName: "tracking"),
            .init(service: disk, serviceName: "disk"),
            .init(service: Retention(of: rooms), serviceName: "retention"),
            .init(service: ConnectorWatch(of: rooms), serviceName: "connector watch"),
        ]
        let runs = try listeners.map {
            try ListenerRun($0, patience: configuration.shutdownTimeout, clock: platform.clock)
        }
        services.append(.init(service: ListenerRuns(runs: runs), serviceName: "listeners"))
        if !reloadSignals.isEmpty {
            let waiting = ReloadOnSignal(signals: reloadSignals, reload: reload)
            services.append(.init(service: waiting, serviceName: "reload"))
        }
        // The last to start is the first to be told of a stop.
        services.append(
            .init(
                service: Taking(rooms: rooms, board: board),
                successTerminationBehavior: .gracefullyShutdownGroup,
                serviceName: "taking"
            )
        )
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        var groupConfiguration = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: signals,
            logger: quiet
        )
        groupConfiguration.maximumGracefulShutdownDuration = configuration.shutdownTimeout + Self.closingTime
        let group = ServiceGroup(configuration: groupConfiguration)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                guard let bound = await starting.all() else { return }
                try await rooms.loadDefinitions()
                rooms.intake.become(.ready)
                board.become(.ready)
                let started = started(rooms, bound) { await group.triggerGracefulShutdown() }
                logReady(started)
                await onStarted(started)
            }
            // Once the group has ended, nobody need wait for its start any more.
            defer { starting.giveUp() }
            try await tasks.next()
            starting.giveUp()
            try await tasks.waitForAll()
        }
    }

    private func started(
        _ rooms: ServiceRooms,
        _ bound: [ServiceListeners.Name: ListenAddress],
        stop: @escaping @Sendable () async -> Void
    ) -> Started {
        let scheme = configuration.tls == nil ? "http" : "https"
        let listen = bound[.open] ?? configuration.listen
        let admin = bound[.admin]
        return Started(
            listen: listen,
            adminListen: admin,
            adminURL: "\(scheme)://\((admin ?? listen).reachable)",
            url: "\(scheme)://\(listen.reachable)",
            data: configuration.data,
            sources: configuration.sources.map(\.name),
            connectors: rooms.delivery.connectors.map { ($0.settings.name, $0.status().location) },
            isOpen: rooms.tokens.isEmpty,
            stop: stop
        )
    }

    private func logReady(_ started: Started) {
        var metadata: Logger.Metadata = [
            "service.listen": "\(started.listen)", "service.data": "\(started.data)",
            "service.sources": "\(started.sources.joined(separator: ","))",
            "service.connectors": "\(started.connectors.map(\.name).joined(separator: ","))",
        ]
        if let admin = started.adminListen { metadata["service.admin"] = "\(admin)" }
        // Without a token nothing names a source, and one of several takes everything.
        if started.isOpen, started.sources.count > 1 {
            metadata["service.source_without_token"] = "\(configuration.openSource)"
        }
        logger.info("The service is ready.", metadata: metadata)
    }
}

extension ListenAddress {
    /// The address as somebody on this machine reaches it: "every address" is not one to connect to.
    var reachable: ListenAddress {
        switch host {
        case "0.0.0.0": ListenAddress(host: "127.0.0.1", port: port)
        case "::": ListenAddress(host: "::1", port: port)
        default: self
        }
    }
}
