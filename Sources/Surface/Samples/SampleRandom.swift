/// A seeded source of numbers (SplitMix64): the same seed gives the same events on every machine.
struct SampleRandom: Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SampleRandom.mix(state)
    }

    /// A number from 0 up to, not including, the bound.
    mutating func below(_ bound: Int) -> Int {
        SampleRandom.reduce(next(), below: bound)
    }

    mutating func chance(percent: Int) -> Bool {
        below(100) < percent
    }

    mutating func number(in range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(below(Int(range.upperBound - range.lowerBound) + 1))
    }

    mutating func uuid() -> String {
        SampleText.uuid(next(), next())
    }

    mutating func hex(digits: Int) -> String {
        SampleText.hex(next(), next(), digits: digits)
    }

    mutating func one<T>(of choices: [T]) -> T {
        choices[below(choices.count)]
    }

    /// Scatters the bits of a number.
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ (value &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }

    static func reduce(_ value: UInt64, below bound: Int) -> Int {
        Int(value.multipliedFullWidth(by: UInt64(bound)).high)
    }
}

/// The forms of ids, without a formatter.
enum SampleText {
    static func hexDigit(_ value: UInt64) -> UInt8 {
        let nibble = UInt8(truncatingIfNeeded: value & 15)
        return nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    /// Up to 32 lower-case hex digits.
    static func hex(_ high: UInt64, _ low: UInt64, digits: Int) -> String {
        unsafe String(unsafeUninitializedCapacity: digits) { buffer in
            for index in 0..<digits {
                let word = index < 16 ? high : low
                unsafe buffer[index] = hexDigit(word &>> UInt64(60 - 4 * (index & 15)))
            }
            return digits
        }
    }

    /// A UUID of version 4.
    static func uuid(_ high: UInt64, _ low: UInt64) -> String {
        let high = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return unsafe String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    unsafe buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                let word = index < 16 ? high : low
                unsafe buffer[position] = hexDigit(word &>> UInt64(60 - 4 * (index & 15)))
                position += 1
            }
            return position
        }
    }

    /// A number in decimal with at least so many digits.
    static func decimal(_ value: Int, digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
