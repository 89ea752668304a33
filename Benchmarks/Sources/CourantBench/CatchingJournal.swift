import Journal
import Platform
import Synchronization

/// A journal that keeps nothing, or keeps batches in memory so that another part can be measured with them.
final class CatchingJournal: Journal {
    let id = JournalID([UInt8](repeating: 7, count: 16))
    let partitions = 1
    let secret = [UInt8](repeating: 42, count: 16)
    let bytesOnDisk: Int64 = 0
    let recordBytesMax = Int.max

    private let keeps: Bool
    private let caught = Mutex<[RecordBatch]>([])

    init(keeps: Bool) { self.keeps = keeps }

    var batches: [RecordBatch] { caught.withLock { $0 } }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        if keeps { caught.withLock { $0.append(batch) } }
        return AppendResult(duplicates: [], accepted: batch.entries.count, firstOffset: .zero)
    }

    func refusal(of bytes: Int) -> JournalRefusal? { nil }
    func end(of partition: PartitionID) -> Offset { .zero }
    func oldest(of partition: PartitionID) -> Offset { .zero }
    func waitForEnd(past offset: Offset, of partition: PartitionID) async throws {}
    func run() async throws {}

    func removeSegments(
        of partition: PartitionID,
        before: Offset,
        olderThan: Timestamp
    ) async throws(JournalError) -> Int {
        0
    }

    func makeReader(_ partition: PartitionID, from: Offset) -> any JournalReader {
        preconditionFailure("nobody reads a journal that keeps nothing")
    }
}
