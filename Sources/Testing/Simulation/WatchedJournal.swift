internal import Journal
internal import Platform
internal import Synchronization

/// The journal as it is, and what it was given and asked for.
final class WatchedJournal: Journal {
    let base: any Journal
    private let batchMax = Atomic(0)
    private let frameMax = Atomic(0)

    init(_ base: any Journal) {
        self.base = base
    }

    /// The bytes of the largest batch.
    var largestBatch: Int { batchMax.load(ordering: .relaxed) }
    /// The bytes of the largest payload that a reader took.
    var largestFrame: Int { frameMax.load(ordering: .relaxed) }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        batchMax.max(batch.bytes.count, ordering: .relaxed)
        return try await base.append(batch, to: partition)
    }

    fileprivate func took(_ read: JournalRead) {
        guard case .frame(let frame) = read else { return }
        frameMax.max(frame.payload.count, ordering: .relaxed)
    }

    func makeReader(_ partition: PartitionID, from: Offset) -> any JournalReader {
        WatchedReader(base.makeReader(partition, from: from), of: self)
    }

    // MARK: - As it is

    var id: JournalID { base.id }
    var partitions: Int { base.partitions }
    var secret: [UInt8] { base.secret }
    var recordBytesMax: Int { base.recordBytesMax }
    var bytesOnDisk: Int64 { base.bytesOnDisk }
    func refusal(of bytes: Int) -> JournalRefusal? { base.refusal(of: bytes) }
    func end(of partition: PartitionID) -> Offset { base.end(of: partition) }
    func oldest(of partition: PartitionID) -> Offset { base.oldest(of: partition) }
    func run() async throws { try await base.run() }

    func waitForEnd(past offset: Offset, of partition: PartitionID) async throws {
        try await base.waitForEnd(past: offset, of: partition)
    }

    func removeSegments(
        of partition: PartitionID,
        before: Offset,
        olderThan: Timestamp
    ) async throws(JournalError) -> Int {
        try await base.removeSegments(of: partition, before: before, olderThan: olderThan)
    }
}

private final class WatchedReader: JournalReader {
    private let base: any JournalReader
    private let journal: WatchedJournal

    init(_ base: any JournalReader, of journal: WatchedJournal) {
        self.base = base
        self.journal = journal
    }

    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead {
        let read = try await base.next(wanting: wanting, bytesMax: bytesMax)
        journal.took(read)
        return read
    }

    func seek(to offset: Offset) { base.seek(to: offset) }
}
