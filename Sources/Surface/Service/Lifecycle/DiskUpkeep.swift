import Delivery
import Journal
import Logging
import Platform
import ServiceLifecycle
import Tracking

/// Measures the disk, and makes room on it before the budget is spent.
///
/// Room is made in the order of what hurts least: first segments that every connector has done with, though younger
/// than `keep`; then, for connectors that say `when_full: give_up`, their oldest records, which count as lost.
struct DiskUpkeep: Service {
    let folder: DataFolder
    let budget: DiskBudget
    let journal: any Journal
    let delivery: Delivery
    let tracker: Tracker
    let platform: Platform
    let logger: Logger
    /// The room that is kept ahead of intake.
    let headroom: Int64
    let failStop: FailStop

    /// That of a service's rooms.
    init(of rooms: ServiceRooms) {
        folder = rooms.folder
        budget = rooms.disk
        journal = rooms.journal
        delivery = rooms.delivery
        tracker = rooms.tracking.tracker
        platform = rooms.platform
        logger = rooms.logger
        headroom = DiskBudget.headroom(rooms.configuration.disk, rooms.configuration.journal)
        failStop = rooms.failStop
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown { try await work() }
    }

    /// Until cancelled.
    func work() async throws {
        var wasFull = false
        var pace = UpkeepPace(headroom: headroom)
        while true {
            do {
                try await look(&pace)
            } catch {
                failStop.check(error)
                logger.error("The disk could not be looked after.", metadata: ["disk.error": "\(error)"])
            }
            let isFull = !budget.admits(journal: journal.bytesOnDisk)
            if isFull != wasFull { report(isFull) }
            wasFull = isFull
            try await platform.clock.sleep(for: UpkeepPace.look)
        }
    }

    private func look(_ pace: inout UpkeepPace) async throws {
        switch pace.next(room: budget.room(journal: journal.bytesOnDisk), now: platform.clock.uptime()) {
        case .rest: return
        case .measure: try await measure()
        case .makeRoom:
            // Also where it throws: what fails is not to be tried ten times a second.
            pace.made(removed: 0, now: platform.clock.uptime())
            let removed = try await makeRoom()
            pace.made(removed: removed, now: platform.clock.uptime())
        }
    }

    func measure() async throws {
        let (files, folder) = (platform.files, folder)
        var measured = try await platform.onBlocking { () throws(FileError) in
            var state = Int64(0)
            for path in [folder.state, folder.tracking] {
                for suffix in ["", "-wal", "-shm"] { state += try files.size(of: path + suffix) ?? 0 }
            }
            return DiskBudget.Measurement(
                journal: 0,
                staging: Self.bytes(in: folder.staging, depth: 2, files),
                state: state,
                free: try files.freeBytes(at: folder.path)
            )
        }
        measured.journal = journal.bytesOnDisk
        budget.record(measured)
    }

    /// What lies in a folder and the folders in it.
    ///
    /// Files come and go meanwhile; a missing one counts nothing.
    private static func bytes(in path: String, depth: Int, _ files: any FileSystem) -> Int64 {
        guard depth > 0, let names = try? files.list(path) else { return 0 }
        return names.reduce(0) { sum, name in
            let inner = FilePath.join(path, name)
            let isFile = depth == 1 || name.contains(".")
            return sum + (isFile ? (try? files.size(of: inner)) ?? 0 : bytes(in: inner, depth: depth - 1, files))
        }
    }

    /// Answers how many segments were removed.
    private func makeRoom() async throws -> Int {
        var removed = 0
        for partition in (0..<journal.partitions).map({ PartitionID($0) }) {
            let carried = try await delivery.neededFrom(partition) ?? journal.end(of: partition)
            if tracker.neededFrom(partition) < carried { await tracker.settleNow() }
            let needed = min(carried, tracker.neededFrom(partition))
            let spared = try await remove(upTo: needed, partition)
            removed += spared
            guard spared == 0, !budget.admits(journal: journal.bytesOnDisk) else { continue }
            removed += try await giveUp(partition)
        }
        try await measure()
        return removed
    }

    /// Removes the oldest quarter of what may go, or more where a quarter holds no whole segment.
    private func remove(upTo limit: Offset, _ partition: PartitionID) async throws -> Int {
        for share in [Int64(4), 2, 1] {
            let oldest = journal.oldest(of: partition)
            guard limit > oldest else { return 0 }
            let boundary = Offset(oldest.rawValue + max(1, (limit - oldest) / share))
            let removed = try await journal.removeSegments(
                of: partition,
                before: boundary,
                olderThan: platform.clock.now()
            )
            guard removed == 0 else {
                logger.notice(
                    "Segments were removed before their time, to keep within the disk budget.",
                    metadata: ["disk.segments": "\(removed)", "journal.partition": "\(partition)"]
                )
                return removed
            }
        }
        return 0
    }

    private func giveUp(_ partition: PartitionID) async throws -> Int {
        var patient = min(journal.end(of: partition), tracker.neededFrom(partition))
        var yielding: [Connector] = []
        for connector in delivery.readers {
            if connector.settings.whenFull == .giveUp {
                yielding.append(connector)
            } else if let needed = try await connector.neededFrom(partition) {
                patient = min(patient, needed)
            }
        }
        let oldest = journal.oldest(of: partition)
        guard !yielding.isEmpty, patient > oldest else { return 0 }
        for share in [Int64(4), 2, 1] {
            let boundary = Offset(oldest.rawValue + max(1, (patient - oldest) / share))
            for connector in yielding {
                let lost = try await connector.giveUp(before: boundary, in: partition)
                guard lost > 0 else { continue }
                logger.error(
                    "A connector gave up records, to keep within the disk budget.",
                    metadata: ["connector.name": "\(connector.settings.name)", "connector.lost": "\(lost)"]
                )
            }
            let removed = try await remove(upTo: boundary, partition)
            guard removed == 0 else { return removed }
        }
        return 0
    }

    private func report(_ isFull: Bool) {
        let measured = budget.measurement
        let metadata: Logger.Metadata = [
            "disk.free": "\(measured?.free ?? 0)", "disk.journal": "\(measured?.journal ?? 0)",
            "disk.staging": "\(measured?.staging ?? 0)", "disk.state": "\(measured?.state ?? 0)",
        ]
        if isFull {
            logger.error("The disk budget is spent; intake answers 503 until there is room.", metadata: metadata)
        } else {
            logger.notice("The disk has room again.", metadata: metadata)
        }
    }
}
