import Platform
import Synchronization

/// A token bucket that holds one second's worth: pure arithmetic on the clock that is handed in.
struct RateLimit: Sendable {
    private let perSecond: Double
    private var tokens: Double
    private var last: Duration

    init(perSecond: Int, now: Duration) {
        self.perSecond = Double(perSecond)
        tokens = Double(perSecond)
        last = now
    }

    /// Whether the source may send now.
    ///
    /// A request is admitted while tokens are left and then pays for all its events, so one larger than the rate is not
    /// locked out for ever; the debt is waited off.
    mutating func admits(now: Duration) -> Bool {
        let elapsed = Double((now - last).components.seconds) + Double((now - last).components.attoseconds) / 1e18
        tokens = min(perSecond, tokens + max(0, elapsed) * perSecond)
        last = now
        return tokens > 0
    }

    mutating func pay(_ events: Int) { tokens -= Double(events) }

    /// Whole seconds until tokens are left again.
    var secondsToWait: Int { tokens > 0 ? 0 : max(1, Int((-tokens / perSecond).rounded(.up))) }
}
