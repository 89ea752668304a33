import Delivery
import Intake
import Journal
import Platform

/// How the service is, as its routes tell it: sources and connectors, each with its balance.
struct ServiceReport: Encodable {
    /// One source: received = accepted + duplicates + rejected + set aside.
    struct Source: Encodable {
        let name: String
        let received: Int
        let accepted: Int
        let duplicates: Int
        let rejected: Int
        let setAside: Int

        init(_ balance: SourceBalance) {
            name = balance.source
            received = balance.received
            accepted = balance.accepted
            duplicates = balance.duplicates
            rejected = balance.rejected
            setAside = balance.setAside
        }
    }

    /// A connector's balance: carried = landed + pending + set aside + lost.
    struct Balance: Encodable {
        /// Nil in the sum over all types.
        var type: String?
        let carried: Int
        let landed: Int
        let pending: Int
        let setAside: Int
        let lost: Int

        init(_ counts: TypeCounts, type: String? = nil) {
            self.type = type
            carried = counts.carried
            landed = counts.landed
            pending = counts.pending
            setAside = counts.setAside
            lost = counts.lost
        }
    }

    struct Partition: Encodable {
        let partition: Int
        let scanned: Int64
        let position: Int64
        let end: Int64
        let lagEvents: Int64
        /// Offsets found missing, whose types nobody knows.
        let gapOffsets: Int
        /// For each type with staged records the first offset that no plan covers.
        let next: [String: Int64]

        init(_ status: ConnectorStatus.Partition) {
            partition = status.partition.rawValue
            scanned = status.cursor.scanned.rawValue
            position = status.position.rawValue
            end = status.end.rawValue
            lagEvents = status.lagOffsets
            gapOffsets = status.gapOffsets
            next = Dictionary(status.cursor.next.map { ($0.type, $0.offset.rawValue) }) { first, _ in first }
        }
    }

    struct Connector: Encodable {
        let name: String
        let id: String
        let kind: String
        let location: String
        let limitation: String?
        let state: String
        let since: String?
        let reason: String?
        let lastError: String?
        let lastErrorAt: String?
        let lagEvents: Int64
        let lagSeconds: Double
        let landedFiles: Int
        let landedBytes: Int64
        let openPlans: Int
        let oldestPlanSeconds: Double?
        let oldestPendingSeconds: Double?
        let partitions: [Partition]
        let balance: Balance
        let types: [Balance]

        init(_ status: ConnectorStatus) {
            name = status.name
            id = status.id
            kind = status.kind.rawValue
            location = status.location
            limitation = status.limitation
            state = status.condition.rawValue
            since = status.since.map(ISOTime.text)
            reason = status.reason
            lastError = status.lastError
            lastErrorAt = status.lastErrorTime.map(ISOTime.text)
            lagEvents = status.lagOffsets
            lagSeconds = Self.seconds(status.lag)
            landedFiles = status.landedFiles
            landedBytes = status.landedBytes
            openPlans = status.openPlans
            oldestPlanSeconds = status.oldestPlanAge.map(Self.seconds)
            oldestPendingSeconds = status.oldestPendingAge.map(Self.seconds)
            partitions = status.partitions.map(Partition.init)
            balance = Balance(status.total)
            types = status.balances.filter { $0.counts != TypeCounts() }.map { Balance($0.counts, type: $0.type) }
        }

        /// To the millisecond.
        private static func seconds(_ duration: Duration) -> Double {
            (duration.inSeconds * 1000).rounded() / 1000
        }
    }

    /// A connector that is not configured any more, with what it left.
    struct Retired: Encodable {
        let name: String
        let id: String
        let location: String
        let plannedFiles: Int
        let pendingRecords: Int
        let refusedRecords: Int
        let lagEvents: Int64
    }

    let sources: [Source]
    let connectors: [Connector]
    let retired: [Retired]

    init(intake: Intake, delivery: Delivery, retired: [RetiredConnector]) {
        self.retired = retired.map { connector in
            Retired(
                name: connector.name,
                id: connector.id,
                location: connector.location,
                plannedFiles: connector.planned.plans,
                pendingRecords: connector.pending,
                refusedRecords: connector.refused,
                lagEvents: delivery.lagOffsets(of: connector)
            )
        }
        sources = intake.balances.map(Source.init)
        connectors = delivery.status().map(Connector.init)
    }
}
