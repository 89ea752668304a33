import Platform
import Synchronization

/// What a partition holds that is durable: the face that readers see.
///
/// The writer publishes here after each sync; nothing else makes a record visible.
final class PartitionLog: Sendable {
    /// A segment as a reader may read it.
    struct ReadableSegment: Sendable {
        let number: UInt64
        let path: String
        let firstOffset: Offset
        /// Behind the last durable record.
        let nextOffset: Offset
        /// Behind the last durable frame.
        let framesEnd: Int64
        let isWritten: Bool
    }

    private struct Waiter {
        let id: UInt64
        let offset: Offset
        let resumption: CheckedContinuation<Void, Never>
    }

    private struct State {
        var segments: [SegmentSummary]
        var open: ReadableSegment?
        var openBytes: Int64 = 0
        var end: Offset
        var waiters: [Waiter] = []
        var lastWaiter: UInt64 = 0
        /// Where losses were found already, so that several readers count one once.
        var lossesSeen: Set<Offset> = []
    }

    /// Losses that are remembered for counting once; beyond it they are counted again.
    private static let lossesSeenMax = 10_000

    let partition: PartitionID
    private let state: Mutex<State>

    init(partition: PartitionID, segments: [SegmentSummary], end: Offset, losses: [JournalLoss]) {
        self.partition = partition
        state = Mutex(State(segments: segments, end: end, lossesSeen: Set(losses.map(\.from))))
    }

    var end: Offset { state.withLock { $0.end } }

    var oldest: Offset {
        state.withLock { state in
            state.segments.first?.firstOffset ?? state.open?.firstOffset ?? state.end
        }
    }

    var bytesOnDisk: Int64 {
        state.withLock { state in state.segments.reduce(state.openBytes) { $0 + $1.bytes } }
    }

    /// Identities in sealed segments.
    var identities: Int {
        state.withLock { state in state.segments.reduce(0) { $0 + $1.identities } }
    }

    var segmentCount: Int {
        state.withLock { $0.segments.count + ($0.open == nil ? 0 : 1) }
    }

    // MARK: - The writer's side

    /// A new segment takes the writes; one of the same number that held nothing is replaced.
    func begin(_ segment: OpenSegment) {
        state.withLock { state in
            if state.segments.last?.number == segment.number { state.segments.removeLast() }
            state.open = ReadableSegment(
                number: segment.number,
                path: segment.path,
                firstOffset: segment.head.firstOffset,
                nextOffset: segment.nextOffset,
                framesEnd: Int64(segment.position),
                isWritten: true
            )
            state.openBytes = Int64(segment.capacity)
        }
    }

    /// What `segment` holds now has been synced.
    func publish(_ segment: OpenSegment) {
        let due = state.withLock { state in
            state.open = ReadableSegment(
                number: segment.number,
                path: segment.path,
                firstOffset: segment.head.firstOffset,
                nextOffset: segment.nextOffset,
                framesEnd: Int64(segment.position),
                isWritten: true
            )
            state.end = segment.nextOffset
            let due = state.waiters.filter { $0.offset < segment.nextOffset }
            if !due.isEmpty { state.waiters.removeAll { $0.offset < segment.nextOffset } }
            return due
        }
        for waiter in due { waiter.resumption.resume() }
    }

    func seal(_ summary: SegmentSummary) {
        state.withLock { state in
            state.segments.append(summary)
            state.open = nil
            state.openBytes = 0
        }
    }

    // MARK: - The readers' side

    func waitForEnd(past offset: Offset) async throws {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (resumption: CheckedContinuation<Void, Never>) in
                let resumesNow = state.withLock { state in
                    if state.end > offset || Task.isCancelled { return true }
                    state.waiters.append(Waiter(id: id, offset: offset, resumption: resumption))
                    return false
                }
                if resumesNow { resumption.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.resumption.resume()
        }
        try Task.checkCancellation()
    }

    /// The first segment that ends behind `offset`.
    func segment(endingPast offset: Offset) -> ReadableSegment? {
        state.withLock { state in
            // Segments stand in order: the first half that ends too early is skipped at each step.
            var low = 0
            var high = state.segments.count
            while low < high {
                let middle = (low + high) / 2
                if state.segments[middle].nextOffset > offset { high = middle } else { low = middle + 1 }
            }
            if low < state.segments.count { return Self.readable(state.segments[low]) }
            return state.open.flatMap { $0.nextOffset > offset ? $0 : nil }
        }
    }

    /// The same segment as it stands now; nil if it was removed.
    func segment(number: UInt64) -> ReadableSegment? {
        state.withLock { state in
            if let open = state.open, open.number == number { return open }
            return state.segments.first { $0.number == number }.map(Self.readable)
        }
    }

    /// Whether the loss that begins at `offset` is seen for the first time.
    func isNewLoss(at offset: Offset) -> Bool {
        state.withLock { state in
            if state.lossesSeen.count >= Self.lossesSeenMax { state.lossesSeen = [] }
            return state.lossesSeen.insert(offset).inserted
        }
    }

    // MARK: - Retention

    /// The oldest segment, if it may go.
    ///
    /// The newest segment always stays: it carries the partition's next offset over a restart.
    func removable(before offset: Offset, olderThan time: Timestamp) -> SegmentSummary? {
        state.withLock { state in
            guard let first = state.segments.first, first.nextOffset <= offset, first.latestTime < time,
                state.segments.count > 1 || state.open != nil
            else { return nil }
            return first
        }
    }

    /// Takes the oldest segment out of the list, before its file goes.
    func drop(_ segment: SegmentSummary) {
        state.withLock { state in
            precondition(state.segments.first?.number == segment.number, "segments go oldest first")
            state.segments.removeFirst()
        }
    }

    private static func readable(_ summary: SegmentSummary) -> ReadableSegment {
        ReadableSegment(
            number: summary.number,
            path: summary.path,
            firstOffset: summary.firstOffset,
            nextOffset: summary.nextOffset,
            framesEnd: summary.framesEnd,
            isWritten: false
        )
    }
}
