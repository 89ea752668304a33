internal import Journal
internal import Platform
internal import Telemetry

extension Delivery {
    /// Connectors that worked once and are not configured any more, with what they left; /metrics shows it from now on.
    package func retired() async throws(DeliveryError) -> [RetiredConnector] {
        let retired = try await environment.state.retired(besides: connectors.map(\.settings.id))
        environment.metrics.group(
            "retired connectors",
            [
                MetricGroup.Family(
                    "courant_delivery_retired_pending_records",
                    .gauge,
                    help: "Records that a connector which is not configured any more had taken and not landed."
                )
            ]
        ) {
            retired.map { connector in
                MetricGroup.Sample(
                    "courant_delivery_retired_pending_records",
                    labels: [("connector", connector.name), ("id", connector.id)],
                    Double(connector.pending)
                )
            }
        }
        return retired
    }

    /// Offsets of the journal that a retired connector has not read.
    package func lagOffsets(of retired: RetiredConnector) -> Int64 {
        (0..<environment.journal.partitions).map { PartitionID($0) }.reduce(0) { sum, partition in
            guard let scanned = retired.scanned[partition] else { return sum }
            let next = max(scanned, environment.journal.oldest(of: partition))
            return sum + max(0, environment.journal.end(of: partition) - next)
        }
    }

    /// Takes away what retired connectors of a name left: unlanded files, refused records and cursors.
    ///
    /// - Returns: the files that will never land; nil if there is no such connector.
    package func removeRetired(named name: String) async throws(DeliveryError) -> PlannedTotals? {
        var totals: PlannedTotals?
        for connector in try await retired() where connector.name == name {
            let removed = try await environment.state.remove(connector: connector.id, owner: environment.owner)
            let staging = StagingFolder(
                path: FilePath.join(environment.stagingFolder, connector.id),
                platform: environment.platform
            )
            try await staging.clear(keeping: [])
            var sum = totals ?? PlannedTotals()
            sum.plans += removed.plans
            sum.records += removed.records
            sum.bytes += removed.bytes
            totals = sum
        }
        _ = try await retired()
        return totals
    }
}
