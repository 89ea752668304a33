import CGlossary

/// The names of the IANA time zones, links included, in a hash table that is built once.
struct TimeZoneNames: Sendable {
    static let standard = TimeZoneNames(
        text: unsafe embedded(courant_timezones_start(), length: courant_timezones_length)
    )

    /// Longer than any name, so that a long value is turned down at once.
    private static let nameBytesMax = 64

    private let bytes: [UInt8]
    /// For each slot the start of a name in `bytes`, whose first byte is the name's length; 0 for an empty slot.
    private let slots: [UInt16]
    private let mask: Int

    /// The names that the text has, one to a line; lines that begin with # are comments.
    init(text: String) {
        let names = text.utf8.split(separator: UInt8(ascii: "\n")).filter { $0.first != UInt8(ascii: "#") }
        // At most a quarter full, so that most look-ups end at the first slot.
        var size = 4
        while size < names.count * 4 { size *= 2 }
        var bytes: [UInt8] = [0]
        var slots = [UInt16](repeating: 0, count: size)
        for name in names {
            precondition(name.count <= TimeZoneNames.nameBytesMax && bytes.count <= Int(UInt16.max))
            let start = bytes.count
            bytes.append(UInt8(name.count))
            bytes += name
            var slot = TimeZoneNames.hash(bytes.span.extracting((start + 1)...)) & (size - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = UInt16(start)
        }
        self.bytes = bytes
        self.slots = slots
        mask = size - 1
    }

    /// Whether the value is the name of a time zone.
    ///
    /// Letter case counts, as in the database.
    func contains(_ value: Span<UInt8>) -> Bool {
        guard 1...TimeZoneNames.nameBytesMax ~= value.count else { return false }
        let bytes = bytes.span
        var slot = TimeZoneNames.hash(value) & mask
        while slots[slot] != 0 {
            let start = Int(slots[slot])
            if Int(bytes[start]) == value.count, TimeZoneNames.areEqual(bytes, start + 1, value) { return true }
            slot = (slot + 1) & mask
        }
        return false
    }

    private static func areEqual(_ bytes: Span<UInt8>, _ start: Int, _ value: Span<UInt8>) -> Bool {
        for index in value.indices where bytes[start + index] != value[index] { return false }
        return true
    }

    /// Mixes the last bytes and the length: the last tell names of one region apart.
    private static func hash(_ value: Span<UInt8>) -> Int {
        var packed = UInt64(truncatingIfNeeded: value.count)
        for index in max(0, value.count - 10)..<value.count {
            packed = (packed &<< 6 | packed &>> 58) ^ UInt64(value[index])
        }
        return Int(truncatingIfNeeded: (packed &* 0x9E37_79B9_7F4A_7C15) >> 44)
    }
}
