package import Journal
import Synchronization

extension Tracker {
    /// How far the state is on the disk for good, and who waits for it to be.
    struct Settling {
        /// What the state had of the journal when it was last brought to the disk; nil until the first time.
        var offset: Offset?
        /// The offset that the state's database names as the one up to which it has the journal's changes.
        var noted: Offset?
        /// Whether the state may have changed since.
        var isDirty = false
        var isAnswering = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Before what offset tracking needs nothing of a partition any more.
    ///
    /// While nothing of tracking changes this is the journal's end, whatever else is written there.
    package func neededFrom(_ partition: PartitionID) -> Offset {
        guard partition == Self.partition else { return journal.end(of: partition) }
        return settling.withLock { settling in
            guard let offset = settling.offset else { return journal.oldest(of: partition) }
            // The end is read under the lock: a change is marked before it is appended.
            return settling.isDirty ? offset : journal.end(of: partition)
        }
    }

    /// Brings to the disk what tracking has taken so far, so that what removes segments need not wait for it.
    ///
    /// A power loss before costs nothing but that the journal's end is applied again.
    package func settleNow() async {
        await withCheckedContinuation { waiter in
            let isHeard = settling.withLock { settling in
                guard settling.isAnswering else { return false }
                settling.waiters.append(waiter)
                return true
            }
            if isHeard { signal.fire() } else { waiter.resume() }
        }
    }

    func settleIfWanted() async throws(TrackingError) {
        guard settling.withLock({ !$0.waiters.isEmpty }) else { return }
        try await settle()
        for waiter in settling.withLock({ $0.takeWaiters() }) { waiter.resume() }
    }

    func endSettling() {
        let waiters = settling.withLock { settling in
            settling.isAnswering = false
            return settling.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Everything durable now has been put into the store, since the task that calls this alone makes change records.
    func settle() async throws(TrackingError) {
        let end = journal.end(of: Self.partition)
        let (isDirty, noted) = settling.withLock { ($0.isDirty, $0.noted) }
        // Also where nothing changed: a start need not look for changes where there are none.
        if isDirty || noted != end { try await store.apply([], applied: end) }
        if isDirty { try await store.checkpoint() }
        settling.withLock { settling in
            settling.noted = end
            guard isDirty else { return }
            settling.offset = end
            settling.isDirty = false
        }
    }

    func markChanged() { settling.withLock { $0.isDirty = true } }
}

extension Tracker.Settling {
    fileprivate mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
        defer { waiters = [] }
        return waiters
    }
}
