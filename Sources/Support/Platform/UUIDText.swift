/// UUIDs of RFC 9562 as text, made from the clock and the random source that are handed in.
package enum UUIDText {
    /// 36 characters, lower case.
    package static func text(_ bytes: [UInt8]) -> String {
        precondition(bytes.count == 16, "a UUID has 16 bytes")
        var characters: [UInt8] = []
        characters.reserveCapacity(36)
        for (index, byte) in bytes.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { characters.append(UInt8(ascii: "-")) }
            characters.append(Hex.digit(byte >> 4))
            characters.append(Hex.digit(byte & 15))
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// The 16 bytes of a UUID in its 36-character form, either letter case.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count == 36 else { return nil }
        let dashes = [8, 13, 18, 23]
        guard dashes.allSatisfy({ characters[$0] == UInt8(ascii: "-") }) else { return nil }
        let digits = characters.indices.filter { !dashes.contains($0) }.map { characters[$0] }
        return Hex.bytes(String(decoding: digits, as: UTF8.self))
    }

    /// Random but for version and variant.
    package static func v4(_ random: any RandomSource) -> String {
        text(stamped(random.bytes(count: 16), version: 4))
    }

    /// Begins with the milliseconds of `time`, so that later ones sort behind earlier ones.
    package static func v7(at time: Timestamp, _ random: any RandomSource) -> String {
        var characters: [UInt8] = []
        characters.reserveCapacity(36)
        appendV7(at: time, random, to: &characters)
        return String(decoding: characters, as: UTF8.self)
    }

    /// Appends a version 7; nothing is allocated where there is room for its 36 characters.
    package static func appendV7(at time: Timestamp, _ random: any RandomSource, to text: inout [UInt8]) {
        let milliseconds = UInt64(max(0, time.nanoseconds / 1_000_000))
        let high = milliseconds << 16 | 0x7000 | random.next() & 0x0FFF
        let low = 1 << 63 | random.next() >> 2
        // Digits are taken from the front of a number.
        Hex.append(high, digits: 8, to: &text)
        text.append(UInt8(ascii: "-"))
        Hex.append(high << 32, digits: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        Hex.append(high << 48, digits: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        Hex.append(low, digits: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        Hex.append(low << 16, digits: 12, to: &text)
    }

    /// The first 16 of `bytes` with the version and the RFC's variant set; so a version 5 is made from a SHA-1.
    package static func stamped(_ bytes: [UInt8], version: UInt8) -> [UInt8] {
        var bytes = Array(bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0F | version << 4
        bytes[8] = bytes[8] & 0x3F | 0x80
        return bytes
    }
}
