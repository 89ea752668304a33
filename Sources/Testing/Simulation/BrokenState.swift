internal import Delivery
internal import Journal
internal import Platform
internal import Synchronization

/// Delivery's state with a care undone.
final class BrokenState: DeliveryState {
    private let base: any DeliveryState
    private let variant: BrokenVariant
    private let clock: any WorldClock
    private let snapshots = Mutex<[String: CursorSnapshot]>([:])

    init(_ base: any DeliveryState, _ variant: BrokenVariant, _ clock: any WorldClock) {
        self.base = base
        self.variant = variant
        self.clock = clock
    }

    func cursor(connector: String, partition: PartitionID) async throws(DeliveryError) -> StoredCursor? {
        guard var stored = try await base.cursor(connector: connector, partition: partition) else { return nil }
        snapshots.withLock { $0["\(connector) \(partition)"] = stored.snapshot }
        guard variant == .resumesAtLanded else { return stored }
        let plans = try await base.openPlans(
            connector: connector,
            partition: partition,
            after: PlanID(rawValue: 0),
            limit: 1_000
        )
        if let first = plans.map(\.first).min(), first < stored.snapshot.floor {
            stored.snapshot = CursorSnapshot(scanned: first)
        }
        return stored
    }

    func commit(_ commit: CursorCommit, owner: OwnerToken) async throws(DeliveryError) -> [PlanID] {
        var commit = commit
        if variant == .hidesLosses {
            for index in commit.counts.indices {
                commit.counts[index].landedAdded += commit.counts[index].lostAdded
                commit.counts[index].lostAdded = 0
            }
        }
        let key = "\(commit.connector) \(commit.partition)"
        guard !commit.plans.isEmpty, let before = snapshots.withLock({ $0[key] }) else {
            snapshots.withLock { $0[key] = commit.snapshot }
            return try await base.commit(commit, owner: owner)
        }
        snapshots.withLock { $0[key] = commit.snapshot }
        switch variant {
        case .movesCursorFirst:
            var cursor = commit
            cursor.plans = []
            _ = try await base.commit(cursor, owner: owner)
            try? await clock.sleep(for: .milliseconds(1))
            var plans = CursorCommit(
                connector: commit.connector,
                partition: commit.partition,
                snapshot: commit.snapshot,
                gapOffsets: commit.gapOffsets
            )
            plans.plans = commit.plans
            return try await base.commit(plans, owner: owner)
        case .movesCursorLater:
            var plans = CursorCommit(
                connector: commit.connector,
                partition: commit.partition,
                snapshot: before,
                gapOffsets: commit.gapOffsets
            )
            plans.plans = commit.plans
            let ids = try await base.commit(plans, owner: owner)
            try? await clock.sleep(for: .milliseconds(1))
            var cursor = commit
            cursor.plans = []
            _ = try await base.commit(cursor, owner: owner)
            return ids
        default: return try await base.commit(commit, owner: owner)
        }
    }

    func close(_ plan: Plan, landed: Int, lost: Int, owner: OwnerToken) async throws(DeliveryError) {
        switch variant {
        case .countsTwice: try await base.close(plan, landed: landed * 2, lost: lost, owner: owner)
        case .hidesLosses: try await base.close(plan, landed: landed + lost, lost: 0, owner: owner)
        default: try await base.close(plan, landed: landed, lost: lost, owner: owner)
        }
    }

    func openPlans(
        connector: String,
        partition: PartitionID?,
        after: PlanID,
        limit: Int
    ) async throws(DeliveryError) -> [Plan] {
        try await base.openPlans(connector: connector, partition: partition, after: after, limit: limit)
    }

    // MARK: - As it is

    func register(_ connector: ConnectorRow, owner: OwnerToken) async throws(DeliveryError) -> ConnectorRow {
        try await base.register(connector, owner: owner)
    }

    func setPaused(_ paused: Bool, connector: String, owner: OwnerToken) async throws(DeliveryError) {
        try await base.setPaused(paused, connector: connector, owner: owner)
    }

    func planned(connector: String, upTo: PlanID?) async throws(DeliveryError) -> PlannedTotals {
        try await base.planned(connector: connector, upTo: upTo)
    }

    func stagedNames(connector: String) async throws(DeliveryError) -> Set<String> {
        try await base.stagedNames(connector: connector)
    }

    func replaceObjects(of plan: Plan, owner: OwnerToken) async throws(DeliveryError) {
        try await base.replaceObjects(of: plan, owner: owner)
    }

    func forgetPlans(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals {
        try await base.forgetPlans(connector: connector, owner: owner)
    }

    func retired(besides ids: [String]) async throws(DeliveryError) -> [RetiredConnector] {
        try await base.retired(besides: ids)
    }

    func remove(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals {
        try await base.remove(connector: connector, owner: owner)
    }

    func refusedOffsets(
        connector: String,
        partition: PartitionID,
        type: String,
        in range: ClosedRange<Offset>
    ) async throws(DeliveryError) -> [Offset] {
        try await base.refusedOffsets(connector: connector, partition: partition, type: type, in: range)
    }

    func refused(
        connector: String,
        partition: PartitionID,
        from: Offset,
        limit: Int
    ) async throws(DeliveryError) -> [RefusedRecord] {
        try await base.refused(connector: connector, partition: partition, from: from, limit: limit)
    }

    func planRefused(_ plan: Plan, owner: OwnerToken) async throws(DeliveryError) -> PlanID {
        try await base.planRefused(plan, owner: owner)
    }

    func settleRefused(
        connector: String,
        partition: PartitionID,
        offset: Offset,
        type: String,
        owner: OwnerToken
    ) async throws(DeliveryError) {
        try await base.settleRefused(
            connector: connector,
            partition: partition,
            offset: offset,
            type: type,
            owner: owner
        )
    }

    func replays() async throws(DeliveryError) -> [Replay] { try await base.replays() }

    func save(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError) {
        try await base.save(replay, owner: owner)
    }

    func end(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError) {
        try await base.end(replay, owner: owner)
    }

    func neededFrom(connector: String, partition: PartitionID) async throws(DeliveryError) -> Offset? {
        let needed = try await base.neededFrom(connector: connector, partition: partition)
        return variant == .holdsForIdleTypes ? needed.map { _ in Offset.zero } : needed
    }
}
