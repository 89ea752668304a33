/// Texts to small numbers, looked up by their UTF-8 bytes without hashing them all: open addressing on the first and
/// the last eight bytes and the length, then a comparison of the rest.
@safe
struct KeyTable: ~Copyable {
    @safe
    private struct Entry {
        let first: UInt64
        let last: UInt64
        let length: Int32
        let value: Int32
        let text: UnsafePointer<UInt8>
    }

    /// What `find` answers for a text that is not in the table.
    static let absent: Int32 = -1

    private let entries: UnsafeMutableBufferPointer<Entry>
    private let buckets: UnsafeMutablePointer<Int32>
    private let mask: Int

    /// Builds a table of `pairs`; a text that comes twice keeps its first value.
    init(_ pairs: [(text: String, value: Int32)]) {
        var size = 16
        while size < pairs.count * 4 { size *= 2 }
        mask = size - 1
        unsafe buckets = .allocate(capacity: size)
        unsafe buckets.initialize(repeating: Self.absent, count: size)
        unsafe entries = .allocate(capacity: pairs.count)
        for (index, pair) in pairs.enumerated() {
            let utf8 = Array(pair.text.utf8)
            // Eight bytes are read at once, so a short text has room behind it.
            let text = UnsafeMutablePointer<UInt8>.allocate(capacity: utf8.count + 8)
            unsafe text.initialize(repeating: 0, count: utf8.count + 8)
            for (position, byte) in utf8.enumerated() { unsafe text[position] = byte }
            let (first, last) = unsafe Self.ends(text, utf8.count)
            unsafe entries.initializeElement(
                at: index,
                to: Entry(first: first, last: last, length: Int32(utf8.count), value: pair.value, text: text)
            )
            guard unsafe find(text, utf8.count) == Self.absent else { continue }
            var bucket = Self.hash(first, last, utf8.count) & mask
            while unsafe buckets[bucket] != Self.absent { bucket = (bucket + 1) & mask }
            unsafe buckets[bucket] = Int32(index)
        }
    }

    deinit {
        for index in unsafe entries.indices { unsafe entries[index].text.deallocate() }
        unsafe entries.deallocate()
        unsafe buckets.deallocate()
    }

    /// The value of a text, or `absent`.
    ///
    /// Reads up to eight bytes behind a text shorter than that: the caller's buffer, simdjson's string buffer or a
    /// padded one, has them.
    @inline(__always)
    func find(_ text: UnsafePointer<UInt8>, _ length: Int) -> Int32 {
        let (first, last) = unsafe Self.ends(text, length)
        var bucket = Self.hash(first, last, length) & mask
        while true {
            let index = unsafe buckets[bucket]
            if index == Self.absent { return Self.absent }
            let entry = unsafe entries[Int(index)]
            if entry.first == first && entry.last == last && entry.length == Int32(truncatingIfNeeded: length) {
                if unsafe length <= 16 || Self.equalMiddles(entry.text, text, length) { return entry.value }
            }
            bucket = (bucket + 1) & mask
        }
    }

    /// The first and last eight bytes; of a shorter text its bytes, twice.
    @inline(__always)
    private static func ends(_ text: UnsafePointer<UInt8>, _ length: Int) -> (UInt64, UInt64) {
        let raw = unsafe UnsafeRawPointer(text)
        let first = unsafe raw.loadUnaligned(as: UInt64.self)
        if length >= 8 { return unsafe (first, raw.loadUnaligned(fromByteOffset: length - 8, as: UInt64.self)) }
        let kept = first.littleEndian & ((1 << (UInt64(length) * 8)) - 1)
        return (kept, kept)
    }

    @inline(__always)
    private static func hash(_ first: UInt64, _ last: UInt64, _ length: Int) -> Int {
        // Two odd constants without structure (from the golden ratio and from pi) spread the bits.
        let mixed =
            (first ^ (last &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(truncatingIfNeeded: length)) &* 0x2436_A885_A308_D313
        return Int(truncatingIfNeeded: mixed >> 40)
    }

    private static func equalMiddles(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        var position = 8
        while position < length - 8 {
            let left = unsafe UnsafeRawPointer(a + position).loadUnaligned(as: UInt64.self)
            let right = unsafe UnsafeRawPointer(b + position).loadUnaligned(as: UInt64.self)
            // A word may reach into the last eight bytes, which are equal already.
            if left != right { return false }
            position += 8
        }
        return true
    }
}
