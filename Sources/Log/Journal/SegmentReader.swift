import Platform
import Synchronization
import Telemetry

/// Reads a partition's segments in order, only what its writer has published.
final class SegmentReader: JournalReader {
    private struct State {
        /// The next record to answer.
        var offset: Offset
        var segment: OpenFile?
        var ahead = ReadAhead()
    }

    private struct OpenFile {
        let number: UInt64
        let file: any File
        let head: SegmentHead
        var position: Int64
    }

    private let log: PartitionLog
    private let context: JournalContext
    private let state: Mutex<State>

    init(_ log: PartitionLog, from offset: Offset, context: JournalContext) {
        self.log = log
        self.context = context
        state = Mutex(State(offset: offset))
    }

    func seek(to offset: Offset) {
        state.withLock { state in
            state.segment?.file.close()
            state = State(offset: offset)
        }
    }

    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead {
        // The end is answered here, and what was read ahead: neither costs a change of threads.
        if let ready = state.withLock({ state in state.offset >= log.end ? .end : readyFrame(&state, wanting) }) {
            return ready
        }
        do {
            return try await context.platform.onBlocking { () throws(FileError) in
                try state.withLock { state throws(FileError) in
                    try read(&state, wanting, bytesMax)
                }
            }
        } catch {
            throw JournalError.readFailed(error)
        }
    }

    /// The next frame, if it lies wholly in what was read ahead and is good; whatever else there is, `read` looks at.
    private func readyFrame(_ state: inout State, _ wanting: (SchemaCounts) -> Bool) -> JournalRead? {
        guard let open = state.segment, let segment = log.segment(number: open.number),
            open.position < segment.framesEnd, state.ahead.holdsBlock(of: open.number, at: open.position),
            let header = state.ahead.header(at: open.position, salt: context.salt),
            isSound(header, open, segment), let counts = header.counts(open.head.schemas),
            (header.firstOffset..<header.nextOffset).contains(state.offset)
        else { return nil }
        var payload: [UInt8] = []
        if wanting(counts) {
            let start = open.position + Int64(header.length)
            guard let bytes = state.ahead.bytes(at: start, count: header.payloadLength),
                Checksum.crc32(bytes) == header.payloadChecksum
            else { return nil }
            payload = bytes
        }
        return pass(header, counts, payload, open, &state)
    }

    private func read(
        _ state: inout State,
        _ wanting: (SchemaCounts) -> Bool,
        _ bytesMax: Int
    ) throws(FileError) -> JournalRead {
        while state.offset < log.end {
            guard let open = state.segment, let segment = log.segment(number: open.number) else {
                if let loss = try openSegment(&state) { return loss }
                continue
            }
            guard open.position < segment.framesEnd else {
                // Under a written segment the offset would be at the end, and the loop over.
                close(&state)
                if state.offset < segment.nextOffset { return lose(&state, to: segment.nextOffset) }
                continue
            }
            if let found = try readFrame(&state, open, segment, wanting, bytesMax) { return found }
        }
        return .end
    }

    /// Opens the segment that holds the offset, or answers what is lost before or with it.
    private func openSegment(_ state: inout State) throws(FileError) -> JournalRead? {
        close(&state)
        guard let segment = log.segment(endingPast: state.offset) else {
            return lose(&state, to: log.end)
        }
        if segment.firstOffset > state.offset { return lose(&state, to: segment.firstOffset) }
        let file: any File
        do throws(FileError) {
            file = try context.platform.files.open(segment.path, .read)
        } catch  where error.isNotFound {
            // Retention took it meanwhile, or somebody's hand did.
            return log.segment(number: segment.number) == nil ? nil : lose(&state, to: segment.nextOffset)
        }
        let name = SegmentName(partition: log.partition, number: segment.number)
        guard let (head, length) = try context.findHead(file, name, limit: segment.framesEnd) else {
            file.close()
            return lose(&state, to: segment.nextOffset)
        }
        state.segment = OpenFile(number: segment.number, file: file, head: head, position: Int64(length))
        return nil
    }

    private func readFrame(
        _ state: inout State,
        _ open: OpenFile,
        _ segment: PartitionLog.ReadableSegment,
        _ wanting: (SchemaCounts) -> Bool,
        _ bytesMax: Int
    ) throws(FileError) -> JournalRead? {
        try state.ahead.fill(open.file, number: open.number, at: open.position, limit: segment.framesEnd, bytesMax)
        guard let header = state.ahead.header(at: open.position, salt: context.salt),
            isSound(header, open, segment), let counts = header.counts(open.head.schemas)
        else {
            return try skipRot(&state, open, segment)
        }
        let behind = open.position + Int64(header.frameLength)
        if header.nextOffset <= state.offset {
            state.segment?.position = behind
            return nil
        }
        if header.firstOffset > state.offset { return lose(&state, to: header.firstOffset) }
        var payload: [UInt8] = []
        if wanting(counts) {
            let start = open.position + Int64(header.length)
            payload = try state.ahead.bytes(at: start, count: header.payloadLength, restFrom: open.file)
            guard payload.count == header.payloadLength, Checksum.crc32(payload) == header.payloadChecksum else {
                state.segment?.position = behind
                return lose(&state, to: header.nextOffset, counts)
            }
        }
        return pass(header, counts, payload, open, &state)
    }

    private func isSound(_ header: FrameHeader, _ open: OpenFile, _ segment: PartitionLog.ReadableSegment) -> Bool {
        header.isOf(SegmentName(partition: log.partition, number: open.number))
            && open.position + Int64(header.frameLength) <= segment.framesEnd
    }

    /// Stands behind a frame and answers it.
    private func pass(
        _ header: FrameHeader,
        _ counts: SchemaCounts,
        _ payload: [UInt8],
        _ open: OpenFile,
        _ state: inout State
    ) -> JournalRead {
        state.segment?.position = open.position + Int64(header.frameLength)
        state.offset = header.nextOffset
        return .frame(
            JournalFrame(
                partition: log.partition,
                firstOffset: header.firstOffset,
                count: header.recordCount,
                time: header.time,
                counts: counts,
                payload: payload
            )
        )
    }

    /// No header where one should be: on to the next good one of this segment, or past its end.
    private func skipRot(
        _ state: inout State,
        _ open: OpenFile,
        _ segment: PartitionLog.ReadableSegment
    ) throws(FileError) -> JournalRead? {
        var scan = FrameScan(
            file: open.file,
            segment: SegmentName(partition: log.partition, number: open.number),
            salt: context.salt,
            from: open.position + Int64(Block.bytes),
            limit: segment.framesEnd,
            sequenceMin: open.head.firstSequence
        )
        while true {
            switch try scan.next() {
            case .rot: continue
            case .frame(let header, let position):
                state.segment?.position = position
                return header.firstOffset > state.offset ? lose(&state, to: header.firstOffset) : nil
            case .end:
                state.segment?.position = segment.framesEnd
                return segment.nextOffset > state.offset ? lose(&state, to: segment.nextOffset) : nil
            }
        }
    }

    private func lose(_ state: inout State, to offset: Offset, _ counts: SchemaCounts? = nil) -> JournalRead {
        let loss = JournalLoss(from: state.offset, to: offset, counts: counts)
        if log.isNewLoss(at: state.offset) { context.tell(loss, in: log.partition) }
        state.offset = offset
        return .lost(loss)
    }

    private func close(_ state: inout State) {
        state.segment?.file.close()
        state.segment = nil
    }
}

/// A stretch of one segment, read once for several small frames.
private struct ReadAhead {
    /// Ten frames of a hundred records are read in one call; of a large one the rest goes straight to its place.
    static let usualBytes = 512 << 10

    private var number: UInt64 = 0
    private var start: Int64 = 0
    private var bytes: [UInt8] = []

    /// Whether a whole block is there: what is may end inside a header that was not yet durable.
    func holdsBlock(of number: UInt64, at position: Int64) -> Bool {
        self.number == number && position >= start && position + Int64(Block.bytes) <= start + Int64(bytes.count)
    }

    /// Makes sure that the block at `position` is there.
    mutating func fill(
        _ file: any File,
        number: UInt64,
        at position: Int64,
        limit: Int64,
        _ bytesMax: Int
    ) throws(FileError) {
        if holdsBlock(of: number, at: position) { return }
        let wanted = min(limit - position, Int64(max(Block.bytes, min(bytesMax, Self.usualBytes))))
        bytes = try file.read(at: position, count: Int(wanted))
        start = position
        self.number = number
    }

    func header(at position: Int64, salt: UInt32) -> FrameHeader? {
        FrameHeader(decoding: bytes, at: Int(position - start), salt: salt)
    }

    /// Nil if not all of it is there.
    func bytes(at position: Int64, count: Int) -> [UInt8]? {
        let first = Int(position - start)
        guard first >= 0, first + count <= bytes.count else { return nil }
        return Array(bytes[first..<first + count])
    }

    /// What is there of it, and the rest from the file; fewer bytes only where the file ends.
    func bytes(at position: Int64, count: Int, restFrom file: any File) throws(FileError) -> [UInt8] {
        let first = max(0, min(bytes.count, Int(position - start)))
        let held = min(count, bytes.count - first)
        var failure: FileError?
        let whole = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            unsafe bytes.withUnsafeBytes { unsafe raw.copyMemory(from: .init(rebasing: $0[first..<first + held])) }
            initialized = held
            guard held < count else { return }
            do throws(FileError) {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[held...])
                initialized += try unsafe file.read(at: position + Int64(held), into: rest)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return whole
    }
}
