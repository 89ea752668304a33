/// SipHash-1-3 with a 128-bit result, after the reference of Aumasson and Bernstein.
///
/// Keyed with the journal's secret, so that nobody who chooses ids can make two of them collide.
package struct KeyedHash: Sendable {
    private let key0: UInt64
    private let key1: UInt64

    /// A hash under `secret`, 16 bytes.
    package init(secret: [UInt8]) {
        precondition(secret.count == 16, "the secret is 16 bytes")
        key0 = secret[0..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        key1 = secret[8..<16].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// The hash for one domain, such as an event type: another name gives an unrelated one.
    package func derived(for domain: String) -> KeyedHash {
        let bytes = Array(domain.utf8)
        let (low, high) = unsafe bytes.withUnsafeBufferPointer { unsafe hash($0) }
        return KeyedHash(key0: low, key1: high)
    }

    package func hash(_ bytes: [UInt8]) -> (low: UInt64, high: UInt64) {
        unsafe bytes.withUnsafeBufferPointer { unsafe hash($0) }
    }

    func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> (low: UInt64, high: UInt64) {
        var state = State(key0, key1)
        let count = bytes.count
        let words = count / 8
        // An empty buffer may have no address.
        if let base = bytes.baseAddress {
            let raw = unsafe UnsafeRawPointer(base)
            for index in 0..<words {
                state.absorb(UInt64(littleEndian: unsafe raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)))
            }
        }
        var last = UInt64(truncatingIfNeeded: count) << 56
        for index in words * 8..<count { unsafe last |= UInt64(bytes[index]) << (UInt64(index & 7) * 8) }
        state.absorb(last)
        return state.finish()
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        @inline(__always)
        init(_ key0: UInt64, _ key1: UInt64) {
            v0 = key0 ^ 0x736F_6D65_7073_6575
            v1 = key1 ^ 0x646F_7261_6E64_6F6D ^ 0xEE
            v2 = key0 ^ 0x6C79_6765_6E65_7261
            v3 = key1 ^ 0x7465_6462_7974_6573
        }

        @inline(__always)
        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        @inline(__always)
        mutating func finish() -> (low: UInt64, high: UInt64) {
            v2 ^= 0xEE
            for _ in 0..<3 { round() }
            let low = v0 ^ v1 ^ v2 ^ v3
            v1 ^= 0xDD
            for _ in 0..<3 { round() }
            return (low, v0 ^ v1 ^ v2 ^ v3)
        }

        @inline(__always)
        private mutating func round() {
            v0 = v0 &+ v1
            v1 = v1 << 13 | v1 >> 51
            v1 ^= v0
            v0 = v0 << 32 | v0 >> 32
            v2 = v2 &+ v3
            v3 = v3 << 16 | v3 >> 48
            v3 ^= v2
            v0 = v0 &+ v3
            v3 = v3 << 21 | v3 >> 43
            v3 ^= v0
            v2 = v2 &+ v1
            v1 = v1 << 17 | v1 >> 47
            v1 ^= v2
            v2 = v2 << 32 | v2 >> 32
        }
    }
}
