import Synchronization

/// A number that only grows.
///
/// One atomic addition, no lock.
package final class Counter: Sendable {
    private let count = Atomic(0)

    package init() {}

    package func add(_ amount: Int = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    package var value: Int {
        count.load(ordering: .relaxed)
    }
}

/// A number that goes up and down.
package final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    package init() {}

    package func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    package var value: Double {
        Double(bitPattern: bits.load(ordering: .relaxed))
    }
}

/// Durations in seconds, counted by fixed upper bounds.
package final class Histogram: Sendable {
    package let bounds: [Double]
    /// One for each bound and one beyond the last; each counts its own interval only.
    private let buckets: [Counter]
    private let nanoseconds = Atomic<Int64>(0)

    /// From the shortest `fdatasync` measured (0.1 ms) to an acknowledgement that is in trouble (10 s).
    package static let usualBounds: [Double] = [
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    package init(bounds: [Double] = Histogram.usualBounds) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "the bounds of a histogram rise")
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Counter() }
    }

    package func observe(seconds: Double) {
        let index = bounds.firstIndex { seconds <= $0 } ?? bounds.count
        buckets[index].add()
        nanoseconds.wrappingAdd(Int64(min(max(seconds, 0), 9e9) * 1e9), ordering: .relaxed)
    }

    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(seconds: Double(seconds) + Double(attoseconds) * 1e-18)
    }

    package var count: Int {
        buckets.reduce(0) { $0 + $1.value }
    }

    package var sum: Double {
        Double(nanoseconds.load(ordering: .relaxed)) * 1e-9
    }

    /// The upper bound of the bucket that holds the given share of observations; nil without observations or
    /// beyond the last bound.
    package func quantile(_ share: Double) -> Double? {
        let counts = cumulativeCounts
        guard let total = counts.last, total > 0 else { return nil }
        let wanted = Int((Double(total) * share).rounded(.up))
        guard let index = counts.firstIndex(where: { $0 >= wanted }), index < bounds.count else { return nil }
        return bounds[index]
    }

    /// For each bound the observations at or below it; the last is the total.
    package var cumulativeCounts: [Int] {
        var total = 0
        return buckets.map { bucket in
            total += bucket.value
            return total
        }
    }
}
