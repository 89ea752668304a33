internal import Telemetry

extension Connector {
    private static let families = [
        MetricGroup.Family("courant_delivery_carried_records", .gauge, help: "Records taken for the connector."),
        MetricGroup.Family("courant_delivery_landed_records_total", .counter, help: "Records that have landed."),
        MetricGroup.Family("courant_delivery_pending_records", .gauge, help: "Records staged or planned."),
        MetricGroup.Family("courant_delivery_set_aside_records_total", .counter, help: "Records that were refused."),
        MetricGroup.Family("courant_delivery_lost_records_total", .counter, help: "Records that are lost."),
        MetricGroup.Family("courant_delivery_lag_records", .gauge, help: "Offsets that have not been read."),
        MetricGroup.Family(
            "courant_delivery_oldest_pending_seconds",
            .gauge,
            help: "Age of the oldest record that has not landed; 0 if all have."
        ),
        MetricGroup.Family("courant_delivery_state", .gauge, help: "1 for the state that the connector is in."),
    ]

    private static func groupName(_ connector: String) -> String { "connector \(connector)" }

    /// Shows the balance and the state at each scrape, from one reading of the books: a balance holds in every scrape.
    func showMetrics() {
        context.metrics.registry.group(Self.groupName(settings.name), Self.families) { [weak self] in
            self?.status().samples ?? []
        }
    }

    /// Shows nothing any more of a connector that is gone.
    static func hideMetrics(of connector: String, in registry: MetricRegistry) {
        registry.removeGroup(groupName(connector))
    }
}

extension ConnectorStatus {
    fileprivate var samples: [MetricGroup.Sample] {
        var samples: [MetricGroup.Sample] = []
        for entry in balances where entry.counts != TypeCounts() {
            let labels = [("connector", name), ("event_type", entry.type)]
            for (term, count) in [
                ("carried_records", entry.counts.carried), ("landed_records_total", entry.counts.landed),
                ("pending_records", entry.counts.pending), ("set_aside_records_total", entry.counts.setAside),
                ("lost_records_total", entry.counts.lost),
            ] {
                samples.append(MetricGroup.Sample("courant_delivery_\(term)", labels: labels, Double(count)))
            }
        }
        let labels = [("connector", name)]
        samples += [
            MetricGroup.Sample("courant_delivery_lag_records", labels: labels, Double(lagOffsets)),
            MetricGroup.Sample(
                "courant_delivery_oldest_pending_seconds",
                labels: labels,
                (oldestPendingAge ?? .zero) / .seconds(1)
            ),
        ]
        samples += Condition.allCases.map { condition in
            MetricGroup.Sample(
                "courant_delivery_state",
                labels: labels + [("state", condition.rawValue)],
                condition == self.condition ? 1 : 0
            )
        }
        return samples
    }
}
