import Telemetry

/// The journal's own figures.
struct JournalMetrics: Sendable {
    let frames: Counter
    let records: Counter
    let bytes: Counter
    let duplicates: Counter
    let syncSeconds: Histogram
    let lostRecords: Counter
    let losses: Counter
    let segmentsRemoved: Counter

    init(_ registry: MetricRegistry) {
        frames = registry.counter("courant_journal_frames_total", help: "Frames written and synced.")
        records = registry.counter("courant_journal_records_total", help: "Records written and synced.")
        bytes = registry.counter("courant_journal_bytes_total", help: "Bytes of records written and synced.")
        duplicates = registry.counter(
            "courant_journal_duplicates_total",
            help: "Records recognised as repeats of durable ones."
        )
        syncSeconds = registry.histogram(
            "courant_journal_sync_seconds",
            help: "Time of one frame's write and sync."
        )
        lostRecords = registry.counter(
            "courant_journal_lost_records_total",
            help: "Offsets that a broken frame or a gap has cost."
        )
        losses = registry.counter(
            "courant_journal_losses_total",
            help: "Places where a broken frame or a gap was found."
        )
        segmentsRemoved = registry.counter(
            "courant_journal_segments_removed_total",
            help: "Segments removed by retention."
        )
    }
}
