import Journal
import Synchronization

@testable import Delivery

/// The moment at which a process dies: before or after its n-th step outside itself.
///
/// Every commit of state and every put is two moments. Once dead, nothing has an effect any more.
final class CrashPoint: Sendable {
    enum Side: Sendable {
        case before
        case after
    }

    private struct State {
        var steps = 0
        var isDown = false
        var trace: [String] = []
    }

    private let at: Int?
    private let state = Mutex(State())
    let down = Signal()

    init(at: Int?) {
        self.at = at
    }

    var isDown: Bool { state.withLock(\.isDown) }
    var steps: Int { state.withLock(\.steps) }
    var lastStep: String { state.withLock { $0.trace.last ?? "none" } }

    func waitUntilDown() async {
        while !isDown, !Task.isCancelled {
            let generation = down.generation
            if isDown { return }
            await down.wait(past: generation)
        }
    }

    func die() {
        state.withLock { $0.isDown = true }
        down.raise()
    }

    /// True if the process is dead at this step.
    private func step(_ name: String, _ side: Side) -> Bool {
        let isDown = state.withLock { state in
            if state.isDown { return true }
            state.steps += 1
            state.trace.append("\(name), \(side)")
            if state.steps == at { state.isDown = true }
            return state.isDown
        }
        if isDown { down.raise() }
        return isDown
    }

    func stateStep(_ name: String, _ side: Side) throws(DeliveryError) {
        if step(name, side) { throw DeliveryError(.state, "the process is dead") }
    }

    func destinationStep(_ name: String, _ side: Side) throws(DestinationError) {
        if step(name, side) { throw .unreachable }
    }
}

/// State that dies with its process, or is slow to say that a landing is committed.
struct MortalState: DeliveryState {
    let store: any DeliveryState
    let crash: CrashPoint
    var closes: HeldCloses?

    private func step<T: Sendable>(
        _ name: String,
        _ work: () async throws(DeliveryError) -> T
    ) async throws(DeliveryError) -> T {
        try crash.stateStep(name, .before)
        let result = try await work()
        try crash.stateStep(name, .after)
        return result
    }

    private func look<T: Sendable>(_ work: () async throws(DeliveryError) -> T) async throws(DeliveryError) -> T {
        if crash.isDown { throw DeliveryError(.state, "the process is dead") }
        return try await work()
    }

    func register(_ connector: ConnectorRow, owner: OwnerToken) async throws(DeliveryError) -> ConnectorRow {
        try await step("register") { () async throws(DeliveryError) in
            try await store.register(connector, owner: owner)
        }
    }

    func setPaused(_ paused: Bool, connector: String, owner: OwnerToken) async throws(DeliveryError) {
        try await step("pause") { () async throws(DeliveryError) in
            try await store.setPaused(paused, connector: connector, owner: owner)
        }
    }

    func commit(_ commit: CursorCommit, owner: OwnerToken) async throws(DeliveryError) -> [PlanID] {
        try await step(commit.plans.isEmpty ? "cursor" : "plan") { () async throws(DeliveryError) in
            try await store.commit(commit, owner: owner)
        }
    }

    func replaceObjects(of plan: Plan, owner: OwnerToken) async throws(DeliveryError) {
        try await step("replace") { () async throws(DeliveryError) in
            try await store.replaceObjects(of: plan, owner: owner)
        }
    }

    func close(_ plan: Plan, landed: Int, lost: Int, owner: OwnerToken) async throws(DeliveryError) {
        try await step("landed") { () async throws(DeliveryError) in
            try await store.close(plan, landed: landed, lost: lost, owner: owner)
            await closes?.hold()
        }
    }

    func refused(
        connector: String,
        partition: PartitionID,
        from: Offset,
        limit: Int
    ) async throws(DeliveryError) -> [RefusedRecord] {
        try await look { () async throws(DeliveryError) in
            try await store.refused(connector: connector, partition: partition, from: from, limit: limit)
        }
    }

    func planRefused(_ plan: Plan, owner: OwnerToken) async throws(DeliveryError) -> PlanID {
        try await step("refused") { () async throws(DeliveryError) in try await store.planRefused(plan, owner: owner) }
    }

    func settleRefused(
        connector: String,
        partition: PartitionID,
        offset: Offset,
        type: String,
        owner: OwnerToken
    ) async throws(DeliveryError) {
        try await step("settled") { () async throws(DeliveryError) in
            try await store.settleRefused(
                connector: connector,
                partition: partition,
                offset: offset,
                type: type,
                owner: owner
            )
        }
    }

    func replays() async throws(DeliveryError) -> [Replay] {
        try await look { () async throws(DeliveryError) in try await store.replays() }
    }

    func save(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError) {
        try await step("replay") { () async throws(DeliveryError) in try await store.save(replay, owner: owner) }
    }

    func end(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError) {
        try await step("replayed") { () async throws(DeliveryError) in try await store.end(replay, owner: owner) }
    }

    func retired(besides ids: [String]) async throws(DeliveryError) -> [RetiredConnector] {
        try await look { () async throws(DeliveryError) in try await store.retired(besides: ids) }
    }

    func remove(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals {
        try await step("remove") { () async throws(DeliveryError) in
            try await store.remove(connector: connector, owner: owner)
        }
    }

    func forgetPlans(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals {
        try await step("forget") { () async throws(DeliveryError) in
            try await store.forgetPlans(connector: connector, owner: owner)
        }
    }

    func cursor(connector: String, partition: PartitionID) async throws(DeliveryError) -> StoredCursor? {
        try await look { () async throws(DeliveryError) in
            try await store.cursor(connector: connector, partition: partition)
        }
    }

    func openPlans(
        connector: String,
        partition: PartitionID?,
        after: PlanID,
        limit: Int
    ) async throws(DeliveryError) -> [Plan] {
        try await look { () async throws(DeliveryError) in
            try await store.openPlans(connector: connector, partition: partition, after: after, limit: limit)
        }
    }

    func planned(connector: String, upTo: PlanID?) async throws(DeliveryError) -> PlannedTotals {
        try await look { () async throws(DeliveryError) in
            try await store.planned(connector: connector, upTo: upTo)
        }
    }

    func stagedNames(connector: String) async throws(DeliveryError) -> Set<String> {
        try await look { () async throws(DeliveryError) in try await store.stagedNames(connector: connector) }
    }

    func refusedOffsets(
        connector: String,
        partition: PartitionID,
        type: String,
        in range: ClosedRange<Offset>
    ) async throws(DeliveryError) -> [Offset] {
        try await look { () async throws(DeliveryError) in
            try await store.refusedOffsets(connector: connector, partition: partition, type: type, in: range)
        }
    }

    func neededFrom(connector: String, partition: PartitionID) async throws(DeliveryError) -> Offset? {
        try await look { () async throws(DeliveryError) in
            try await store.neededFrom(connector: connector, partition: partition)
        }
    }
}
