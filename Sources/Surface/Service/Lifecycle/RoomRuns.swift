import Delivery
import Foundation
import Hummingbird
import Intake
import Journal
import Logging
import NIOCore
import Platform
import ServiceLifecycle
import Synchronization
import Tracking

/// The journal's writers, for as long as anything may be appended.
struct JournalRun: Service {
    let journal: any Journal
    let failStop: FailStop

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await work() }
    }

    /// Until cancelled.
    func work() async throws {
        do {
            try await journal.run()
        } catch is CancellationError {
            // Cancelled is how writers are told to finish their frame and stop.
        } catch {
            failStop.stop("\(error)")
            throw error
        }
    }
}

/// Tracking, for as long as reports may come.
struct TrackingRun: Service {
    let rooms: ServiceRooms

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await work() }
    }

    /// Until cancelled.
    func work() async throws {
        do {
            try await rooms.tracking.tracker.run()
        } catch is CancellationError {
            // Cancelled is how it is told to handle what still waits and stop.
        } catch {
            rooms.failStop.check(error)
            throw error
        }
    }
}

/// All connectors, and all replays.
struct DeliveryRun: Service {
    let rooms: ServiceRooms

    func run() async throws {
        try await work { (try? await gracefulShutdown()) != nil }
    }

    /// Until `isStopped` answers: true for a stop in order, false where all is to be cut off.
    func work(isStopped: @escaping @Sendable () async -> Bool) async throws {
        let (delivery, replays, failStop, logger) = (rooms.delivery, rooms.replays, rooms.failStop, rooms.logger)
        let timeout = rooms.configuration.shutdownTimeout
        // The one that stops the others says when it is time to cancel what has not stopped.
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                do throws(DeliveryError) {
                    try await delivery.run()
                } catch {
                    failStop.check(error)
                    throw error
                }
                return false
            }
            group.addTask {
                do throws(DeliveryError) {
                    try await replays.run()
                } catch {
                    failStop.check(error)
                    throw error
                }
                return false
            }
            group.addTask {
                guard await isStopped() else { return true }
                async let replaysStopped = replays.stop(within: timeout)
                let stopped = await delivery.stop(within: timeout)
                if await !(replaysStopped && stopped) {
                    logger.warning(
                        "A connector did not stop in time; what it was doing is done again at the next start."
                    )
                }
                return true
            }
            while let isTime = try await group.next(), !isTime {}
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}

/// Whether requests are taken: the first to be told of a stop, so that senders are told at once.
struct Taking: Service {
    let rooms: ServiceRooms
    let board: PhaseBoard

    func run() async throws {
        try? await gracefulShutdown()
        board.become(.stopping)
        rooms.intake.become(.stopping)
        rooms.logger.info("The service is stopping.")
    }
}

/// All listeners, told of a stop at the same moment: none waits for the slow clients of another.
struct ListenerRuns: Service {
    let runs: [ListenerRun]

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for run in runs { group.addTask { try await run.run() } }
            try await group.waitForAll()
        }
    }
}

/// One listener.
///
/// A stop lets requests that are under way end, for as long as `patience`, and then closes their connections.
///
/// A failure before it has its address is told as what it is: the address cannot be had.
struct ListenerRun: Sendable {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let address: ListenAddress
    private let application: Application<RouterResponder<CourantContext>>
    private let bound = Flag()
    private let connections: OpenConnections
    private let patience: Duration
    private let clock: any WorldClock

    init(_ listener: Listener, patience: Duration, clock: any WorldClock) throws {
        self.patience = patience
        self.clock = clock
        address = listener.address
        connections = listener.connections
        let (flag, onBound) = (bound, listener.onBound)
        application = try listener.makeApplication { address in
            flag.isSet.store(true, ordering: .releasing)
            await onBound(address)
        }
    }

    func run() async throws {
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await application.run()
                    return true
                }
                group.addTask {
                    guard (try? await gracefulShutdown()) != nil else { return false }
                    guard (try? await clock.sleep(for: patience)) != nil else { return false }
                    connections.closeAll()
                    return false
                }
                while let hasEnded = try await group.next(), !hasEnded {}
                group.cancelAll()
            }
        } catch let error where !(error is CancellationError) && !bound.isSet.load(ordering: .acquiring) {
            let cause = (error as? IOError).map { unsafe String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw ServiceError(
                .listen,
                "The address \(address) cannot be listened on: \(cause). Stop what listens there, or choose another."
            )
        }
    }
}
