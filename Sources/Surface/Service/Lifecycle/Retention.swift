import Delivery
import Journal
import Logging
import Platform
import ServiceLifecycle
import Tracking

/// Removes segments that are older than `keep` and that no connector needs any more.
struct Retention: Service {
    static let every = Duration.seconds(30)

    let journal: any Journal
    let delivery: Delivery
    let tracker: Tracker
    let keep: Duration
    let platform: Platform
    let logger: Logger
    let failStop: FailStop

    /// That of a service's rooms.
    init(of rooms: ServiceRooms) {
        journal = rooms.journal
        delivery = rooms.delivery
        tracker = rooms.tracking.tracker
        keep = rooms.configuration.journal.keep
        platform = rooms.platform
        logger = rooms.logger
        failStop = rooms.failStop
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown { try await work() }
    }

    /// Until cancelled.
    func work() async throws {
        while true {
            do {
                try await pass()
            } catch {
                failStop.check(error)
                logger.error("Old segments could not be removed.", metadata: ["journal.error": "\(error)"])
            }
            try await platform.clock.sleep(for: Self.every)
        }
    }

    func pass() async throws {
        await tracker.settleNow()
        for partition in (0..<journal.partitions).map({ PartitionID($0) }) {
            let needed = try await delivery.neededFrom(partition) ?? journal.end(of: partition)
            let removed = try await journal.removeSegments(
                of: partition,
                before: min(needed, tracker.neededFrom(partition)),
                olderThan: platform.clock.now() - keep
            )
            guard removed > 0 else { continue }
            logger.debug(
                "Old segments were removed.",
                metadata: ["journal.segments": "\(removed)", "journal.partition": "\(partition)"]
            )
        }
    }
}
