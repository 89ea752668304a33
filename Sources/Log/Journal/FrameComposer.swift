import Platform

/// Chooses the next frame's records from the waiting batches and lays the frame out for one write.
///
/// Its buffers are reused from frame to frame: nothing is allocated for a record.
@safe
final class FrameComposer {
    /// Consecutive records of one batch that go into the frame together.
    private struct Run {
        let batch: Int
        let start: Int
        var length: Int
    }

    private let schemas: [JournalSchema]
    private let payloadBytesMax: Int
    private var runs: [Run] = []
    private var counts: [UInt32]
    private var schemasUsed: [Int] = []
    private(set) var identities: [RecordIdentity] = []
    private(set) var payloadLength = 0
    private(set) var recordCount = 0
    private var buffer: UnsafeMutableRawBufferPointer

    /// Look-ups whose memory is asked for together: more than a core's outstanding misses gains nothing.
    private static let touchGroup = 32

    init(schemas: [JournalSchema], payloadBytesMax: Int) {
        precondition(schemas.count <= FrameHeader.entriesMax, "more schemas than a frame's header has room for")
        self.schemas = schemas
        self.payloadBytesMax = payloadBytesMax
        counts = Array(repeating: 0, count: schemas.count)
        unsafe buffer = .allocate(byteCount: 0, alignment: Block.bytes)
    }

    deinit {
        unsafe buffer.deallocate()
    }

    var isEmpty: Bool { recordCount == 0 }

    /// Of the frame as chosen.
    var frameLength: Int {
        Block.roundedUp(FrameHeader.length(entries: schemasUsed.count) + payloadLength)
    }

    /// Takes records off the front of the batches, repeats aside, until the frame is full or nothing waits.
    ///
    /// A batch that fits a frame, or is to be whole, goes into one frame.
    func choose(from batches: inout [WaitingBatch], nextOffset: Offset, window: inout DuplicateWindow, now: Duration) {
        clear()
        for index in batches.indices {
            let batch = batches[index].batch
            let isWhole = batch.isWhole || batch.bytes.count <= payloadBytesMax
            if recordCount > 0, isWhole, payloadLength + batch.bytes.count > payloadBytesMax { return }
            takeEntries(of: &batches[index], at: index, nextOffset: nextOffset, window: &window, now: now)
            if !batches[index].isDone { return }
        }
    }

    private func clear() {
        for schema in schemasUsed { counts[schema] = 0 }
        schemasUsed.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        identities.removeAll(keepingCapacity: true)
        payloadLength = 0
        recordCount = 0
    }

    private func takeEntries(
        of waiting: inout WaitingBatch,
        at batchIndex: Int,
        nextOffset: Offset,
        window: inout DuplicateWindow,
        now: Duration
    ) {
        let batch = waiting.batch
        let entries = batch.entries.span
        var groupEnd = waiting.nextEntry
        while waiting.nextEntry < entries.count {
            let index = waiting.nextEntry
            if index >= groupEnd {
                groupEnd = min(index + Self.touchGroup, entries.count)
                prepare(entries.extracting(index..<groupEnd), &window, now)
            }
            let entry = entries[index]
            if payloadLength + Int(entry.length) > payloadBytesMax, recordCount > 0, !batch.isWhole { return }
            waiting.nextEntry += 1
            if entry.identity != .none {
                guard window.insert(entry.identity) else {
                    waiting.duplicates.append(Int32(index))
                    continue
                }
                identities.append(entry.identity)
            }
            if waiting.accepted == 0 { waiting.firstOffset = nextOffset + recordCount }
            waiting.accepted += 1
            take(entry, of: batchIndex)
        }
    }

    private func prepare(_ entries: Span<RecordBatch.Entry>, _ window: inout DuplicateWindow, _ now: Duration) {
        window.advance(to: now)
        var touched: UInt64 = 0
        for index in entries.indices { touched &+= window.touch(entries[index].identity) }
        window.lastTouched = touched
    }

    private func take(_ entry: RecordBatch.Entry, of batch: Int) {
        let schema = Int(entry.schema)
        if counts[schema] == 0 { schemasUsed.append(schema) }
        counts[schema] += 1
        recordCount += 1
        payloadLength += Int(entry.length)
        let start = Int(entry.start)
        if let last = runs.last, last.batch == batch, last.start + last.length == start {
            runs[runs.count - 1].length += Int(entry.length)
        } else {
            runs.append(Run(batch: batch, start: start, length: Int(entry.length)))
        }
    }

    /// Lays out the frame that was chosen and gives its header and bytes, padded, to `write`.
    func compose<Failure: Error>(
        _ batches: [WaitingBatch],
        into segment: OpenSegment,
        time: Timestamp,
        salt: UInt32,
        write: (FrameHeader, UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let length = frameLength
        reserve(length)
        let payloadStart = FrameHeader.length(entries: schemasUsed.count)
        copyRuns(batches, to: payloadStart)
        let payload = unsafe UnsafeRawBufferPointer(rebasing: buffer[payloadStart..<payloadStart + payloadLength])
        let header = FrameHeader(
            partition: segment.head.partition,
            segment: segment.number,
            sequence: segment.nextSequence,
            firstOffset: segment.nextOffset,
            time: time,
            recordCount: recordCount,
            payloadLength: payloadLength,
            payloadChecksum: unsafe Checksum.crc32(payload),
            entries: schemasUsed.sorted().map { FrameHeader.Entry(schema: UInt32($0), count: counts[$0]) }
        )
        unsafe buffer.copyBytes(from: header.encoded(salt: salt))
        let padding = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[(payloadStart + payloadLength)..<length])
        unsafe padding.initializeMemory(as: UInt8.self, repeating: 0)
        try unsafe write(header, UnsafeRawBufferPointer(rebasing: buffer[..<length]))
    }

    private func copyRuns(_ batches: [WaitingBatch], to start: Int) {
        var position = start
        for run in runs {
            unsafe batches[run.batch].batch.bytes.withUnsafeBytes { bytes in
                let source = unsafe UnsafeRawBufferPointer(rebasing: bytes[run.start..<run.start + run.length])
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[position...])
                unsafe target.copyMemory(from: source)
            }
            position += run.length
        }
    }

    private func reserve(_ length: Int) {
        guard unsafe buffer.count < length else { return }
        unsafe buffer.deallocate()
        unsafe buffer = .allocate(byteCount: length, alignment: Block.bytes)
    }
}
