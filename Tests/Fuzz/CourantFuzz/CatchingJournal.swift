import Journal
import Platform
import PlatformTesting

/// A journal that keeps what it was given last, or refuses everything.
final class CatchingJournal: Journal {
    let id = JournalID([UInt8](repeating: 7, count: 16))
    let partitions: Int
    let secret = [UInt8](repeating: 42, count: 16)
    let bytesOnDisk: Int64 = 0
    let recordBytesMax = Int.max

    private let caught = Locked<[RecordBatch]>([])
    private let refuses = Locked(false)

    init(partitions: Int) { self.partitions = partitions }

    /// From now on nothing is taken, so nothing that was asked for comes to pass.
    func refuse() { refuses.withLock { $0 = true } }

    /// The batches since the last call, by their records.
    func take() -> [RecordBatch] {
        caught.withLock { batches in
            defer { batches = [] }
            return batches.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        }
    }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        guard !refuses.current else { throw JournalError(.closed, "it takes nothing") }
        caught.withLock { $0.append(batch) }
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
