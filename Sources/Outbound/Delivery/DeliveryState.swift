package import Journal

/// Who may write state.
///
/// Locally the data folder's lock admits one process; another form of state may hand partitions
/// from process to process, and refuses the commits of one that no longer owns them.
package struct OwnerToken: Sendable, Hashable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }
}

/// What deliveries remember.
///
/// Everything is keyed by (connector, partition) and no commit spans partitions. Each method is one transaction,
/// durable when it returns. A method that throws leaves nothing known: whoever called ends the process, it is never
/// tried again.
package protocol DeliveryState: Sendable {
    /// Makes the connector's row on first sight.
    ///
    /// Throws `.plansOpen` if it wrote elsewhere before and plans for there are
    /// open.
    func register(_ connector: ConnectorRow, owner: OwnerToken) async throws(DeliveryError) -> ConnectorRow

    func setPaused(_ paused: Bool, connector: String, owner: OwnerToken) async throws(DeliveryError)

    func cursor(connector: String, partition: PartitionID) async throws(DeliveryError) -> StoredCursor?

    /// Commits plans and the cursor that lies past them, together; returns the plans' numbers.
    func commit(_ commit: CursorCommit, owner: OwnerToken) async throws(DeliveryError) -> [PlanID]

    /// Open plans in the order of their numbers.
    func openPlans(
        connector: String,
        partition: PartitionID?,
        after: PlanID,
        limit: Int
    ) async throws(DeliveryError) -> [Plan]

    /// How much is planned and has not landed, up to and with a plan.
    func planned(connector: String, upTo: PlanID?) async throws(DeliveryError) -> PlannedTotals

    /// The names of all staged files that open plans own.
    func stagedNames(connector: String) async throws(DeliveryError) -> Set<String>

    /// Freezes the new bytes of a plan whose staged file had to be made again.
    func replaceObjects(of plan: Plan, owner: OwnerToken) async throws(DeliveryError)

    /// Ends a plan: adds to its type's landed and lost.
    func close(_ plan: Plan, landed: Int, lost: Int, owner: OwnerToken) async throws(DeliveryError)

    /// Ends all open plans of a connector unlanded; their records count as lost.
    func forgetPlans(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals

    /// Connectors that state knows and that are not among those given, by name; replays are none.
    func retired(besides ids: [String]) async throws(DeliveryError) -> [RetiredConnector]

    /// Takes away everything that state has of a connector; what had not landed never does.
    func remove(connector: String, owner: OwnerToken) async throws(DeliveryError) -> PlannedTotals

    /// Offsets of a type within a range that have been set aside.
    func refusedOffsets(
        connector: String,
        partition: PartitionID,
        type: String,
        in range: ClosedRange<Offset>
    ) async throws(DeliveryError) -> [Offset]

    /// The records of a partition that have been set aside, from an offset on, in their order.
    func refused(
        connector: String,
        partition: PartitionID,
        from: Offset,
        limit: Int
    ) async throws(DeliveryError) -> [RefusedRecord]

    /// Commits the plan of a record that had been set aside and takes its row away, together; returns its number.
    func planRefused(_ plan: Plan, owner: OwnerToken) async throws(DeliveryError) -> PlanID

    /// Takes away the row of a record that was acknowledged after all, which then counts as landed.
    func settleRefused(
        connector: String,
        partition: PartitionID,
        offset: Offset,
        type: String,
        owner: OwnerToken
    ) async throws(DeliveryError)

    func replays() async throws(DeliveryError) -> [Replay]

    /// Enters a replay.
    func save(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError)

    /// Enters how a replay ended, and forgets its cursors, plans and counts, together.
    func end(_ replay: Replay, owner: OwnerToken) async throws(DeliveryError)

    /// The first offset that the connector still needs in a partition: cursors and open plans; nil without a cursor.
    func neededFrom(connector: String, partition: PartitionID) async throws(DeliveryError) -> Offset?
}

/// A connector as state knows it.
package struct ConnectorRow: Sendable, Hashable {
    package var id: String
    package var name: String
    package var location: String
    package var isPaused: Bool

    package init(id: String, name: String, location: String, isPaused: Bool = false) {
        self.id = id
        self.name = name
        self.location = location
        self.isPaused = isPaused
    }
}

/// A connector that worked once and that the configuration does not have any more, with what it left.
///
/// It comes back with its cursors when a connector of its id is configured again.
package struct RetiredConnector: Sendable, Hashable {
    package var id: String
    package var name: String
    package var location: String
    /// Files that are finished and have not landed.
    package var planned: PlannedTotals
    /// Records that it had taken and that are in no finished file.
    package var staged: Int
    /// Records that its destination refused, with their bytes.
    package var refused: Int
    /// For each partition the first offset that it had not read for good.
    package var scanned: [PartitionID: Offset]

    package init(
        id: String,
        name: String,
        location: String,
        planned: PlannedTotals,
        staged: Int,
        refused: Int,
        scanned: [PartitionID: Offset]
    ) {
        self.id = id
        self.name = name
        self.location = location
        self.planned = planned
        self.staged = staged
        self.refused = refused
        self.scanned = scanned
    }

    /// Records that were taken and have not landed.
    package var pending: Int { planned.records + staged }
    package var hasLeftSomething: Bool { pending > 0 || refused > 0 }
}

/// The balance of one event type: carried = landed + staged + planned + set aside + lost.
package struct TypeCounts: Sendable, Hashable {
    package var carried = 0
    package var landed = 0
    package var staged = 0
    package var planned = 0
    package var setAside = 0
    package var lost = 0

    package init() {}

    package var pending: Int { staged + planned }
    package var isBalanced: Bool { carried == landed + pending + setAside + lost }

    package static func += (left: inout TypeCounts, right: TypeCounts) {
        left.carried += right.carried
        left.landed += right.landed
        left.staged += right.staged
        left.planned += right.planned
        left.setAside += right.setAside
        left.lost += right.lost
    }
}

package struct NamedCounts: Sendable, Hashable {
    package var type: String
    package var counts: TypeCounts

    package init(type: String, counts: TypeCounts) {
        self.type = type
        self.counts = counts
    }
}

/// What state has of one (connector, partition).
package struct StoredCursor: Sendable, Hashable {
    package var snapshot: CursorSnapshot
    /// Offsets that the reader found missing and whose types nobody knows.
    package var gapOffsets: Int
    package var counts: [NamedCounts]

    package init(snapshot: CursorSnapshot, gapOffsets: Int, counts: [NamedCounts]) {
        self.snapshot = snapshot
        self.gapOffsets = gapOffsets
        self.counts = counts
    }
}

/// One step forward of one (connector, partition).
package struct CursorCommit: Sendable {
    /// Carried and staged as they stand at the snapshot; the rest is added to what state has.
    package struct Counts: Sendable, Hashable {
        package var type: String
        package var carried: Int
        package var staged: Int
        package var landedAdded = 0
        package var setAsideAdded = 0
        package var lostAdded = 0

        package init(type: String, carried: Int, staged: Int) {
            self.type = type
            self.carried = carried
            self.staged = staged
        }
    }

    package var connector: String
    package var partition: PartitionID
    package var snapshot: CursorSnapshot
    package var gapOffsets: Int
    package var counts: [Counts] = []
    /// Their numbers are given by the commit.
    package var plans: [Plan] = []
    package var refused: [RefusedRecord] = []

    package init(connector: String, partition: PartitionID, snapshot: CursorSnapshot, gapOffsets: Int) {
        self.connector = connector
        self.partition = partition
        self.snapshot = snapshot
        self.gapOffsets = gapOffsets
    }
}

/// A record that a destination or its format cannot take, with its bytes.
package struct RefusedRecord: Sendable, Hashable {
    package var offset: Offset
    package var type: String
    /// Names the schema of `datum`.
    package var fingerprint: UInt64
    package var datum: [UInt8]
    package var reason: String

    package init(offset: Offset, type: String, fingerprint: UInt64, datum: [UInt8], reason: String) {
        self.offset = offset
        self.type = type
        self.fingerprint = fingerprint
        self.datum = datum
        self.reason = reason
    }
}

/// Open plans, summed up.
package struct PlannedTotals: Sendable, Hashable {
    package var plans = 0
    package var records = 0
    package var bytes: Int64 = 0
    /// The number of the newest.
    package var newest: PlanID?

    package init() {}
}
