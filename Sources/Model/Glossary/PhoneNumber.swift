/// The forms in which phone numbers and senders are written.
enum PhoneNumber {
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// A plus sign and 2 to 15 digits, the first not 0.
    static func isE164(_ value: Span<UInt8>) -> Bool {
        guard 3...16 ~= value.count, value[0] == 0x2B, value[1] != 0x30 else { return false }
        for index in 1..<value.count where !isDigit(value[index]) { return false }
        return true
    }

    /// E.164, a short code of 3 to 8 digits, or a name of up to 11 characters with at least one letter, of
    /// printable characters and without a blank at either end.
    static func isSender(_ value: Span<UInt8>) -> Bool {
        let count = value.count
        guard count > 0 else { return false }
        if value[0] == 0x2B, isE164(value) { return true }
        var characters = 0
        var digits = 0
        var hasLetter = false
        for index in value.indices {
            let byte = value[index]
            guard byte >= 0x20, byte != 0x7F else { return false }
            // Bytes 0x80 to 0xBF continue a character.
            if byte & 0xC0 != 0x80 { characters += 1 }
            if isDigit(byte) { digits += 1 }
            if byte >= 0x80 || (byte | 0x20) &- 0x61 < 26 { hasLetter = true }
        }
        if digits == count { return 3...8 ~= count }
        return hasLetter && characters <= 11 && value[0] != 0x20 && value[count - 1] != 0x20
    }
}
