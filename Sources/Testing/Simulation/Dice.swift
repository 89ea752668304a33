internal import Platform
internal import PlatformTesting

/// Chances and choices, the same for the same seed and purpose.
struct Dice: Sendable {
    let random: SeededRandom

    /// Dice of their own for each purpose: one that throws more often changes nothing for the others.
    init(seed: UInt64, for purpose: UInt64) {
        let mixed = SeededRandom(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ purpose &* 0xD1B5_4A32_D192_ED03)
        random = SeededRandom(seed: mixed.next())
    }

    /// Sixty-four even bits.
    func word() -> UInt64 { random.next() }

    /// Whether it is one of so many times in a thousand.
    func chance(_ perMille: Int) -> Bool {
        perMille > 0 && random.next(below: 1_000) < perMille
    }

    func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + random.next(below: range.count)
    }

    func pick<Value>(_ values: [Value]) -> Value { values[random.next(below: values.count)] }

    /// Short ones as often as long ones: even over the magnitudes.
    func duration(_ range: ClosedRange<Duration>) -> Duration {
        let (low, high) = (range.lowerBound.nanoseconds, range.upperBound.nanoseconds)
        let doublings = Int(64 - max(1, high / max(1, low)).leadingZeroBitCount)
        let bound = min(high, low << Int64(random.next(below: doublings + 1)))
        return .nanoseconds(low + Int64(random.next(below: Int(max(1, bound - low + 1)))))
    }
}
