internal import Platform

/// The fields of a form, decoded, in the order in which they stand in a body or a query.
///
/// They stay bytes, since signatures are about bytes, and a `String` takes two spellings of one letter for equal.
struct FormFields: Sendable {
    /// Twilio sends some thirty.
    static let fieldsMax = 1_000

    struct Field: Sendable, Equatable {
        var name: [UInt8]
        var value: [UInt8]
    }

    let fields: [Field]

    /// Nil where there are more than `fieldsMax`.
    init?(_ text: some Collection<UInt8>) {
        let parts = text.split(separator: UInt8(ascii: "&"), maxSplits: Self.fieldsMax)
        guard parts.count <= Self.fieldsMax else { return nil }
        fields = parts.map { part in
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            return Field(name: Self.decoded(part[..<equals]), value: Self.decoded(part[equals...].dropFirst()))
        }
    }

    /// Whether the character U+0000 stands anywhere, which no text may have.
    var hasNUL: Bool { fields.contains { $0.name.contains(0) || $0.value.contains(0) } }

    /// The first value of that name.
    subscript(name: String) -> String? {
        fields.first { $0.name.elementsEqual(name.utf8) }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// The first value of that name that is more than nothing.
    func text(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A percent sign without two digits behind it stands for itself, as in the libraries that sign.
    private static func decoded(_ text: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index != text.endIndex {
            let byte = text[index]
            text.formIndex(after: &index)
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = text[index...].prefix(2)
                let spelt = digits.count == 2 ? Hex.bytes(String(decoding: digits, as: UTF8.self)) : nil
                bytes.append(spelt?.first ?? byte)
                if spelt != nil { text.formIndex(&index, offsetBy: 2) }
            default: bytes.append(byte)
            }
        }
        return bytes
    }
}
