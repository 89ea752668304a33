internal import Platform

/// CRC-32C (Castagnoli), as Google Cloud Storage keeps it with each object; grows with the bytes.
package struct CRC32C: Sendable, Hashable {
    /// The polynomial with its bits reversed.
    private static let polynomial: UInt32 = 0x82f6_3b78

    /// Eight tables of 256, so that eight bytes are taken in one step: table k says what a byte does that k others
    /// follow.
    private static let tables: [UInt32] = {
        var tables = (0..<256).map { byte in
            (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
        }
        for index in 256..<(8 * 256) {
            let previous = tables[index - 256]
            tables.append(previous >> 8 ^ tables[Int(previous & 255)])
        }
        return tables
    }()

    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func add(_ bytes: [UInt8]) {
        var crc = ~value
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe Self.tables.withUnsafeBufferPointer { tables in
                var position = 0
                while position + 8 <= buffer.count {
                    let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                    var rest = UInt64(littleEndian: word) ^ UInt64(crc)
                    crc = 0
                    for table in stride(from: 7 * 256, through: 0, by: -256) {
                        crc ^= unsafe tables[table + Int(rest & 255)]
                        rest >>= 8
                    }
                    position += 8
                }
                while position < buffer.count {
                    crc = unsafe crc >> 8 ^ tables[Int((crc ^ UInt32(buffer[position])) & 255)]
                    position += 1
                }
            }
        }
        value = ~crc
    }

    /// Big-endian, in Base64.
    package var base64: String {
        Base64.encode([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) })
    }
}
