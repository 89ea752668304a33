import Synchronization

/// Wakes the one task that handles reports: something waits, or time has passed.
final class TurnSignal: Sendable {
    private struct State {
        var isFired = false
        var hasTicked = false
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func fire() { wake { $0.isFired = true } }

    func fireTick() {
        wake { state in
            state.isFired = true
            state.hasTicked = true
        }
    }

    /// Whether time has passed since this was last asked.
    func takeTick() -> Bool {
        state.withLock { state in
            defer { state.hasTicked = false }
            return state.hasTicked
        }
    }

    /// Returns when it was fired since the last wait, or at the end of the task.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { sleeper in
                let isAwake = state.withLock { state in
                    guard !state.isFired, !Task.isCancelled else {
                        state.isFired = false
                        return true
                    }
                    state.sleeper = sleeper
                    return false
                }
                if isAwake { sleeper.resume() }
            }
        } onCancel: {
            fire()
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        let sleeper = state.withLock { state in
            change(&state)
            guard let sleeper = state.sleeper else { return nil as CheckedContinuation<Void, Never>? }
            state.sleeper = nil
            state.isFired = false
            return sleeper
        }
        sleeper?.resume()
    }
}
