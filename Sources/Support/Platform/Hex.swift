/// Lower-case hexadecimal text.
package enum Hex {
    package static func text(_ bytes: some Collection<UInt8>) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            digits.append(digit(byte >> 4))
            digits.append(digit(byte & 15))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The 16 digits of `value`, most significant first.
    package static func text(_ value: UInt64) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(digitsMax)
        append(value, to: &digits)
        return String(decoding: digits, as: UTF8.self)
    }

    /// Appends the first digits of `value`, most significant first.
    package static func append(_ value: UInt64, digits: Int = digitsMax, to text: inout [UInt8]) {
        for place in 0..<digits { text.append(digit(UInt8(value >> UInt64(60 - place * 4) & 15))) }
    }

    /// Of a number with 64 bits.
    package static let digitsMax = 16

    /// The bytes that `text` (either letter case) spells; nil if a character is no digit or the count is odd.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text.utf8 {
            guard let value = value(character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }

    package static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
