internal import Journal
internal import Synchronization

/// What a connector is asked to do; its workers look at it between frames.
final class ConnectorControl: Sendable {
    enum Mode: Sendable {
        case running
        case paused
        case stopping
    }

    private struct State {
        var mode = Mode.running
        /// How many want the work to stand still for a moment, such as a forgetting of plans.
        var holds = 0
        var isWorking = false
        /// Calls to the destination that have begun, and what state has not learnt of them yet.
        var calls = 0
        /// How long a stop waits for these.
        var grace = Duration.zero
        var hasCutCalls = false
        var flushes: UInt64 = 0
        /// By partition: the end as it was when the newest flush was asked for, and the newest that was done, as they
        /// are numbered.
        var flushTargets: [Offset]
        var flushed: [UInt64]
    }

    /// Raised at every change: of the mode, by a flush, a plan, a landing.
    let changes = Signal()
    /// Raised to cut the waits between attempts short.
    let hurry = Signal()
    private let state: Mutex<State>

    init(partitions: Int) {
        state = Mutex(
            State(
                flushTargets: [Offset](repeating: .zero, count: partitions),
                flushed: [UInt64](repeating: 0, count: partitions)
            )
        )
    }

    var mode: Mode { state.withLock(\.mode) }

    func set(_ mode: Mode) {
        state.withLock { state in
            guard state.mode != .stopping else { return }
            state.mode = mode
        }
        changes.raise()
        hurry.raise()
    }

    /// Ends all work for good; calls that have begun may go on for so long.
    func stop(grace: Duration) {
        state.withLock { $0.grace = grace }
        set(.stopping)
    }

    var grace: Duration { state.withLock(\.grace) }

    /// Whether a call may begin; if so, ``endCall()`` must follow once state knows what became of it.
    func beginCall() -> Bool {
        state.withLock { state in
            guard state.mode != .stopping else { return false }
            state.calls += 1
            return true
        }
    }

    func endCall() {
        state.withLock { $0.calls -= 1 }
        changes.raise()
    }

    var hasCalls: Bool { state.withLock { $0.calls > 0 } }

    /// Returns at once unless there is a stop, then once the task is cancelled.
    func waitWhileStopping() async {
        while !Task.isCancelled {
            let generation = changes.generation
            guard mode == .stopping else { return }
            await changes.wait(past: generation)
        }
    }

    /// Whether a stop came to the end of its grace.
    var hasCutCalls: Bool {
        get { state.withLock(\.hasCutCalls) }
        set { state.withLock { $0.hasCutCalls = newValue } }
    }

    /// Whether there is to be work now.
    var shouldWork: Bool { state.withLock { $0.mode == .running && $0.holds == 0 } }

    var isWorking: Bool {
        get { state.withLock(\.isWorking) }
        set {
            state.withLock { $0.isWorking = newValue }
            changes.raise()
        }
    }

    func hold() {
        state.withLock { $0.holds += 1 }
        changes.raise()
    }

    func release() {
        state.withLock { $0.holds -= 1 }
        changes.raise()
    }

    /// Asks all partitions to close their files once they have read so far; returns the number of the request.
    func requestFlush(upTo ends: [Offset]) -> UInt64 {
        let number = state.withLock { state in
            state.flushes += 1
            for index in ends.indices { state.flushTargets[index] = max(state.flushTargets[index], ends[index]) }
            return state.flushes
        }
        changes.raise()
        return number
    }

    /// The request that a worker standing at `position` can carry out now.
    func flushDue(_ partition: PartitionID, at position: Offset) -> UInt64? {
        state.withLock { state in
            let index = partition.rawValue
            guard state.flushed[index] < state.flushes, position >= state.flushTargets[index] else { return nil }
            return state.flushes
        }
    }

    func flushed(_ partition: PartitionID, request: UInt64) {
        state.withLock { state in
            state.flushed[partition.rawValue] = max(state.flushed[partition.rawValue], request)
        }
        changes.raise()
    }

    func isFlushed(_ request: UInt64) -> Bool {
        state.withLock { $0.flushed.allSatisfy { $0 >= request } }
    }
}
