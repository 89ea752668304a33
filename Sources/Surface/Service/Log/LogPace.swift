import Platform
import Synchronization

/// How often a line may be logged that strangers can cause, so that none of them fills the disk.
final class LogPace: Sendable {
    static let linesMax = 10
    static let span = Duration.seconds(60)

    private struct State {
        var began: Duration?
        var lines = 0
        var leftOut = 0
    }

    private let clock: any WorldClock
    private let state = Mutex(State())

    init(clock: any WorldClock) {
        self.clock = clock
    }

    /// Lines left out since the last one; nil: this one is left out too.
    func next() -> Int? {
        let now = clock.uptime()
        return state.withLock { state in
            if let began = state.began, now - began < Self.span {
                guard state.lines < Self.linesMax else {
                    state.leftOut += 1
                    return nil
                }
            } else {
                state.began = now
                state.lines = 0
            }
            state.lines += 1
            defer { state.leftOut = 0 }
            return state.leftOut
        }
    }
}
