import Platform
import Synchronization
package import Telemetry

/// The figures of tracking.
package struct TrackingMetrics: Sendable {
    /// Pairs of a provider and one of its words that have a series of their own; further words share one.
    static let unmappedMax = 200

    private let registry: MetricRegistry
    private let unmapped = UnmappedWords()
    let reports: Counter
    let parked: Counter
    let released: Counter
    let overtaken: Counter
    let orphaned: Counter
    let putOff: Counter
    let crowded: Counter
    /// How long the oldest event has been due that waited long enough.
    let lag: Gauge

    package init(_ registry: MetricRegistry) {
        self.registry = registry
        reports = registry.counter("courant_tracking_reports_total", help: "Reports and webhooks handled.", labels: [])
        parked = registry.counter(
            "courant_tracking_parked_total",
            help: "Events that waited for the report of their message's send.",
            labels: []
        )
        released = registry.counter(
            "courant_tracking_released_total",
            help: "Events that waited and went out with their message's context.",
            labels: []
        )
        overtaken = registry.counter(
            "courant_tracking_overtaken_total",
            help: "Events that waited long enough and went out without their message's context.",
            labels: []
        )
        orphaned = registry.counter(
            "courant_tracking_orphaned_total",
            help: "Events and opens that waited while their source, or its edition's type for them, was taken away.",
            labels: []
        )
        putOff = registry.counter(
            "courant_tracking_put_off_total",
            help: "What users did whose conversions were more than one turn makes, and went out in later ones.",
            labels: []
        )
        crowded = registry.counter(
            "courant_tracking_crowded_total",
            help: "Messages from a number of more users than one is credited to.",
            labels: []
        )
        lag = registry.gauge(
            "courant_tracking_overdue_seconds",
            help: "For how long the oldest event that has waited long enough should have gone out."
        )
    }

    /// Counts an event of a provider that there is no type for.
    func countUnmapped(provider: String, event: String) {
        registry.counter(
            "courant_tracking_unmapped_total",
            help: "Providers' events without a counterpart in the source's edition.",
            labels: [("provider", provider), ("event", unmapped.label(provider, event.cut()))]
        ).add()
    }

    /// Counts items of a report that name what nobody has defined.
    func countUndefined(_ kind: Definition.Kind, items: Int) {
        registry.counter(
            "courant_tracking_undefined_total",
            help: "Items of reports that name a campaign, a canvas or a subscription group that nobody has defined.",
            labels: [("kind", kind.rawValue)]
        ).add(items)
    }

    /// Counts answers of push services that are no event.
    func countPush(_ service: String, _ outcome: String) {
        registry.counter(
            "courant_tracking_push_faults_total",
            help: "Answers of push services that make no event, by kind.",
            labels: [("service", service), ("outcome", outcome)]
        ).add()
    }
}

/// The words of providers that have a series: a provider, or whoever may post what is not verified, may send any.
private final class UnmappedWords: Sendable {
    private let known = Mutex<Set<[String]>>([])

    /// The word, or `other` once there are as many as may be.
    func label(_ provider: String, _ word: String) -> String {
        known.withLock { known in
            if known.contains([provider, word]) { return word }
            guard known.count < TrackingMetrics.unmappedMax else { return "other" }
            known.insert([provider, word])
            return word
        }
    }
}
