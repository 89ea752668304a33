/// Little-endian numbers in byte arrays: all numbers of the journal's files are little-endian.
extension [UInt8] {
    mutating func append(littleEndian value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }

    /// Traps outside the array.
    func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(at position: Int, as type: Value.Type) -> Value {
        precondition(position >= 0 && position + MemoryLayout<Value>.size <= count, "a number lies inside its bytes")
        return unsafe Value(littleEndian: span.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: Value.self))
    }

    mutating func set<Value: FixedWidthInteger>(littleEndian value: Value, at position: Int) {
        for index in 0..<MemoryLayout<Value>.size {
            self[position + index] = UInt8(truncatingIfNeeded: value >> Value(index * 8))
        }
    }

    mutating func pad(toMultipleOf block: Int) {
        append(contentsOf: [UInt8](repeating: 0, count: (block - count % block) % block))
    }
}

/// Reads fields one behind the other; nil past the end.
struct FieldReader {
    private let bytes: [UInt8]
    private(set) var position: Int

    init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    mutating func take<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value? {
        guard bytes.count - position >= MemoryLayout<Value>.size else { return nil }
        defer { position += MemoryLayout<Value>.size }
        return bytes.littleEndian(at: position, as: type)
    }

    mutating func take(count: Int) -> [UInt8]? {
        guard count >= 0, bytes.count - position >= count else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func takeText(count: Int) -> String? {
        take(count: count).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// What every part of a segment is aligned to: the page of the kernel's cache and of most disks.
enum Block {
    static let bytes = 4_096

    static func roundedUp(_ count: Int) -> Int {
        (count + bytes - 1) / bytes * bytes
    }
}
