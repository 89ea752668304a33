package import Platform

/// The durable, ordered log of records.
///
/// An answer of `append`, an end, a reader: all of them know only what has been synced.
package protocol Journal: AnyObject, Sendable {
    var id: JournalID { get }
    var partitions: Int { get }
    /// 16 random bytes, made with the journal: the key of record identities.
    var secret: [UInt8] { get }

    /// The longest record that a batch may hold, its length field included.
    var recordBytesMax: Int { get }

    /// Returns once every record of the batch is durable, first copies of its repeats included.
    ///
    /// Once handed over, the batch is written whether the calling task is cancelled or not. A batch that
    /// fits a frame, or is to be whole, is durable whole or not at all.
    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult

    /// Why a batch of so many bytes may not be handed over now; nil: it may. To be asked before each hand-over.
    func refusal(of bytes: Int) -> JournalRefusal?

    /// A reader that stands at the record `from`.
    func makeReader(_ partition: PartitionID, from: Offset) -> any JournalReader

    /// The offset that the next record gets.
    func end(of partition: PartitionID) -> Offset

    /// The first offset that is still there; the end if nothing is.
    func oldest(of partition: PartitionID) -> Offset

    /// Returns when the end lies past `offset`; throws `CancellationError`.
    func waitForEnd(past offset: Offset, of partition: PartitionID) async throws

    /// Removes sealed segments, oldest first, that lie wholly before `before` and whose last frame is older than
    /// `olderThan`. Answers how many.
    func removeSegments(
        of partition: PartitionID,
        before: Offset,
        olderThan: Timestamp
    ) async throws(JournalError) -> Int

    var bytesOnDisk: Int64 { get }

    /// The writers live here. Cancellation means: write what was handed over, seal, return.
    func run() async throws
}

/// Reads one partition in order.
///
/// For one task at a time.
package protocol JournalReader: AnyObject, Sendable {
    /// The next frame, loss, or the end.
    ///
    /// - Parameters:
    ///   - wanting: asked with a frame's counts; where it says no, the payload is neither read nor checked.
    ///   - bytesMax: how much may be read ahead of need. A frame is answered whole, however large.
    /// - Returns: the frame that holds the reader's offset or comes next, a loss before it, or the end.
    /// - Throws: `readFailed`, after which the reader stands where it stood.
    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead

    /// Stands at another record.
    func seek(to offset: Offset)
}

/// What a reader found.
package enum JournalRead: Sendable {
    case frame(JournalFrame)
    case lost(JournalLoss)
    /// All that is durable has been read.
    case end
}

/// Offsets that should hold records and do not: rot, or a gap that recovery reported.
package struct JournalLoss: Sendable, Hashable {
    package let from: Offset
    /// The offset behind the last one lost.
    package let to: Offset
    /// By schema, where the frame's header could still be read.
    package let counts: SchemaCounts?

    package init(from: Offset, to: Offset, counts: SchemaCounts? = nil) {
        self.from = from
        self.to = to
        self.counts = counts
    }
}

/// Where records were found to be lost, for whoever must tell people.
package struct FoundLoss: Sendable, Hashable {
    package let partition: PartitionID
    package let loss: JournalLoss
    /// How many of the offsets held records, as far as that can still be known.
    package let records: Int

    init(_ loss: JournalLoss, in partition: PartitionID) {
        self.partition = partition
        self.loss = loss
        records = loss.counts?.reduce(0) { $0 + $1.count } ?? Int(loss.to - loss.from)
    }
}

/// One group write, as it is read back.
package struct JournalFrame: Sendable {
    package let partition: PartitionID
    package let firstOffset: Offset
    package let count: Int
    /// The wall clock when it was written.
    package let time: Timestamp
    package let counts: SchemaCounts
    /// The framed records; empty when they were not wanted.
    package let payload: [UInt8]

    package init(
        partition: PartitionID,
        firstOffset: Offset,
        count: Int,
        time: Timestamp,
        counts: SchemaCounts,
        payload: [UInt8]
    ) {
        self.partition = partition
        self.firstOffset = firstOffset
        self.count = count
        self.time = time
        self.counts = counts
        self.payload = payload
    }

    /// The offset behind the last record.
    package var nextOffset: Offset { firstOffset + count }

    /// The records of `payload`, in order.
    package var records: RecordSequence {
        RecordSequence(payload: payload, firstOffset: firstOffset)
    }
}

/// Where one record lies in a payload.
package struct RecordView: Sendable, Hashable {
    package let offset: Offset
    package let fingerprint: UInt64
    /// The datum's place in the payload.
    package let datum: Range<Int>
}

/// Walks the framed records of a payload whose checksum was right.
package struct RecordSequence: Sequence, IteratorProtocol, Sendable {
    private let payload: [UInt8]
    private var offset: Offset
    private var position = 0

    init(payload: [UInt8], firstOffset: Offset) {
        self.payload = payload
        offset = firstOffset
    }

    package mutating func next() -> RecordView? {
        guard position + RecordLayout.datumStart <= payload.count else { return nil }
        let length = Int(payload.littleEndian(at: position, as: UInt32.self))
        let end = position + RecordLayout.lengthBytes + length
        let start = position + RecordLayout.datumStart
        guard start <= end, end <= payload.count else { return nil }
        let view = RecordView(
            offset: offset,
            fingerprint: payload.littleEndian(at: position + RecordLayout.fingerprintStart, as: UInt64.self),
            datum: start..<end
        )
        position = end
        offset = offset + 1
        return view
    }
}

/// Why a journal takes nothing for a while.
package enum JournalRefusal: Sendable {
    /// It has been told to stop, or a write has failed for good.
    case closed
    /// The disk budget is spent, or the disk itself is full.
    case full
    /// What waits to be written is all that may wait.
    case behind

    /// What an answer says of it to programs, and after how many seconds another try is worth while.
    package var answer: (code: String, retryAfter: Int) {
        switch self {
        case .closed: ("journal_unavailable", 1)
        case .full: ("storage_full", 5)
        case .behind: ("journal_behind", 1)
        }
    }

    /// And to people.
    package var message: String {
        switch self {
        case .closed: "the journal takes nothing at present"
        case .full: "the disk budget is spent or the disk is full"
        case .behind: "more arrives than the disk takes at present"
        }
    }
}
