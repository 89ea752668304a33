package import Platform
import Synchronization

/// A clock that stands still until a test moves it.
package final class ManualClock: WorldClock {
    private struct Sleeper {
        let id: UInt64
        let until: Duration
        let resumption: CheckedContinuation<Void, Never>
    }

    private struct State {
        var wall: Timestamp
        var uptime: Duration = .seconds(1_000)
        var sleepers: [Sleeper] = []
        var lastSleeper: UInt64 = 0
    }

    private let state: Mutex<State>

    package init(_ start: Timestamp = Timestamp(seconds: 1_750_000_000)) {
        state = Mutex(State(wall: start))
    }

    package func now() -> Timestamp { state.withLock { $0.wall } }

    package func uptime() -> Duration { state.withLock { $0.uptime } }

    /// How many tasks sleep now.
    package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Lets time pass; wakes whoever's sleep is over, earliest first.
    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.wall = state.wall + duration
            state.uptime += duration
            let uptime = state.uptime
            let due = state.sleepers.filter { $0.until <= uptime }.sorted { ($0.until, $0.id) < ($1.until, $1.id) }
            state.sleepers.removeAll { $0.until <= uptime }
            return due
        }
        for sleeper in due { sleeper.resumption.resume() }
    }

    /// Puts the wall clock elsewhere, as an operator or NTP does.
    ///
    /// No time passes.
    package func set(_ wall: Timestamp) {
        state.withLock { $0.wall = wall }
    }

    package func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.lastSleeper += 1
            return state.lastSleeper
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (resumption: CheckedContinuation<Void, Never>) in
                let resumesNow = state.withLock { state in
                    if duration <= .zero || Task.isCancelled { return true }
                    state.sleepers.append(Sleeper(id: id, until: state.uptime + duration, resumption: resumption))
                    return false
                }
                if resumesNow { resumption.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.sleepers.firstIndex { $0.id == id }.map { state.sleepers.remove(at: $0) }
            }
            sleeper?.resumption.resume()
        }
        try Task.checkCancellation()
    }
}
