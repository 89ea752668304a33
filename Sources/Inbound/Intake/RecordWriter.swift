import Journal

/// Framed records, one behind the other, for one partition.
///
/// A record being written becomes visible only by `commit`, so a rejection half way through leaves nothing behind.
@safe
struct RecordWriter: ~Copyable {
    /// Bytes that may be written past the end by a copy in whole words.
    static let slack = 64
    /// Length, marker and fingerprint before a datum.
    static let headBytes = 14

    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0
    private(set) var entries: [RecordBatch.Entry] = []

    init(capacity: Int = 64 << 10) {
        self.capacity = capacity
        unsafe base = .allocate(capacity: capacity + Self.slack)
    }

    deinit { unsafe base.deallocate() }

    /// Where the next record's datum goes, with room for `bytes`; its head is written.
    @inline(__always)
    mutating func begin(fingerprint: UInt64, room bytes: Int) -> UnsafeMutablePointer<UInt8> {
        if count + bytes + Self.headBytes > capacity { grow(count + bytes + Self.headBytes) }
        let raw = unsafe UnsafeMutableRawPointer(base + count)
        unsafe raw.storeBytes(of: UInt16(0x01C3).littleEndian, toByteOffset: 4, as: UInt16.self)
        unsafe raw.storeBytes(of: fingerprint.littleEndian, toByteOffset: 6, as: UInt64.self)
        return unsafe base + count + Self.headBytes
    }

    /// Makes the record that ends before `end` part of the batch.
    @inline(__always)
    mutating func commit(_ end: UnsafeMutablePointer<UInt8>, schema: UInt16, identity: RecordIdentity) {
        let length = unsafe end - (base + count)
        let rest = UInt32(truncatingIfNeeded: length - 4).littleEndian
        unsafe UnsafeMutableRawPointer(base + count).storeBytes(of: rest, as: UInt32.self)
        entries.append(
            RecordBatch.Entry(
                start: UInt32(truncatingIfNeeded: count),
                length: UInt32(truncatingIfNeeded: length),
                schema: schema,
                identity: identity
            )
        )
        count += length
    }

    /// What was committed, and an empty writer.
    mutating func take() -> RecordBatch {
        let bytes = unsafe Array(UnsafeBufferPointer(start: base, count: count))
        let batch = RecordBatch(bytes: bytes, entries: entries)
        count = 0
        entries.removeAll(keepingCapacity: true)
        return batch
    }

    mutating func clear() {
        count = 0
        entries.removeAll(keepingCapacity: true)
    }

    private mutating func grow(_ needed: Int) {
        let grown = max(needed, capacity * 2)
        // An entry's place is 32 bits; a body's limits keep a batch far below.
        precondition(grown <= Int(UInt32.max), "a batch is smaller than 4 GiB")
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: grown + Self.slack)
        unsafe moved.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = moved
        capacity = grown
    }
}

/// Avro's binary encoding through a raw pointer: no bounds are checked, the caller has made room.
@unsafe
enum Put {
    @inline(__always)
    static func long(_ value: Int64, _ out: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        var out = unsafe out
        while rest >= 0x80 {
            unsafe out.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            unsafe out += 1
            rest >>= 7
        }
        unsafe out.pointee = UInt8(truncatingIfNeeded: rest)
        return unsafe out + 1
    }

    /// Writes a string; copies whole words, so up to 15 bytes past it, which the writer's slack holds.
    @inline(__always)
    static func string(
        _ text: UnsafeBufferPointer<UInt8>,
        _ out: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        let count = text.count
        let out = unsafe long(Int64(count), out)
        guard let start = text.baseAddress else { return unsafe out }
        if count <= 128 {
            let from = unsafe UnsafeRawPointer(start)
            let to = UnsafeMutableRawPointer(out)
            var position = 0
            while position < count {
                let word = unsafe from.loadUnaligned(fromByteOffset: position, as: SIMD16<UInt8>.self)
                unsafe to.storeBytes(of: word, toByteOffset: position, as: SIMD16<UInt8>.self)
                position += 16
            }
        } else {
            unsafe out.update(from: start, count: count)
        }
        return unsafe out + count
    }
}
