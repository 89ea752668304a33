/// Where a reader's bytes come from: a file, an array, a response's body.
public protocol ByteSource {
    /// Appends at most some bytes to a buffer and returns how many; 0 is the end.
    mutating func read(into buffer: inout [UInt8], atMost count: Int) throws -> Int
}

/// Bytes in memory.
public struct ArraySource: ByteSource {
    private let bytes: [UInt8]
    private let pieceBytes: Int
    private var position = 0

    /// Takes the bytes; they come in pieces of a size, which tests make small.
    public init(_ bytes: [UInt8], pieceBytes: Int = .max) {
        self.bytes = bytes
        self.pieceBytes = pieceBytes
    }

    /// Appends the next bytes.
    public mutating func read(into buffer: inout [UInt8], atMost count: Int) -> Int {
        let taken = min(count, pieceBytes, bytes.count - position)
        buffer.append(contentsOf: bytes[position..<position + taken])
        position += taken
        return taken
    }
}

/// A window on a source: what was read and not yet used.
///
/// It grows only as bytes really arrive.
struct SourceWindow<Source: ByteSource> {
    private static var readBytes: Int { 1 << 16 }

    private var source: Source
    private(set) var bytes: [UInt8] = []
    private var start = 0
    /// How much was used up before the window.
    private var passed: Int64 = 0

    init(_ source: Source) {
        self.source = source
    }

    /// The next byte's place in the source.
    var position: Int64 { passed + Int64(start) }

    /// Where the bytes that are available stand in `bytes`.
    var available: Range<Int> { start..<bytes.count }

    /// Uses up bytes.
    mutating func advance(_ count: Int) {
        start += count
    }

    /// Whether nothing is left.
    mutating func isAtEnd() throws(AvroError) -> Bool { try !fill(1) }

    /// Reads until some bytes are available; false if the source ends before that.
    mutating func fill(_ count: Int) throws(AvroError) -> Bool {
        if available.count >= count { return true }
        passed += Int64(start)
        bytes.removeSubrange(..<start)
        start = 0
        while bytes.count < count {
            let wanted = max(SourceWindow.readBytes, min(count - bytes.count, SourceWindow.readBytes * 16))
            let before = bytes.count
            do {
                _ = try source.read(into: &bytes, atMost: wanted)
            } catch {
                throw AvroError(.source, "the source failed: \(error)", at: position, cause: error)
            }
            if bytes.count <= before { return false }
        }
        return true
    }

    /// Reads until some bytes are available, or throws.
    mutating func need(_ count: Int, for what: String) throws(AvroError) {
        guard try fill(count) else {
            throw AvroError(.truncated, "the file ends inside \(what)", at: position + Int64(available.count))
        }
    }

    /// Reads a number.
    mutating func readLong(for what: String) throws(AvroError) -> Int64 {
        if try !fill(Varint.bytesMax) { try need(1, for: what) }
        var decoder = BinaryDecoder(at: start)
        do {
            let value = try decoder.readLong(bytes.span)
            start = decoder.position
            return value
        } catch {
            throw AvroError(error.code, error.message, at: position)
        }
    }

    /// Reads a length that must lie within a limit.
    mutating func readLength(for what: String, max limit: Int) throws(AvroError) -> Int {
        let at = position
        let length = try readLong(for: what)
        guard length >= 0 else { throw AvroError(.malformed, "the length of \(what) is negative", at: at) }
        guard length <= limit else {
            throw AvroError(.limit, "\(what) has \(length) bytes; the limit is \(limit)", at: at)
        }
        return Int(length)
    }

    /// Reads and copies bytes.
    mutating func readBytes(_ count: Int, for what: String) throws(AvroError) -> [UInt8] {
        try need(count, for: what)
        defer { advance(count) }
        return Array(bytes[start..<start + count])
    }
}
