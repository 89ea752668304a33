package import Journal
package import Platform
internal import Synchronization

/// The books of one connector while it runs: balances by partition and type, where it stands, what is wrong.
///
/// All of it lies under one lock, so every reading balances. What state has committed is kept apart from what a worker
/// has added since: a worker that starts again forgets the latter and nothing else.
final class Ledger: Sendable {
    struct Partition: Sendable {
        /// As committed, by type: the carried ones first, then those that are carried no longer.
        var committed: [TypeCounts]
        /// What the worker has beyond that, for the carried types.
        var live: [TypeCounts]
        var snapshot: CursorSnapshot
        var position: Offset
        var gapOffsets: Int
        /// Everything journalled before it has been read; nil if that is not known.
        var readTo: Timestamp?
        /// When the oldest record that is staged was journalled.
        var oldestStaged: Timestamp?
    }

    /// A plan that has not landed.
    struct OpenPlan: Sendable {
        let made: Timestamp
        /// When its first record was journalled; for a plan of an earlier process, when it was made.
        let oldest: Timestamp
    }

    private struct State {
        var types: [String]
        var partitions: [Partition] = []
        var troubles: [Trouble] = []
        var lastError: (moment: Timestamp, message: String)?
        var landedFiles = 0
        var landedBytes: Int64 = 0
        var openPlans: [PlanID: OpenPlan] = [:]
    }

    private let state: Mutex<State>
    private let carried: Int

    init(types: [String]) {
        carried = types.count
        state = Mutex(State(types: types))
    }

    /// Begins with what state has; `oldest` says for each cursor when the first record that it still needs was
    /// journalled.
    func load(_ stored: [StoredCursor], oldest: [Timestamp?]) {
        state.withLock { state in
            for cursor in stored {
                for entry in cursor.counts where !state.types.contains(entry.type) { state.types.append(entry.type) }
            }
            state.openPlans = [:]
            state.partitions = zip(stored, oldest).map { cursor, oldest in
                var committed = [TypeCounts](repeating: TypeCounts(), count: state.types.count)
                for entry in cursor.counts {
                    guard let index = state.types.firstIndex(of: entry.type) else { continue }
                    committed[index] = entry.counts
                }
                return Partition(
                    committed: committed,
                    live: [TypeCounts](repeating: TypeCounts(), count: carried),
                    snapshot: cursor.snapshot,
                    position: cursor.snapshot.scanned,
                    gapOffsets: cursor.gapOffsets,
                    readTo: oldest,
                    oldestStaged: cursor.snapshot.next.isEmpty ? nil : oldest
                )
            }
        }
    }

    /// A change of one partition by its worker.
    func update(_ partition: PartitionID, _ change: (inout Partition) -> Void) {
        state.withLock { change(&$0.partitions[partition.rawValue]) }
    }

    func partition(_ partition: PartitionID) -> Partition {
        state.withLock { $0.partitions[partition.rawValue] }
    }

    func planned(_ plans: [(id: PlanID, plan: OpenPlan)]) {
        state.withLock { state in
            for (id, plan) in plans { state.openPlans[id] = plan }
        }
    }

    /// Whether a plan is in the books and has not landed.
    func isOpen(_ plan: PlanID) -> Bool {
        state.withLock { $0.openPlans[plan] != nil }
    }

    /// The newest plan that has not landed.
    var newestOpenPlan: PlanID? {
        state.withLock { $0.openPlans.keys.max() }
    }

    /// Whether every plan up to and with one has landed.
    func hasClosed(upTo plan: PlanID?) -> Bool {
        guard let plan else { return true }
        return state.withLock { $0.openPlans.keys.allSatisfy { $0 > plan } }
    }

    func closed(_ plan: Plan, landed: Int, lost: Int, bytes: Int64) {
        state.withLock { state in
            state.openPlans[plan.id] = nil
            if landed > 0 {
                state.landedFiles += plan.objects.count
                state.landedBytes += bytes
            }
            guard let type = state.types.firstIndex(of: plan.type) else { return }
            let partition = plan.partition.rawValue
            state.partitions[partition].committed[type].planned -= plan.count
            state.partitions[partition].committed[type].landed += landed
            state.partitions[partition].committed[type].lost += lost
            state.troubles.removeAll { $0.place == .plan(plan.id) }
        }
    }

    /// A record that had been set aside is planned.
    func tookUp(_ plan: Plan) {
        state.withLock { state in
            state.openPlans[plan.id] = OpenPlan(made: plan.made, oldest: plan.made)
            guard let type = state.types.firstIndex(of: plan.type) else { return }
            state.partitions[plan.partition.rawValue].committed[type].setAside -= plan.count
            state.partitions[plan.partition.rawValue].committed[type].planned += plan.count
        }
    }

    /// A record that had been set aside was acknowledged after all.
    func settled(_ type: String, _ partition: PartitionID) {
        state.withLock { state in
            guard let type = state.types.firstIndex(of: type) else { return }
            state.partitions[partition.rawValue].committed[type].setAside -= 1
            state.partitions[partition.rawValue].committed[type].landed += 1
        }
    }

    /// Types that are carried no longer give up what was staged of them.
    func released(_ types: [String], _ partition: PartitionID) {
        state.withLock { state in
            for type in types {
                guard let index = state.types.firstIndex(of: type) else { continue }
                let staged = state.partitions[partition.rawValue].committed[index].staged
                state.partitions[partition.rawValue].committed[index].carried -= staged
                state.partitions[partition.rawValue].committed[index].staged = 0
            }
        }
    }

    /// Something is wrong at a place; its first moment is kept.
    func trouble(_ kind: Trouble.Kind, at place: Trouble.Place, reason: String, now: Timestamp) {
        state.withLock { state in
            state.lastError = (now, reason)
            if let index = state.troubles.firstIndex(where: { $0.place == place }) {
                let isSame = state.troubles[index].kind == kind
                let since = isSame ? state.troubles[index].since : now
                state.troubles[index] = Trouble(place: place, kind: kind, since: since, reason: reason)
            } else {
                state.troubles.append(Trouble(place: place, kind: kind, since: now, reason: reason))
            }
        }
    }

    func hasTrouble(at place: Trouble.Place) -> Bool {
        state.withLock { $0.troubles.contains { $0.place == place } }
    }

    func recovered(_ place: Trouble.Place) {
        state.withLock { state in
            guard !state.troubles.isEmpty else { return }
            state.troubles.removeAll { $0.place == place }
        }
    }

    func recoveredEverywhere() {
        state.withLock { $0.troubles = [] }
    }

    /// One consistent reading.
    func reading() -> LedgerReading {
        state.withLock { state in
            var balances: [NamedCounts] = []
            for (index, type) in state.types.enumerated() {
                var counts = TypeCounts()
                for partition in state.partitions {
                    counts += partition.committed[index]
                    if index < partition.live.count { counts += partition.live[index] }
                }
                balances.append(NamedCounts(type: type, counts: counts))
            }
            return LedgerReading(
                balances: balances,
                partitions: state.partitions,
                troubles: state.troubles,
                lastError: state.lastError,
                landedFiles: state.landedFiles,
                landedBytes: state.landedBytes,
                openPlans: state.openPlans.count,
                oldestPlan: state.openPlans.values.lazy.map(\.made).min(),
                oldestPlanned: state.openPlans.values.lazy.map(\.oldest).min()
            )
        }
    }
}

struct LedgerReading: Sendable {
    var balances: [NamedCounts]
    var partitions: [Ledger.Partition]
    var troubles: [Trouble]
    var lastError: (moment: Timestamp, message: String)?
    var landedFiles: Int
    var landedBytes: Int64
    var openPlans: Int
    /// When the oldest open plan was made.
    var oldestPlan: Timestamp?
    /// When the oldest record of an open plan was journalled.
    var oldestPlanned: Timestamp?

    var total: TypeCounts { balances.reduce(into: TypeCounts()) { $0 += $1.counts } }

    /// When the oldest record that has not landed was journalled, as far as is known.
    func oldestPending(ends: [Offset]) -> Timestamp? {
        var oldest = oldestPlanned
        for (books, end) in zip(partitions, ends) {
            let times = [books.oldestStaged, books.position < end ? books.readTo : nil]
            for time in times.compactMap(\.self) { oldest = min(oldest ?? time, time) }
        }
        return oldest
    }

    /// Whether everything before `ends` has landed, been set aside or been lost.
    func isDone(upTo ends: [Offset]) -> Bool {
        openPlans == 0 && balances.allSatisfy { $0.counts.pending == 0 }
            && zip(partitions, ends).allSatisfy { $0.position >= $1 }
    }
}

/// Something that keeps a connector from going on as it should.
package struct Trouble: Sendable, Hashable {
    package enum Kind: Int, Sendable {
        case retrying
        case conflict
        case waitingForChange
    }

    package enum Place: Sendable, Hashable {
        case plan(PlanID)
        case partition(PartitionID)
        case destination
    }

    package let place: Place
    package let kind: Kind
    package let since: Timestamp
    package let reason: String
}
