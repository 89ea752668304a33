import Synchronization

/// All metrics of the process, by name and labels, and their text for Prometheus.
///
/// The same name and labels give the same object, so a room may ask again instead of passing metrics around. Asking
/// takes a lock; counting does not: keep what you asked for.
package final class MetricRegistry: Sendable {
    private let families = Mutex<[String: MetricFamily]>([:])
    private let groups = Mutex<[String: MetricGroup]>([:])

    package init() {}

    package func counter(_ name: String, help: String, labels: [(String, String)] = []) -> Counter {
        let series = series(name, help, .counter, labels) { .counter(Counter()) }
        guard case .counter(let counter) = series else { preconditionFailure("\(name) is no counter") }
        return counter
    }

    package func gauge(_ name: String, help: String, labels: [(String, String)] = []) -> Gauge {
        let series = series(name, help, .gauge, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = series else { preconditionFailure("\(name) is no plain gauge") }
        return gauge
    }

    package func histogram(
        _ name: String,
        help: String,
        labels: [(String, String)] = [],
        bounds: [Double] = Histogram.usualBounds
    ) -> Histogram {
        let series = series(name, help, .histogram, labels) { .histogram(Histogram(bounds: bounds)) }
        guard case .histogram(let histogram) = series else { preconditionFailure("\(name) is no histogram") }
        return histogram
    }

    /// A gauge whose value is asked for at each scrape.
    ///
    /// A second registration under the same labels replaces the
    /// first: whatever the first one read has been replaced as well.
    package func gaugeReading(
        _ name: String,
        help: String,
        labels: [(String, String)] = [],
        read: @escaping @Sendable () -> Double
    ) {
        families.withLock { families in
            var family = families[name] ?? MetricFamily(help: help, kind: .gauge)
            precondition(family.kind == .gauge, "\(name) is registered as a \(family.kind.rawValue)")
            family.series[PrometheusText.labels(labels)] = .reading(read)
            families[name] = family
        }
    }

    /// Takes one series away, such as those of a connector that is gone.
    package func remove(_ name: String, labels: [(String, String)]) {
        families.withLock { families in
            families[name]?.series[PrometheusText.labels(labels)] = nil
        }
    }

    /// Figures that are read together at each scrape.
    ///
    /// A second group of the same name replaces the first. Groups may share families, not series, and a family of
    /// groups has no series outside them.
    package func group(
        _ name: String,
        _ families: [MetricGroup.Family],
        read: @escaping @Sendable () -> [MetricGroup.Sample]
    ) {
        for family in families {
            precondition(PrometheusText.isName(family.name), "\(family.name) cannot be the name of a metric")
        }
        groups.withLock { $0[name] = MetricGroup(families: families, read: read) }
    }

    package func removeGroup(_ name: String) {
        groups.withLock { $0[name] = nil }
    }

    /// The Prometheus text exposition format 0.0.4, names and labels in order of their bytes.
    package func prometheusText() -> String {
        // Readings run outside the lock: they may take locks of their own.
        var families = families.withLock { $0 }
        for (_, group) in groups.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            for family in group.families where families[family.name] == nil {
                let kind: MetricFamily.Kind = family.kind == .counter ? .counter : .gauge
                families[family.name] = MetricFamily(help: family.help, kind: kind)
            }
            for sample in group.read() {
                families[sample.name]?.series[PrometheusText.labels(sample.labels)] = .sample(sample.value)
            }
        }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            PrometheusText.append(family, named: name, to: &text)
        }
        return text
    }

    private func series(
        _ name: String,
        _ help: String,
        _ kind: MetricFamily.Kind,
        _ labels: [(String, String)],
        make: () -> MetricSeries
    ) -> MetricSeries {
        precondition(PrometheusText.isName(name), "\(name) cannot be the name of a metric")
        let key = PrometheusText.labels(labels)
        return families.withLock { families in
            var family = families[name] ?? MetricFamily(help: help, kind: kind)
            precondition(family.kind == kind, "\(name) is registered as a \(family.kind.rawValue)")
            if let existing = family.series[key] { return existing }
            let made = make()
            family.series[key] = made
            families[name] = family
            return made
        }
    }
}

/// All series of one name.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    let help: String
    let kind: Kind
    /// By their labels as they are printed.
    var series: [String: MetricSeries] = [:]
}

enum MetricSeries: Sendable {
    case counter(Counter)
    case gauge(Gauge)
    case histogram(Histogram)
    case reading(@Sendable () -> Double)
    /// What was read for this scrape.
    case sample(Double)
}
