internal import Synchronization

/// Lets so many requests through at a time, and only one while the endpoint is failing.
///
/// That one is the probe: an endpoint that is down meets single requests, each after its partition's backoff, instead
/// of all of them; the first success opens the gate again.
final class RequestGate: Sendable {
    /// Failures in a row after which only probes go through.
    static let failuresMax = 3

    private struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var running = 0
        var failures = 0
        var number = 0
        var waiters: [Waiter] = []
        var cancelled: Set<Int> = []
    }

    private let width: Int
    private let state = Mutex(State())

    init(width: Int) {
        self.width = width
    }

    /// Whether only probes go through.
    var isFailing: Bool { state.withLock { $0.failures >= Self.failuresMax } }

    /// Waits for a place; false if the task was cancelled first.
    func enter() async -> Bool {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let verdict = state.withLock { state -> Bool? in
                    if state.cancelled.remove(number) != nil { return false }
                    guard state.running < width(state) else {
                        state.waiters.append(Waiter(number: number, continuation: continuation))
                        return nil
                    }
                    state.running += 1
                    return true
                }
                if let verdict { continuation.resume(returning: verdict) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let place = state.waiters.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.waiters.remove(at: place)
            }
            waiter?.continuation.resume(returning: false)
        }
    }

    /// Gives the place back, and says how it went; nil if that says nothing about the endpoint.
    func leave(succeeded: Bool?) {
        let next = state.withLock { state in
            state.running -= 1
            if let succeeded { state.failures = succeeded ? 0 : state.failures + 1 }
            var next: [Waiter] = []
            while state.running < width(state), !state.waiters.isEmpty {
                state.running += 1
                next.append(state.waiters.removeFirst())
            }
            return next
        }
        for waiter in next { waiter.continuation.resume(returning: true) }
    }

    private func width(_ state: borrowing State) -> Int { state.failures >= Self.failuresMax ? 1 : width }
}
