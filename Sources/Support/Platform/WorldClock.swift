#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The clock of the world, as far as the service may see it.
package protocol WorldClock: Sendable {
    /// The wall clock. It can step back.
    func now() -> Timestamp

    /// The time since some fixed moment of this boot. It never steps back.
    func uptime() -> Duration

    /// Returns after `duration`, or throws `CancellationError` as soon as the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// The machine's own clock.
package struct SystemClock: WorldClock {
    package init() {}

    package func now() -> Timestamp {
        let (seconds, nanoseconds) = Self.read(CLOCK_REALTIME)
        return Timestamp(nanoseconds: seconds * 1_000_000_000 + nanoseconds)
    }

    package func uptime() -> Duration {
        let (seconds, nanoseconds) = Self.read(CLOCK_MONOTONIC)
        return .seconds(seconds) + .nanoseconds(nanoseconds)
    }

    package func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }

    private static func read(_ clock: clockid_t) -> (seconds: Int64, nanoseconds: Int64) {
        var value = timespec()
        let failed = unsafe clock_gettime(clock, &value)
        precondition(failed == 0, "a POSIX system has its two basic clocks")
        return (Int64(value.tv_sec), Int64(value.tv_nsec))
    }
}
