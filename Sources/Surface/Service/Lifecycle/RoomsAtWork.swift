package import Delivery
package import Glossary
package import Intake
package import Journal
package import Logging
package import Platform
import Synchronization
package import Tracking

/// The rooms of a service at work, with no listener before them.
///
/// What `CourantService` runs in a service group, opened and stopped in the same order: the simulator's whole world
/// stands around it, and whoever embeds the service would enter here.
package struct RoomsAtWork: Sendable {
    let rooms: ServiceRooms
    private let stopping = Gate()

    package var intake: Intake { rooms.intake }
    package var tracker: Tracker { rooms.tracking.tracker }
    package var journal: any Journal { rooms.journal }
    package var delivery: Delivery { rooms.delivery }

    /// Opens the data folder, state, journal, connectors, intake and tracking.
    package static func open(
        _ configuration: Configuration,
        glossary: Glossary,
        platform: Platform,
        logger: Logger,
        failStop: FailStop,
        seams: RoomSeams
    ) async throws -> RoomsAtWork {
        RoomsAtWork(
            rooms: try await ServiceRooms.open(
                configuration,
                glossary: glossary,
                platform: platform,
                processID: 1,
                logger: logger,
                failStop: failStop,
                seams: seams
            )
        )
    }

    private init(rooms: ServiceRooms) {
        self.rooms = rooms
    }

    /// Takes a report of the first source as the routes for tracking do.
    package func take(
        _ report: TrackReport,
        key: String,
        body: [UInt8]
    ) async throws(TrackingError) -> TrackAnswer {
        do throws(TrackingError) {
            return try await tracker.take(report, from: rooms.configuration.openSource, key: key, body: body)
        } catch {
            rooms.failStop.check(error)
            throw error
        }
    }

    /// Begins a stop in order.
    package func stop() { stopping.open() }

    /// Works until stopped, and closes everything; `onReady` is called once requests are taken.
    package func run(onReady: @escaping @Sendable () async -> Void) async throws {
        do {
            try await work(onReady)
        } catch {
            await rooms.close()
            throw error
        }
        await rooms.close()
    }

    private func work(_ onReady: @escaping @Sendable () async -> Void) async throws {
        let disk = DiskUpkeep(of: rooms)
        let retention = Retention(of: rooms)
        try await rooms.tellOfRetired()
        rooms.tellOfFailedReplays()
        try await disk.measure()
        let (rooms, stopping) = (rooms, stopping)
        // As in the service group: each is told of a stop once those below it here have ended.
        let stages = [
            Stage { try await JournalRun(journal: rooms.journal, failStop: rooms.failStop).work() },
            Stage { gate in
                try await DeliveryRun(rooms: rooms).work {
                    await gate.wait()
                    return gate.isOpen
                }
            },
            Stage { try await TrackingRun(rooms: rooms).work() },
            Stage { try? await disk.work() },
            Stage { try? await retention.work() },
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for stage in stages { group.addTask { try await stage.run() } }
            group.addTask {
                await stopping.wait()
                rooms.intake.become(.stopping)
                for stage in stages.reversed() { await stage.end() }
            }
            group.addTask {
                try await rooms.loadDefinitions()
                rooms.intake.become(.ready)
                await onReady()
            }
            // The first that fails ends all others.
            for try await _ in group {}
        }
    }
}

/// One of the works, with the gate that ends it.
private struct Stage: Sendable {
    private let gate = Gate()
    private let ended = Gate()
    private let work: @Sendable (Gate) async throws -> Void

    /// A work that sees to its own end at the gate.
    init(_ work: @escaping @Sendable (Gate) async throws -> Void) {
        self.work = work
    }

    /// A work that is cancelled at the gate.
    init(_ work: @escaping @Sendable () async throws -> Void) {
        self.work = { gate in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await work()
                    return true
                }
                group.addTask {
                    await gate.wait()
                    return false
                }
                _ = try await group.next()
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    func run() async throws {
        defer { ended.open() }
        try await work(gate)
    }

    func end() async {
        gate.open()
        await ended.wait()
    }
}

/// Holds back those who wait until it is opened, once for all.
private final class Gate: Sendable {
    private let opened = Atomic(false)
    private let signal = Signal()

    var isOpen: Bool { opened.load(ordering: .acquiring) }

    func open() {
        opened.store(true, ordering: .releasing)
        signal.raise()
    }

    /// Returns when it is open or the task is cancelled.
    func wait() async {
        while !isOpen, !Task.isCancelled {
            let generation = signal.generation
            guard !isOpen else { return }
            await signal.wait(past: generation)
        }
    }
}
