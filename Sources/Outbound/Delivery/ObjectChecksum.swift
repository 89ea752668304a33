internal import CDeflate

/// CRC-32 (the one of zlib) of an object's bytes, as S3 calls it.
package struct ObjectChecksum: Sendable, Hashable {
    package var crc32: UInt32

    package init(crc32: UInt32) {
        self.crc32 = crc32
    }
}

/// A CRC-32 that grows with the bytes.
package struct ChecksumStream: Sendable, Hashable {
    package private(set) var crc32: UInt32 = 0
    package private(set) var size: Int64 = 0

    package init() {}

    package var checksum: ObjectChecksum { ObjectChecksum(crc32: crc32) }

    package mutating func add(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe add($0) }
    }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        // libdeflate answers 0, not what it was given, for a buffer without an address.
        guard bytes.count > 0 else { return }
        crc32 = unsafe libdeflate_crc32(crc32, bytes.baseAddress, bytes.count)
        size += Int64(bytes.count)
    }

    /// The checksum of these bytes followed by those of `next`, without looking at either again.
    ///
    /// A file's head is written last, when its numbers are known. Appending n zero bytes multiplies a CRC by a matrix
    /// over GF(2) to the n-th power, which squaring finds in 40 steps for any size.
    package func followed(by next: ChecksumStream) -> ChecksumStream {
        var whole = self
        whole.size += next.size
        guard next.size > 0 else { return whole }
        // The matrix of one zero bit, squared three times: one zero byte.
        var power = BitMatrix.zeroBit.squared().squared().squared()
        var remaining = next.size
        var crc = crc32
        while remaining > 0 {
            if remaining & 1 == 1 { crc = power.times(crc) }
            remaining >>= 1
            if remaining > 0 { power = power.squared() }
        }
        whole.crc32 = crc ^ next.crc32
        return whole
    }
}

/// A 32 by 32 matrix over GF(2), by columns.
private struct BitMatrix {
    var columns: [UInt32]

    /// What one zero bit does to a CRC-32.
    static var zeroBit: BitMatrix {
        BitMatrix(columns: [0xedb8_8320] + (0..<31).map { 1 << $0 })
    }

    func times(_ vector: UInt32) -> UInt32 {
        var sum: UInt32 = 0
        var bits = vector
        while bits != 0 {
            sum ^= columns[bits.trailingZeroBitCount]
            bits &= bits - 1
        }
        return sum
    }

    func squared() -> BitMatrix {
        BitMatrix(columns: columns.map(times))
    }
}
