import Journal
import Platform
import Synchronization

@testable import Delivery

/// A journal that a test writes frame by frame, with rot where the test wants it.
final class ScriptedJournal: Journal {
    private enum Entry {
        case frame(JournalFrame)
        case rotten(JournalLoss)
    }

    private struct State {
        var entries: [[Entry]]
        var ends: [Offset]
        var oldest: [Offset]
    }

    let id = JournalID([UInt8](repeating: 0xAB, count: 16))
    let secret = [UInt8](repeating: 1, count: 16)
    let partitions: Int
    let bytesOnDisk: Int64 = 0
    let recordBytesMax = Int.max
    private let state: Mutex<State>
    private let changes = Signal()

    init(partitions: Int = 1) {
        self.partitions = partitions
        state = Mutex(
            State(
                entries: Array(repeating: [], count: partitions),
                ends: Array(repeating: .zero, count: partitions),
                oldest: Array(repeating: .zero, count: partitions)
            )
        )
    }

    /// Appends a frame and answers its first offset.
    ///
    /// `skipping` leaves offsets out before it.
    @discardableResult
    func write(
        _ records: [(fingerprint: UInt64, datum: [UInt8])],
        at time: Timestamp,
        partition: Int = 0,
        skipping: Int = 0
    ) -> Offset {
        var payload: [UInt8] = []
        var counts: [SchemaCount] = []
        for record in records {
            RecordLayout.append(datum: record.datum, fingerprint: record.fingerprint, to: &payload)
            if let index = counts.firstIndex(where: { $0.fingerprint == record.fingerprint }) {
                counts[index] = SchemaCount(fingerprint: record.fingerprint, count: counts[index].count + 1)
            } else {
                counts.append(SchemaCount(fingerprint: record.fingerprint, count: 1))
            }
        }
        let first = state.withLock { state in
            let first = state.ends[partition] + skipping
            let frame = JournalFrame(
                partition: PartitionID(partition),
                firstOffset: first,
                count: records.count,
                time: time,
                counts: SchemaCounts(counts),
                payload: payload
            )
            state.entries[partition].append(.frame(frame))
            state.ends[partition] = frame.nextOffset
            return first
        }
        changes.raise()
        return first
    }

    /// Lets the frame that holds an offset rot; its header stays readable or not.
    ///
    /// Answers how many records it had.
    @discardableResult
    func rot(at offset: Offset, partition: Int = 0, keepingHeader: Bool) -> Int {
        state.withLock { state in
            for (index, entry) in state.entries[partition].enumerated() {
                guard case .frame(let frame) = entry, frame.firstOffset <= offset, offset < frame.nextOffset else {
                    continue
                }
                let loss = JournalLoss(
                    from: frame.firstOffset,
                    to: frame.nextOffset,
                    counts: keepingHeader ? frame.counts : nil
                )
                state.entries[partition][index] = .rotten(loss)
                return frame.count
            }
            return 0
        }
    }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        throw JournalError(.closed, "a scripted journal is written by its test")
    }

    func refusal(of bytes: Int) -> JournalRefusal? { nil }

    func makeReader(_ partition: PartitionID, from: Offset) -> any JournalReader {
        ScriptedReader(self, partition.rawValue, from)
    }

    func end(of partition: PartitionID) -> Offset { state.withLock { $0.ends[partition.rawValue] } }

    func oldest(of partition: PartitionID) -> Offset { state.withLock { $0.oldest[partition.rawValue] } }

    func waitForEnd(past offset: Offset, of partition: PartitionID) async throws {
        while true {
            let generation = changes.generation
            try Task.checkCancellation()
            if end(of: partition) > offset { return }
            await changes.wait(past: generation)
        }
    }

    func removeSegments(
        of partition: PartitionID,
        before: Offset,
        olderThan: Timestamp
    ) async throws(JournalError) -> Int { 0 }

    func run() async throws {}

    fileprivate func read(
        _ partition: Int,
        _ offset: Offset,
        _ wanting: (SchemaCounts) -> Bool
    ) -> (JournalRead, Offset) {
        state.withLock { state in
            for entry in state.entries[partition] {
                switch entry {
                case .frame(let frame):
                    guard frame.nextOffset > offset else { continue }
                    if frame.firstOffset > offset {
                        return (.lost(JournalLoss(from: offset, to: frame.firstOffset)), frame.firstOffset)
                    }
                    let payload = wanting(frame.counts) ? frame.payload : []
                    let given = JournalFrame(
                        partition: frame.partition,
                        firstOffset: frame.firstOffset,
                        count: frame.count,
                        time: frame.time,
                        counts: frame.counts,
                        payload: payload
                    )
                    return (.frame(given), frame.nextOffset)
                case .rotten(let loss):
                    guard loss.to > offset else { continue }
                    return (.lost(JournalLoss(from: offset, to: loss.to, counts: loss.counts)), loss.to)
                }
            }
            return (.end, offset)
        }
    }
}

private final class ScriptedReader: JournalReader {
    private let journal: ScriptedJournal
    private let partition: Int
    private let offset: Mutex<Offset>

    init(_ journal: ScriptedJournal, _ partition: Int, _ offset: Offset) {
        self.journal = journal
        self.partition = partition
        self.offset = Mutex(offset)
    }

    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead {
        offset.withLock { offset in
            let (read, next) = journal.read(partition, offset, wanting)
            offset = next
            return read
        }
    }

    func seek(to offset: Offset) {
        self.offset.withLock { $0 = offset }
    }
}
