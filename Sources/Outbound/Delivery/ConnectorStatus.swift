package import Journal
package import Platform

/// How a connector is, for people and metrics; one consistent reading.
package struct ConnectorStatus: Sendable, Hashable {
    package enum Condition: String, Sendable, CaseIterable {
        case running
        case retrying
        case paused
        case waitingForChange = "waiting-for-change"
        case conflict
        case stopped
    }

    package struct Partition: Sendable, Hashable {
        package var partition: PartitionID
        /// As committed.
        package var cursor: CursorSnapshot
        /// The next offset to be read.
        package var position: Offset
        package var end: Offset
        package var gapOffsets: Int

        /// Offsets between the reader and the journal's end; offsets may have gaps, so no count of records.
        package var lagOffsets: Int64 { max(0, end - position) }
    }

    package var name: String
    package var id: String
    package var kind: DestinationKind
    package var location: String
    /// What of the promises the destination cannot keep, if anything.
    package var limitation: String?
    package var condition: Condition
    /// Since when and why, unless it is running.
    package var since: Timestamp?
    package var reason: String?
    package var troubles: [Trouble]
    package var lastError: String?
    package var lastErrorTime: Timestamp?
    package var partitions: [Partition]
    /// How far the slowest reader is behind the journal's end.
    package var lag: Duration
    package var balances: [NamedCounts]
    /// Since this process started.
    package var landedFiles: Int
    package var landedBytes: Int64
    package var openPlans: Int
    /// The age of the oldest plan that has not landed.
    package var oldestPlanAge: Duration?
    /// The age of the oldest record that has not landed, whether unread, staged or planned.
    package var oldestPendingAge: Duration?

    package var lagOffsets: Int64 { partitions.reduce(0) { $0 + $1.lagOffsets } }

    package var total: TypeCounts {
        balances.reduce(into: TypeCounts()) { $0 += $1.counts }
    }
}

/// What a flush landed.
package struct FlushResult: Sendable, Hashable {
    package var files: Int
    package var records: Int
    package var bytes: Int64

    package init(files: Int, records: Int, bytes: Int64) {
        self.files = files
        self.records = records
        self.bytes = bytes
    }
}
