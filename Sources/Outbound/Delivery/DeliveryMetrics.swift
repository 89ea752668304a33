internal import Telemetry

/// What one connector counts for Prometheus.
struct DeliveryMetrics: Sendable {
    let registry: MetricRegistry
    let connector: String
    let landedFiles: Counter
    let landedBytes: Counter
    let landSeconds: Histogram
    let framesRead: Counter
    let spilledBytes: Counter

    init(_ registry: MetricRegistry, connector: String) {
        self.registry = registry
        self.connector = connector
        let labels = [("connector", connector)]
        landedFiles = registry.counter(
            "courant_delivery_landed_files_total",
            help: "Files that have landed.",
            labels: labels
        )
        landedBytes = registry.counter(
            "courant_delivery_landed_bytes_total",
            help: "Bytes of files that have landed.",
            labels: labels
        )
        landSeconds = registry.histogram(
            "courant_delivery_land_seconds",
            help: "Time of one put, from its start to the destination's answer.",
            labels: labels
        )
        framesRead = registry.counter(
            "courant_delivery_frames_read_total",
            help: "Frames of the journal whose records were taken.",
            labels: labels
        )
        spilledBytes = registry.counter(
            "courant_delivery_spilled_bytes_total",
            help: "Bytes of open blocks moved to disk for want of memory.",
            labels: labels
        )
    }

    func retried(_ reason: DestinationError.Code) {
        registry.counter(
            "courant_delivery_retries_total",
            help: "Attempts at a destination that failed, by reason.",
            labels: [("connector", connector), ("reason", reason.rawValue)]
        ).add()
    }
}
