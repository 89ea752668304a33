internal import Synchronization

/// The memory that the open blocks of all connectors share.
///
/// A worker that finds the whole over its budget moves its own largest blocks to disk until it is down to its share.
/// One that had more than its share before others came keeps it until its next turn, and these may come up to theirs:
/// so the total stays below twice the budget and one frame for each worker, whatever the traffic.
package final class StagingMemory: Sendable {
    package let budget: Int
    private let used = Atomic(0)
    private let workers = Atomic(0)

    package init(budget: Int) {
        precondition(budget > 0, "blocks need memory")
        self.budget = budget
    }

    package var bytesUsed: Int { used.load(ordering: .relaxed) }

    func join() {
        workers.wrappingAdd(1, ordering: .relaxed)
    }

    /// Called with what the worker still held.
    func leave(holding bytes: Int) {
        used.wrappingSubtract(bytes, ordering: .relaxed)
        workers.wrappingSubtract(1, ordering: .relaxed)
    }

    func change(by bytes: Int) {
        used.wrappingAdd(bytes, ordering: .relaxed)
    }

    /// What a worker that holds `own` bytes must come down to; nil if it need not.
    func bound(holding own: Int) -> Int? {
        guard bytesUsed > budget else { return nil }
        let share = budget / max(1, workers.load(ordering: .relaxed))
        return own > share ? share : nil
    }
}
