internal import CDeflate

/// CRC-32 as in zlib and gzip, by libdeflate's carry-less multiplication (over 10 GB/s).
enum Checksum {
    static func crc32(_ bytes: UnsafeRawBufferPointer, after earlier: UInt32 = 0) -> UInt32 {
        // libdeflate answers 0, not `earlier`, for a buffer without an address.
        guard let start = bytes.baseAddress, bytes.count > 0 else { return earlier }
        return unsafe libdeflate_crc32(earlier, start, bytes.count)
    }

    static func crc32(_ bytes: RawSpan, after earlier: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe crc32($0, after: earlier) }
    }

    static func crc32(_ bytes: [UInt8], after earlier: UInt32 = 0) -> UInt32 {
        crc32(unsafe bytes.span.bytes, after: earlier)
    }
}
