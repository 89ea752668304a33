/// Writes Avro's binary encoding into a buffer of its own, which grows by doubling and is kept when emptied.
///
/// Primitives are written through a raw pointer: this is the path of every event.
///
/// No lock stands behind `@unchecked Sendable`: it cannot be copied, so its one owner alone reaches the buffer.
@safe public struct BinaryEncoder: ~Copyable, @unchecked Sendable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int

    @usableFromInline var written = 0

    /// Bytes written so far.
    @inlinable public var count: Int { written }

    /// Makes an empty encoder.
    public init(capacity: Int = 1_024) {
        self.capacity = max(capacity, Varint.bytesMax)
        unsafe base = .allocate(capacity: self.capacity)
    }

    deinit { unsafe base.deallocate() }

    /// The bytes written so far, copied out.
    public var bytes: [UInt8] { unsafe Array(UnsafeBufferPointer(start: base, count: written)) }

    /// Lends the bytes written so far.
    public func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let span = unsafe Span(_unsafeStart: UnsafePointer(base), count: written)
        return try body(span)
    }

    /// Forgets what was written past a length, for a value that failed half way.
    public mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= written, "an encoder can only be cut to what it holds")
        written = length
    }

    /// Forgets all that was written and keeps the buffer.
    public mutating func removeAll() {
        written = 0
    }

    /// Makes room for more bytes.
    @inlinable
    public mutating func reserve(_ bytes: Int) {
        if capacity - written < bytes { grow(by: bytes) }
    }

    @usableFromInline
    mutating func grow(by bytes: Int) {
        let larger = max(capacity * 2, written + bytes)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe moved.update(from: base, count: written)
        unsafe base.deallocate()
        unsafe base = moved
        capacity = larger
    }

    /// Writes a boolean: one byte.
    @inlinable
    public mutating func writeBoolean(_ value: Bool) {
        writeByte(value ? 1 : 0)
    }

    /// Writes one byte as it is.
    @inlinable
    public mutating func writeByte(_ value: UInt8) {
        reserve(1)
        unsafe base[written] = value
        written += 1
    }

    /// Writes an int, which is encoded as a long.
    @inlinable
    public mutating func writeInt(_ value: Int32) {
        writeLong(Int64(value))
    }

    /// Writes a long, a branch's or symbol's number, a length or a count.
    @inlinable
    public mutating func writeLong(_ value: Int64) {
        reserve(Varint.bytesMax)
        written += unsafe Varint.write(value, to: base + written)
    }

    /// Writes a float: four bytes, little-endian.
    @inlinable
    public mutating func writeFloat(_ value: Float) {
        writeLittleEndian(value.bitPattern)
    }

    /// Writes a double: eight bytes, little-endian.
    @inlinable
    public mutating func writeDouble(_ value: Double) {
        writeLittleEndian(value.bitPattern)
    }

    @inlinable
    mutating func writeLittleEndian<Value: FixedWidthInteger>(_ value: Value) {
        let size = MemoryLayout<Value>.size
        reserve(size)
        unsafe UnsafeMutableRawPointer(base + written).storeBytes(of: value.littleEndian, as: Value.self)
        written += size
    }

    /// Writes bytes or a string's UTF-8 with its length before it.
    @inlinable
    public mutating func writeBytes(_ bytes: Span<UInt8>) {
        writeLong(Int64(bytes.count))
        writeRaw(bytes)
    }

    /// Writes bytes as they are: a fixed, or values encoded before.
    @inlinable
    public mutating func writeRaw(_ bytes: Span<UInt8>) {
        reserve(bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + written).update(from: start, count: source.count)
        }
        written += bytes.count
    }

    /// Writes a string with its length before it.
    @inlinable
    public mutating func writeString(_ text: String) {
        writeBytes(text.utf8.span)
    }
}
