import Intake
import Platform

/// Makes every id of tracking: each from what it is for, so that a repeat makes the same one.
struct TrackingIDs: Sendable {
    private let heads: KeyedHash

    /// An id space of the journal with this secret.
    init(secret: [UInt8]) {
        heads = KeyedHash(secret: secret).derived(for: "courant.tracking")
    }

    /// Where rows about these things stand.
    func head(_ parts: String...) -> RowHead {
        let (low, high) = heads.hash(Self.joined(parts))
        return RowHead(high: high, low: low)
    }

    /// A UUID of version 5 of these parts.
    static func id(_ parts: String...) -> String { id(parts) }

    static func id(_ parts: [String]) -> String {
        UUIDText.text(UUIDText.version5(namespace, joined(parts)))
    }

    /// The dispatch id of a message that shares none.
    static func dispatchID(_ source: String, _ key: String, item: Int) -> String {
        id("dispatch", source, key, "\(item)")
    }

    /// 28 hexadecimal digits: the day of the message's report, by which its context is found, and 24 of a hash.
    ///
    /// Letters and digits only, since some providers take nothing else in a custom argument.
    static func messageID(day: StateDay, _ parts: String...) -> String {
        let day = [UInt8(day.rawValue >> 8), UInt8(truncatingIfNeeded: day.rawValue)]
        return Hex.text(day + UUIDText.version5(namespace, joined(parts)).prefix(12))
    }

    /// The day of a message id; nil where it is none of ours.
    static func day(ofMessage id: String) -> StateDay? {
        guard id.utf8.count == 28, let bytes = Hex.bytes(id) else { return nil }
        return StateDay(UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
    }

    /// A length before each part keeps ("a", "bc") apart from ("ab", "c").
    private static func joined(_ parts: [String]) -> [UInt8] {
        parts.reduce(into: []) { bytes, part in
            bytes += String(part.utf8.count).utf8
            bytes.append(UInt8(ascii: ":"))
            bytes += part.utf8
        }
    }

    /// The namespace of ids that tracking makes: a UUID drawn once, for this use only.
    private static let namespace: [UInt8] = [
        0x21, 0xB7, 0x4D, 0x3A, 0x8C, 0x5F, 0x46, 0x0E, 0xB2, 0x6D, 0x9F, 0x13, 0x70, 0xE8, 0x55, 0xC4,
    ]
}
