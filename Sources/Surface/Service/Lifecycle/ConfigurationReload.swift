import Delivery
import Intake
import Journal
import Logging
import Platform
import Tracking

/// Reads the configuration file again while the service runs, and exchanges the connectors that it changes.
///
/// The file is checked whole first; one with a problem changes nothing. One reload at a time.
actor ConfigurationReload {
    /// What a reload did.
    struct Outcome: Encodable, Sendable {
        /// Connectors by name; one that was exchanged was stopped and started.
        let started: [String]
        let stopped: [String]
        let kept: [String]
        /// How many definitions the folder has, which was read again; nil where none is configured.
        let definitions: Int?
        /// Keys whose values in the file differ from what the service started with.
        let needRestart: [String]
    }

    /// Why nothing, or not everything, was done.
    enum Refusal: Error, CustomStringConvertible {
        case withoutFile
        case underWay
        case file(ConfigurationError)
        /// What the file asks for cannot be done as things stand.
        case refused(String)
        case late(String)
        /// A fault of the machine.
        case fault(String)

        var description: String {
            switch self {
            case .withoutFile: "The service runs without a configuration file; start it with --config FILE."
            case .underWay: "A reload is under way; ask again when it has ended."
            case .file(let error): error.description
            case .refused(let reason), .fault(let reason): reason
            case .late(let reason): "\(reason). All others are as the file says; reload again once it has ended."
            }
        }
    }

    private let started: Configuration
    private let rooms: ServiceRooms
    private let reread: Configuration.Reread?
    /// As the connectors run.
    private var applied: [ConnectorPart]
    private var isUnderWay = false

    init(_ rooms: ServiceRooms, reread: Configuration.Reread?) {
        started = rooms.configuration
        applied = rooms.configuration.connectors
        self.rooms = rooms
        self.reread = reread
    }

    func reload() async throws(Refusal) -> Outcome {
        do throws(Refusal) {
            let outcome = try await attempt()
            rooms.logger.notice(
                "The configuration was read again.",
                metadata: [
                    "connectors.started": "\(outcome.started.joined(separator: ","))",
                    "connectors.stopped": "\(outcome.stopped.joined(separator: ","))",
                    "service.need_restart": "\(outcome.needRestart.joined(separator: ","))",
                ]
            )
            return outcome
        } catch .withoutFile {
            rooms.logger.notice("There is no configuration file to read again; start with --config FILE to have one.")
            throw .withoutFile
        } catch {
            rooms.logger.error("The configuration was not taken over.", metadata: ["service.reason": "\(error)"])
            throw error
        }
    }

    private func attempt() async throws(Refusal) -> Outcome {
        guard let reread else { throw .withoutFile }
        guard !isUnderWay else { throw .underWay }
        isUnderWay = true
        defer { isUnderWay = false }
        let found: Configuration
        do throws(ConfigurationError) {
            found = try await rooms.platform.onBlocking(reread)
        } catch {
            throw .file(error)
        }
        let needRestart = found.keysDiffering(from: started)
        let folder = try await definitions()
        // The data folder stays where it is, and with it what follows it.
        let parts = found.with(data: started.data).connectors
        let wanted = try destinations(of: parts)
        let renewed = parts.filter { part in
            applied.contains { $0.name == part.name && !$0.destination.isSame(as: part.destination) }
        }
        let changes: Delivery.Changes
        do throws(DeliveryError) {
            changes = try await rooms.delivery.reload(
                wanted,
                renewed: Set(renewed.map(\.name)),
                within: found.reloadTimeout
            )
            try await rooms.replays.resume(within: found.reloadTimeout)
            try await rooms.tellOfRetired()
            rooms.tellOfFailedReplays()
        } catch {
            rooms.failStop.check(error)
            throw Self.refusal(error)
        }
        applied = parts
        try await load(folder)
        return Outcome(
            started: changes.started,
            stopped: changes.stopped,
            kept: changes.kept,
            definitions: folder?.definitions.count,
            needRestart: needRestart
        )
    }

    /// The folder that the service started with, as it is now.
    private func definitions() async throws(Refusal) -> DefinitionFolder? {
        guard let path = started.tracking.definitions else { return nil }
        let folder = await rooms.platform.onBlocking { DefinitionFolder(path) }
        do throws(ServiceError) {
            try folder.check()
        } catch {
            throw .refused(error.message)
        }
        return folder
    }

    private func load(_ folder: DefinitionFolder?) async throws(Refusal) {
        guard let folder else { return }
        do throws(TrackingError) {
            try await rooms.tracking.load(folder, source: started.openSource, rooms.logger)
        } catch {
            rooms.failStop.check(error)
            throw error.code == .report ? .refused(error.message) : .fault(error.message)
        }
    }

    private func destinations(
        of parts: [ConnectorPart]
    ) throws(Refusal) -> [(settings: ConnectorSettings, destination: Destination)] {
        var wanted: [(settings: ConnectorSettings, destination: Destination)] = []
        for part in parts {
            do {
                wanted.append(
                    try part.made(
                        journal: rooms.journal.id,
                        platform: rooms.platform,
                        transport: rooms.transport,
                        metrics: rooms.metrics
                    )
                )
            } catch {
                throw .refused("connectors.\(part.name).destination: \(error)")
            }
        }
        return wanted
    }

    private static func refusal(_ error: DeliveryError) -> Refusal {
        switch error.code {
        case .settings, .connector, .plansOpen: .refused(error.message)
        case .timeout: .late(error.message)
        default: .fault(error.message)
        }
    }
}

extension DestinationPart {
    /// Whether the other would be reached in the same way, at the same place.
    fileprivate func isSame(as other: any DestinationPart) -> Bool {
        (other as? Self) == self
    }
}

extension Configuration {
    /// The keys that are read at start only, where the values differ.
    fileprivate func keysDiffering(from other: Configuration) -> [String] {
        func key<Value: Equatable>(_ name: String, _ path: KeyPath<Configuration, Value>) -> String? {
            self[keyPath: path] == other[keyPath: path] ? nil : name
        }
        let keys = [
            key("data", \.data), key("listen", \.listen), key("admin.listen", \.adminListen),
            key("publicURL", \.publicURL), key("trusted_proxies", \.trustedProxies), key("tls", \.tls),
            key("http.connections_max", \.http.connectionsMax), key("http.idle_timeout", \.http.idleTimeout),
            key("http.request_timeout", \.http.requestTimeout),
            key("shutdown.timeout", \.shutdownTimeout), key("log.level", \.log.level),
            key("log.format", \.log.format), key("journal.partitions", \.journal.partitions),
            key("journal.segment", \.journal.segmentBytes), key("journal.keep", \.journal.keep),
            key("disk.budget", \.disk.budgetBytes), key("disk.reserve", \.disk.reserveBytes),
            key("duplicates.window", \.duplicates.window), key("duplicates.memory", \.duplicates.memoryBytes),
            key("intake.event_bytes_max", \.intake.eventBytesMax), key("intake.body_bytes_max", \.intake.bodyBytesMax),
            key("intake.decompressed_bytes_max", \.intake.decompressedBytesMax),
            key("intake.in_flight_bytes_max", \.intake.inFlightBytesMax),
            key("delivery.memory", \.delivery.memoryBytes), key("tracking", \.tracking.settings),
            key("tracking.definitions", \.tracking.definitions),
        ]
        let names = (sources + other.sources).map(\.name)
        let changed = names.filter { name in
            sources.first { $0.name == name } != other.sources.first { $0.name == name }
                || tracking.sources[name] != other.tracking.sources[name]
        }
        return keys.compactMap(\.self) + Set(changed).sorted().map { "sources.\($0)" }
    }
}
