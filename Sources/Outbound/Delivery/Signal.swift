internal import Synchronization

/// Wakes everybody who waits for something to have changed.
///
/// Take the generation, look at what you wait for, then wait past that generation: a change in between is not missed.
package final class Signal: Sendable {
    private struct State {
        var generation: UInt64 = 0
        var waiters: [(ticket: UInt64, continuation: CheckedContinuation<Void, Never>)] = []
        var nextTicket: UInt64 = 0
        /// Tickets cancelled before their continuation was there.
        var cancelled: Set<UInt64> = []
    }

    private let state = Mutex(State())

    package init() {}

    package var generation: UInt64 { state.withLock(\.generation) }

    package func raise() {
        let waiters = state.withLock { state in
            state.generation += 1
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.continuation.resume() }
    }

    /// Returns once the signal was raised after `generation` was taken, or the task is cancelled.
    package func wait(past generation: UInt64) async {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    if state.generation > generation || state.cancelled.contains(ticket) { return true }
                    state.waiters.append((ticket, continuation))
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard let index = state.waiters.firstIndex(where: { $0.ticket == ticket }) else {
                    state.cancelled.insert(ticket)
                    return nil
                }
                return state.waiters.remove(at: index).continuation
            }
            continuation?.resume()
        }
        state.withLock { _ = $0.cancelled.remove(ticket) }
    }
}

/// Returns when the first of the waits does; the others are cancelled and have ended too.
func firstOf(_ waits: [@Sendable () async -> Void]) async {
    await withTaskGroup(of: Void.self) { group in
        for wait in waits { group.addTask { await wait() } }
        await group.next()
        group.cancelAll()
    }
}
