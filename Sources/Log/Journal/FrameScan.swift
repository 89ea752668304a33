import Platform

/// Walks the frames of a segment's file one by one, past what is broken.
///
/// A bad frame (a header of zeros is one) with a good later one of the same segment behind it is rot; without one,
/// it is the end. One write is in flight at a time, so a good frame proves that all before it were synced.
struct FrameScan {
    /// What stands at a position.
    enum Found {
        case frame(FrameHeader, position: Int64)
        /// Blocks that hold no readable header; `next` is the first good one behind them.
        case rot(position: Int64, next: Int64)
        /// `blank`: nothing but zeros stands where the next frame would.
        case end(position: Int64, blank: Bool)
    }

    let file: any File
    let segment: SegmentName
    let salt: UInt32
    /// No frame reaches beyond: the end of the file, of the sealed frames, or of what is durable.
    let limit: Int64
    private(set) var position: Int64
    private var sequenceMin: UInt64

    private static let chunkBytes = 1 << 20

    init(file: any File, segment: SegmentName, salt: UInt32, from position: Int64, limit: Int64, sequenceMin: UInt64) {
        self.file = file
        self.segment = segment
        self.salt = salt
        self.position = position
        self.limit = limit
        self.sequenceMin = sequenceMin
    }

    /// The next header, and stands behind its frame.
    ///
    /// The payload is not read: see `payload`.
    mutating func next() throws(FileError) -> Found {
        let block = try file.read(at: position, count: Int(min(Int64(Block.bytes), max(0, limit - position))))
        if let header = header(in: block, at: 0, position: position) {
            let start = position
            position += Int64(header.frameLength)
            sequenceMin = header.sequence + 1
            return .frame(header, position: start)
        }
        let start = position
        guard let next = try findHeader(after: position) else {
            return .end(position: start, blank: block.allSatisfy { $0 == 0 })
        }
        position = next
        return .rot(position: start, next: next)
    }

    /// The payload of a frame at `position`; nil if its checksum is wrong.
    func payload(_ header: FrameHeader, at position: Int64) throws(FileError) -> [UInt8]? {
        let payload = try file.read(at: position + Int64(header.length), count: header.payloadLength)
        return payload.count == header.payloadLength && Checksum.crc32(payload) == header.payloadChecksum
            ? payload : nil
    }

    /// Whether a good header follows: what tells a rotten payload from a torn one.
    func hasFrameAhead() throws(FileError) -> Bool {
        var ahead = self
        if case .end = try ahead.next() { return false }
        return true
    }

    private func header(in bytes: [UInt8], at index: Int, position: Int64) -> FrameHeader? {
        guard let header = FrameHeader(decoding: bytes, at: index, salt: salt), header.isOf(segment),
            header.sequence >= sequenceMin, position + Int64(header.frameLength) <= limit
        else { return nil }
        return header
    }

    private func findHeader(after start: Int64) throws(FileError) -> Int64? {
        var position = start + Int64(Block.bytes)
        while position < limit {
            let chunk = try file.read(at: position, count: Int(min(Int64(Self.chunkBytes), limit - position)))
            for index in stride(from: 0, to: chunk.count, by: Block.bytes) {
                let candidate = position + Int64(index)
                if header(in: chunk, at: index, position: candidate) != nil { return candidate }
            }
            if chunk.count < Self.chunkBytes { return nil }
            position += Int64(chunk.count)
        }
        return nil
    }
}
