internal import CDeflate

/// What stands where in a segment, read as docs/journal-format.md has it and not by the service's own code.
struct SegmentLayout: Sendable {
    struct Frame: Sendable {
        let header: Range<Int>
        let payload: Range<Int>
        let records: Int

        /// All of it that means something.
        var bytes: Range<Int> { header.lowerBound..<payload.upperBound }
    }

    static let blockBytes = 4_096
    /// What every frame's header has, and what may follow it.
    private static let (headerBytes, headerBytesMax) = (64, 4_096)
    private static let headBytes = 80
    private static let trailerBytes = 112

    let head: Range<Int>
    let frames: [Frame]
    /// Where it is sealed.
    var seal: Range<Int>?
    var trailer: Range<Int>?

    init(_ bytes: [UInt8]) {
        let table = Self.number(bytes, at: 76)
        head = 0..<min(bytes.count, Self.headBytes + (Self.isMarked(bytes, "COURSEGM", at: 0) ? table : 0))
        let last = bytes.count - Self.blockBytes
        var end = bytes.count
        if last >= 0, Self.isMarked(bytes, "COURTAIL", at: last) {
            let (start, length) = (Self.number(bytes, at: last + 40), Self.number(bytes, at: last + 48))
            if start > 0, start + length <= last {
                end = start
                seal = start..<start + length
                trailer = last..<last + Self.trailerBytes
            }
        }
        var frames: [Frame] = []
        var place = Self.blockBytes
        while place + Self.headerBytes <= end {
            guard let frame = Self.frame(bytes, at: place, end: end) else {
                place += Self.blockBytes
                continue
            }
            frames.append(frame)
            place += (frame.bytes.count + Self.blockBytes - 1) / Self.blockBytes * Self.blockBytes
        }
        self.frames = frames
    }

    private static func frame(_ bytes: [UInt8], at place: Int, end: Int) -> Frame? {
        guard isMarked(bytes, "COURFRAM", at: place) else { return nil }
        let (length, payload) = (number(bytes, at: place + 8), number(bytes, at: place + 52))
        let start = place + length
        guard (headerBytes...headerBytesMax).contains(length), payload <= end - start else { return nil }
        return Frame(
            header: place..<start,
            payload: start..<start + payload,
            records: number(bytes, at: place + 48)
        )
    }

    private static func isMarked(_ bytes: [UInt8], _ mark: StaticString, at place: Int) -> Bool {
        bytes[place...].starts(with: mark.description.utf8)
    }

    /// Four bytes, the low half of what may have eight.
    private static func number(_ bytes: [UInt8], at place: Int) -> Int {
        guard place + 4 <= bytes.count else { return 0 }
        return (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }

    /// The same bytes with checksums that fit them, but for the last frame, which may be torn.
    ///
    /// - Parameters:
    ///   - bytes: those of a segment.
    ///   - meta: those of `journal.meta`, whose secret the headers' checksums start from.
    /// - Returns: what a reader believes that compares no checksum of frames.
    static func believed(_ bytes: [UInt8], meta: [UInt8]) -> [UInt8] {
        var believed = bytes
        let salt = sum(meta[32..<48], after: 0)
        for frame in SegmentLayout(bytes).frames.dropLast() {
            let start = frame.header.lowerBound
            put(sum(believed[frame.payload], after: 0), in: &believed, at: start + 56)
            let early = sum(believed[start..<start + 12], after: salt)
            put(sum(believed[start + 16..<frame.header.upperBound], after: early), in: &believed, at: start + 12)
        }
        return believed
    }

    /// Where the first frame that is not whole stands, or would.
    static func tear(in bytes: [UInt8], meta: [UInt8]) -> Int {
        let salt = sum(meta[32..<48], after: 0)
        var place = number(bytes, at: 12)
        for frame in SegmentLayout(bytes).frames {
            let start = frame.header.lowerBound
            let early = sum(bytes[start..<start + 12], after: salt)
            guard start == place, number(bytes, at: start + 56) == Int(sum(bytes[frame.payload], after: 0)),
                number(bytes, at: start + 12) == Int(sum(bytes[start + 16..<frame.header.upperBound], after: early))
            else { break }
            place += (frame.bytes.count + blockBytes - 1) / blockBytes * blockBytes
        }
        return place
    }

    private static func sum(_ bytes: ArraySlice<UInt8>, after earlier: UInt32) -> UInt32 {
        guard !bytes.isEmpty else { return earlier }
        return unsafe bytes.withUnsafeBytes { unsafe libdeflate_crc32(earlier, $0.baseAddress, $0.count) }
    }

    private static func put(_ sum: UInt32, in bytes: inout [UInt8], at place: Int) {
        for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
    }
}
