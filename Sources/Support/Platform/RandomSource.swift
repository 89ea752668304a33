/// Where random bits come from.
package protocol RandomSource: Sendable {
    func next() -> UInt64
}

extension RandomSource {
    package func bytes(count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var word: UInt64 = 0
        for index in 0..<count {
            if index % 8 == 0 { word = next() }
            bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(index % 8 * 8)))
        }
        return bytes
    }

    /// A number in `0..<bound`; the bias for bounds far below 2^64 is beyond notice.
    package func next(below bound: Int) -> Int {
        precondition(bound > 0, "an empty range has no number to draw")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}

/// The system's cryptographically secure generator.
package struct SystemRandom: RandomSource {
    package init() {}

    package func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
