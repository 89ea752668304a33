import Delivery
import Logging
import Platform
import ServiceLifecycle

/// Tells the log how connectors fare: when one can no longer deliver, why, and when it goes on.
///
/// What has passed within `every` is left to the metrics.
struct ConnectorWatch: Service {
    static let every = Duration.seconds(5)

    let delivery: Delivery
    let clock: any WorldClock
    let logger: Logger

    /// That of a service's rooms.
    init(of rooms: ServiceRooms) {
        delivery = rooms.delivery
        clock = rooms.platform.clock
        logger = rooms.logger
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown { try await work() }
    }

    /// Until cancelled.
    func work() async throws {
        var told: [String: ConnectorStatus.Condition] = [:]
        while true {
            try await clock.sleep(for: Self.every)
            let all = delivery.status()
            for status in all where status.condition != told[status.id] ?? .running { tell(status) }
            told = Dictionary(all.map { ($0.id, $0.condition) }) { _, last in last }
        }
    }

    private func tell(_ status: ConnectorStatus) {
        var metadata: Logger.Metadata = [
            "connector.name": "\(status.name)", "connector.state": "\(status.condition.rawValue)",
            "connector.location": "\(status.location)",
        ]
        if let reason = status.reason { metadata["connector.reason"] = "\(reason)" }
        switch status.condition {
        case .running: logger.notice("A connector delivers again.", metadata: metadata)
        case .paused: logger.notice("A connector is paused.", metadata: metadata)
        case .retrying: logger.warning("A connector cannot deliver and tries again.", metadata: metadata)
        case .waitingForChange, .conflict, .stopped:
            logger.error("A connector cannot deliver until something is changed.", metadata: metadata)
        }
    }
}
