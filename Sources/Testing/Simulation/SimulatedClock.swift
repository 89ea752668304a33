package import Platform
internal import Synchronization

/// A clock that jumps from sleeper to sleeper.
///
/// The executor turns it: a little with every job, and to the next sleeper where nobody has anything to do. The wall
/// clock that the service sees can be put elsewhere; the true one cannot.
package final class SimulatedClock: WorldClock {
    @safe
    private struct Sleeper {
        let id: UInt64
        let until: Int64
        let resumption: UnsafeContinuation<Void, Never>
    }

    private struct State {
        /// Nanoseconds since the world began.
        var elapsed: Int64 = 0
        var booted: Int64 = 0
        var wallOffset: Int64 = 0
        /// The next to wake last.
        var sleepers: [Sleeper] = []
        var lastSleeper: UInt64 = 0
    }

    /// When every world begins: a quarter of an hour before a full one.
    private static let start = Timestamp(seconds: 1_790_000_100)
    /// A boot was some time ago when the process starts.
    private static let bootedAgo = Duration.seconds(1_000)

    private let state = Mutex(State())

    package init() {}

    package func now() -> Timestamp {
        state.withLock { Timestamp(nanoseconds: Self.start.nanoseconds + $0.elapsed + $0.wallOffset) }
    }

    package func uptime() -> Duration {
        state.withLock { Self.bootedAgo + .nanoseconds($0.elapsed - $0.booted) }
    }

    /// The wall clock of those whose clock is right.
    var truth: TrueClock { TrueClock(of: self) }
    fileprivate var trueNow: Timestamp { Self.start + elapsed }

    /// Since the world began.
    var elapsed: Duration { .nanoseconds(state.withLock { $0.elapsed }) }

    func spend(_ duration: Duration) {
        state.withLock { $0.elapsed += duration.nanoseconds }
    }

    /// Those who sleep were of a process that is dead: they never wake.
    func forgetSleepers() {
        state.withLock { $0.sleepers = [] }
    }

    /// The machine starts anew, and uptime with it.
    func reboot() {
        state.withLock { $0.booted = $0.elapsed }
    }

    /// Puts the service's wall clock elsewhere.
    func setWall(aheadBy offset: Duration) {
        state.withLock { $0.wallOffset = offset.nanoseconds }
    }

    func wakeDue() {
        while true {
            let due = state.withLock { state -> Sleeper? in
                guard let next = state.sleepers.last, next.until <= state.elapsed else { return nil }
                return state.sleepers.removeLast()
            }
            guard let due else { return }
            unsafe due.resumption.resume()
        }
    }

    /// Turns to when the next sleeper wakes; false if nobody sleeps.
    func skipToNext() -> Bool {
        state.withLock { state in
            guard let next = state.sleepers.last else { return false }
            state.elapsed = max(state.elapsed, next.until)
            return true
        }
    }

    package func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.lastSleeper += 1
            return state.lastSleeper
        }
        await withTaskCancellationHandler {
            await unsafe withUnsafeContinuation { (resumption: UnsafeContinuation<Void, Never>) in
                let resumesNow = state.withLock { state in
                    if duration <= .zero || Task.isCancelled { return true }
                    let until = state.elapsed + duration.nanoseconds
                    // Behind its equals in time, which are woken first: they stand nearer to the end.
                    var place = state.sleepers.endIndex
                    while place > 0, state.sleepers[place - 1].until <= until { place -= 1 }
                    state.sleepers.insert(unsafe Sleeper(id: id, until: until, resumption: resumption), at: place)
                    return false
                }
                if resumesNow { unsafe resumption.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.sleepers.firstIndex { $0.id == id }.map { state.sleepers.remove(at: $0) }
            }
            if let sleeper { unsafe sleeper.resumption.resume() }
        }
        try Task.checkCancellation()
    }
}

/// The clock of everybody but the service under test.
struct TrueClock: WorldClock {
    private let clock: SimulatedClock

    fileprivate init(of clock: SimulatedClock) {
        self.clock = clock
    }

    func now() -> Timestamp { clock.trueNow }
    func uptime() -> Duration { clock.uptime() }
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
}
