/// A place in some bytes, from which Avro's primitives are read one after the other.
///
/// The bytes are passed to each call, so that the decoder owns nothing and a span can be any caller's. Every read
/// checks what is left first; a length is believed only as far as there are bytes for it.
public struct BinaryDecoder: Sendable {
    /// The next byte to read.
    public var position: Int
    /// What is accepted.
    public let limits: ReaderLimits
    private var valuesLeft: Int
    /// Values without bytes that may still come: a container bounds them over all its values.
    private var emptyValuesLeft = Int.max

    /// Starts at a place.
    public init(at position: Int = 0, limits: ReaderLimits = .init()) {
        self.position = position
        self.limits = limits
        valuesLeft = limits.valuesMax
    }

    /// A decoder for the blocks of one container, which are begun one after the other.
    init(forBlocksWithin limits: ReaderLimits) {
        self.init(limits: limits)
        emptyValuesLeft = limits.spareValuesMax
    }

    /// Goes to the start of a container's next block, whose bytes allow for further values without any.
    mutating func beginBlock(of bytes: Int) {
        position = 0
        emptyValuesLeft += values(for: bytes)
    }

    /// Starts the count of values anew, for the next datum; it came in some bytes as stored, perhaps with others.
    mutating func beginDatum(storedBytes: Int) {
        valuesLeft = min(limits.valuesMax, limits.spareValuesMax + values(for: storedBytes))
    }

    private func values(for bytes: Int) -> Int { bytes * limits.valuesPerByteMax }

    /// Counts one value of the present datum.
    mutating func spendValue() throws(AvroError) {
        valuesLeft -= 1
        guard valuesLeft >= 0 else {
            throw failure(
                .limit,
                "one datum has more than \(limits.valuesMax) values, or more than its bytes can account for"
            )
        }
    }

    /// Counts a value that has just been read, if it took no bytes.
    mutating func spendEmptyValue(from start: Int) throws(AvroError) {
        guard position == start else { return }
        emptyValuesLeft -= 1
        guard emptyValuesLeft >= 0 else {
            throw failure(.limit, "the file has more values without bytes than its bytes can account for")
        }
    }

    /// An error at this place.
    public func failure(_ code: AvroError.Code, _ message: String) -> AvroError {
        AvroError(code, message, at: Int64(position))
    }

    /// Reads a boolean: one byte, 0 or 1.
    public mutating func readBoolean(_ bytes: Span<UInt8>) throws(AvroError) -> Bool {
        guard position < bytes.count else { throw failure(.truncated, "the bytes end before a boolean") }
        guard bytes[position] <= 1 else { throw failure(.malformed, "a boolean is neither 0 nor 1") }
        position += 1
        return bytes[position - 1] == 1
    }

    /// Reads a long, a branch's or symbol's number, a length or a count.
    @inlinable
    public mutating func readLong(_ bytes: Span<UInt8>) throws(AvroError) -> Int64 {
        var zigzag: UInt64 = 0
        var shift: UInt64 = 0
        var index = position
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            // The tenth byte holds the last of 64 bits.
            guard shift < 63 || byte <= 1 else { throw failure(.malformed, "a number is longer than 64 bits") }
            zigzag |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                position = index
                return Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
            }
            shift += 7
        }
        throw failure(.truncated, "the bytes end inside a number")
    }

    /// Reads an int.
    public mutating func readInt(_ bytes: Span<UInt8>) throws(AvroError) -> Int32 {
        guard let value = Int32(exactly: try readLong(bytes)) else {
            throw failure(.malformed, "an int is longer than 32 bits")
        }
        return value
    }

    /// Reads a float.
    public mutating func readFloat(_ bytes: Span<UInt8>) throws(AvroError) -> Float {
        Float(bitPattern: try readLittleEndian(bytes))
    }

    /// Reads a double.
    public mutating func readDouble(_ bytes: Span<UInt8>) throws(AvroError) -> Double {
        Double(bitPattern: try readLittleEndian(bytes))
    }

    private mutating func readLittleEndian<Value: FixedWidthInteger>(_ bytes: Span<UInt8>) throws(AvroError) -> Value {
        let range = try readRange(bytes, count: MemoryLayout<Value>.size)
        var value: Value = 0
        for index in range.reversed() { value = value << 8 | Value(bytes[index]) }
        return value
    }

    /// Reads a length and passes over that many bytes, which are the value of a string or bytes.
    public mutating func readLengthPrefixed(_ bytes: Span<UInt8>) throws(AvroError) -> Range<Int> {
        let length = try readLong(bytes)
        guard length >= 0 else { throw failure(.malformed, "a length is negative") }
        guard length <= limits.stringBytesMax else {
            throw failure(.limit, "a value of \(length) bytes; the limit is \(limits.stringBytesMax)")
        }
        return try readRange(bytes, count: Int(length))
    }

    /// Passes over some bytes, which are the value of a fixed.
    public mutating func readRange(_ bytes: Span<UInt8>, count: Int) throws(AvroError) -> Range<Int> {
        guard count <= bytes.count - position else { throw failure(.truncated, "the bytes end inside a value") }
        defer { position += count }
        return position..<position + count
    }

    /// Reads a string and checks that it is UTF-8.
    public mutating func readString(_ bytes: Span<UInt8>) throws(AvroError) -> String {
        let range = try readLengthPrefixed(bytes)
        do {
            return String(copying: try UTF8Span(validating: bytes.extracting(range)))
        } catch {
            throw failure(.malformed, "a string is not UTF-8")
        }
    }

    /// Reads bytes.
    public mutating func readBytes(_ bytes: Span<UInt8>) throws(AvroError) -> [UInt8] {
        let range = try readLengthPrefixed(bytes)
        return BinaryDecoder.copy(bytes, range)
    }

    /// Reads the count that begins a block of an array or a map; 0 is the end.
    ///
    /// A negative count is followed by the block's size, which is checked against what is left.
    public mutating func readBlockCount(_ bytes: Span<UInt8>) throws(AvroError) -> Int {
        var count = try readLong(bytes)
        if count < 0 {
            guard count > .min else { throw failure(.malformed, "a block's count cannot be negated") }
            count = -count
            let size = try readLong(bytes)
            guard size >= 0, size <= Int64(bytes.count - position) else {
                throw failure(.truncated, "a block is larger than what is left")
            }
        }
        return try admit(count, bytes)
    }

    /// Believes a count of items only as far as the bytes left can hold them, but for those that may take no bytes.
    func admit(_ count: Int64, _ bytes: Span<UInt8>) throws(AvroError) -> Int {
        guard count >= 0 else { throw failure(.malformed, "a count is negative") }
        guard count - Int64(limits.spareValuesMax) <= Int64(bytes.count - position) else {
            throw failure(.limit, "\(count) items, with \(bytes.count - position) bytes left")
        }
        return Int(count)
    }

    static func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
    }
}
