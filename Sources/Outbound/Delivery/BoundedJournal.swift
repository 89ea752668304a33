internal import Journal
internal import Platform

/// A part of a journal that does not grow: for each partition the frames from one offset up to another.
///
/// What it shows is what a connector sees that replays it; nothing can be written through it.
final class BoundedJournal: Journal {
    private let journal: any Journal
    private let bounds: [Range<Offset>]
    /// Frames of another time are passed over: after a step of the clock they may lie between.
    private let times: Range<Timestamp>

    init(_ journal: any Journal, bounds: [Range<Offset>], times: Range<Timestamp>) {
        self.journal = journal
        self.bounds = bounds
        self.times = times
    }

    var id: JournalID { journal.id }
    var partitions: Int { journal.partitions }
    var secret: [UInt8] { journal.secret }
    var recordBytesMax: Int { journal.recordBytesMax }
    var bytesOnDisk: Int64 { journal.bytesOnDisk }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        throw JournalError(.closed, "a replay only reads")
    }

    func refusal(of bytes: Int) -> JournalRefusal? { .closed }

    func makeReader(_ partition: PartitionID, from: Offset) -> any JournalReader {
        let bounds = bounds[partition.rawValue]
        let start = max(from, bounds.lowerBound)
        return BoundedReader(journal.makeReader(partition, from: start), at: start, end: bounds.upperBound, times)
    }

    func end(of partition: PartitionID) -> Offset { bounds[partition.rawValue].upperBound }

    func oldest(of partition: PartitionID) -> Offset { bounds[partition.rawValue].lowerBound }

    /// The end never moves; this returns by being cancelled.
    func waitForEnd(past offset: Offset, of partition: PartitionID) async throws {
        guard offset >= end(of: partition) else { return }
        try await journal.waitForEnd(past: Offset(.max), of: partition)
    }

    func removeSegments(
        of partition: PartitionID,
        before: Offset,
        olderThan: Timestamp
    ) async throws(JournalError) -> Int { 0 }

    func run() async throws {}
}

/// For one task at a time, like every reader: `@unchecked Sendable` needs no lock.
private final class BoundedReader: JournalReader, @unchecked Sendable {
    private let reader: any JournalReader
    private let end: Offset
    private let times: Range<Timestamp>
    private var position: Offset

    init(_ reader: any JournalReader, at position: Offset, end: Offset, _ times: Range<Timestamp>) {
        self.reader = reader
        self.position = position
        self.end = end
        self.times = times
    }

    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead {
        while position < end {
            switch try await reader.next(wanting: wanting, bytesMax: bytesMax) {
            case .end: return .end
            case .lost(let loss):
                position = min(loss.to, end)
                return .lost(JournalLoss(from: loss.from, to: position, counts: loss.counts))
            case .frame(let frame):
                position = frame.nextOffset
                if times.contains(frame.time) { return .frame(frame) }
            }
        }
        return .end
    }

    func seek(to offset: Offset) {
        position = offset
        reader.seek(to: offset)
    }
}

extension Journal {
    /// For each partition the offsets of the frames that were journalled within `times`, from the first to the last.
    ///
    /// Reads the heads of all frames. Empty ranges stand where nothing was journalled then.
    func bounds(of times: Range<Timestamp>) async throws(JournalError) -> [Range<Offset>] {
        var bounds: [Range<Offset>] = []
        for partition in (0..<partitions).map({ PartitionID($0) }) {
            let (oldest, end) = (oldest(of: partition), end(of: partition))
            let reader = makeReader(partition, from: oldest)
            var (first, last, position) = (Offset?.none, oldest, oldest)
            while position < end {
                let read = try await reader.next(wanting: { _ in false }, bytesMax: 1 << 20)
                if case .lost(let loss) = read { position = loss.to }
                if case .frame(let frame) = read {
                    position = frame.nextOffset
                    guard times.contains(frame.time) else { continue }
                    first = first ?? frame.firstOffset
                    last = frame.nextOffset
                }
                if case .end = read { break }
            }
            bounds.append(first.map { $0..<last } ?? oldest..<oldest)
        }
        return bounds
    }

    /// When the oldest frame that is still there was journalled; nil in an empty journal.
    func oldestTime() async throws(JournalError) -> Timestamp? {
        var oldest: Timestamp?
        for partition in (0..<partitions).map({ PartitionID($0) }) {
            let reader = makeReader(partition, from: self.oldest(of: partition))
            reading: while true {
                switch try await reader.next(wanting: { _ in false }, bytesMax: 1) {
                case .frame(let frame):
                    oldest = min(oldest ?? frame.time, frame.time)
                    break reading
                case .lost: continue
                case .end: break reading
                }
            }
        }
        return oldest
    }
}
