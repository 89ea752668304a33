/// Capped exponential backoff with full jitter: each wait is drawn evenly from nothing up to a bound that doubles.
package struct RetryPolicy: Sendable, Hashable {
    package let first: Duration
    package let cap: Duration
    package private(set) var attempts = 0

    package init(first: Duration = .milliseconds(500), cap: Duration = .seconds(60)) {
        precondition(first > .zero && cap >= first, "a backoff starts above nothing and stays under its cap")
        self.first = first
        self.cap = cap
    }

    /// The wait before the next attempt.
    ///
    /// `random` has 64 even bits; `asked` is what the destination asked for, which is not undercut up to an hour: more
    /// is a mistake of the destination's that would hold delivery for days.
    package mutating func wait(random: UInt64, asked: Duration? = nil) -> Duration {
        let bound = attempts >= 32 ? cap : min(cap, first * (1 << attempts))
        attempts += 1
        let drawn = bound * (Double(random >> 11) / Double(1 << 53))
        return max(drawn, min(asked ?? .zero, .seconds(3_600)))
    }

    /// The wait for a change that somebody must make: the cap itself, with a tenth of jitter.
    package mutating func waitForChange(random: UInt64) -> Duration {
        attempts += 1
        return cap * (0.9 + 0.1 * Double(random >> 11) / Double(1 << 53))
    }

    package mutating func succeeded() {
        attempts = 0
    }
}
