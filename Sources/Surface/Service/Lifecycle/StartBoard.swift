import Synchronization

/// Waits until every listener has its address.
final class StartBoard: Sendable {
    private struct State {
        var bound: [ServiceListeners.Name: ListenAddress] = [:]
        var isOver = false
        var waiter: CheckedContinuation<[ServiceListeners.Name: ListenAddress]?, Never>?
    }

    private let expected: Int
    private let state = Mutex(State())

    init(expected: Int) {
        self.expected = expected
    }

    func bound(_ name: ServiceListeners.Name, _ address: ListenAddress) {
        settle { $0.bound[name] = address }
    }

    /// The service ended before all were bound, or nobody need wait any more.
    func giveUp() {
        settle { $0.isOver = true }
    }

    /// All addresses; nil if it was given up first.
    ///
    /// For one caller.
    func all() async -> [ServiceListeners.Name: ListenAddress]? {
        await withCheckedContinuation { continuation in
            settle { $0.waiter = continuation }
        }
    }

    private func settle(_ change: (inout State) -> Void) {
        let answer = state.withLock { state in
            change(&state)
            guard let waiter = state.waiter, state.isOver || state.bound.count == expected else {
                return nil as (() -> Void)?
            }
            state.waiter = nil
            let bound = state.bound.count == expected ? state.bound : nil
            return { waiter.resume(returning: bound) }
        }
        answer?()
    }
}
