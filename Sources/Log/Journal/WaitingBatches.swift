import Synchronization

/// One batch between hand-over and answer.
///
/// Its writer alone touches it until it answers.
struct WaitingBatch: Sendable {
    let batch: RecordBatch
    let answer: CheckedContinuation<Result<AppendResult, JournalError>, Never>
    /// The first entry that is not yet in a frame.
    var nextEntry = 0
    var duplicates: [Int32] = []
    var accepted = 0
    var firstOffset: Offset?

    init(batch: RecordBatch, answer: CheckedContinuation<Result<AppendResult, JournalError>, Never>) {
        self.batch = batch
        self.answer = answer
    }

    var isDone: Bool { nextEntry == batch.entries.count }
}

/// The batches that wait for a partition's writer.
///
/// Its bytes count until a batch is answered.
final class WaitingBatches: Sendable {
    private struct State {
        var waiting: [WaitingBatch] = []
        var writer: CheckedContinuation<Void, Never>?
        var isStopping = false
    }

    private let state = Mutex(State())
    private let bytesHeld = Atomic(0)

    var bytes: Int { bytesHeld.load(ordering: .relaxed) }

    var isTaking: Bool { state.withLock { !$0.isStopping } }

    /// Hands a batch over; answers false, and keeps nothing, if the writer stops.
    func append(_ batch: WaitingBatch) -> Bool {
        let (isTaken, writer) = state.withLock { state in
            guard !state.isStopping else { return (false, nil as CheckedContinuation<Void, Never>?) }
            bytesHeld.wrappingAdd(batch.batch.bytes.count, ordering: .relaxed)
            state.waiting.append(batch)
            defer { state.writer = nil }
            return (true, state.writer)
        }
        writer?.resume()
        return isTaken
    }

    /// All that waits now; empty if nothing does.
    func take() -> [WaitingBatch] {
        state.withLock { state in
            let waiting = state.waiting
            state.waiting = []
            return waiting
        }
    }

    /// All that waits, after waiting for some; empty once stopped and drained.
    func next() async -> [WaitingBatch] {
        while true {
            let waiting = take()
            if !waiting.isEmpty { return waiting }
            await withCheckedContinuation { (resumption: CheckedContinuation<Void, Never>) in
                let resumesNow = state.withLock { state in
                    if state.isStopping || !state.waiting.isEmpty { return true }
                    state.writer = resumption
                    return false
                }
                if resumesNow { resumption.resume() }
            }
            let (isStopping, isEmpty) = state.withLock { ($0.isStopping, $0.waiting.isEmpty) }
            if isStopping, isEmpty { return [] }
        }
    }

    func release(_ batch: WaitingBatch) {
        bytesHeld.wrappingSubtract(batch.batch.bytes.count, ordering: .relaxed)
    }

    /// No batch is taken any more; those that wait will still be written.
    func stop() {
        let writer = state.withLock { state in
            state.isStopping = true
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume()
    }
}
