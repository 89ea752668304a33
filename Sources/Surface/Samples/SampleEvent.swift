package import Glossary

/// A value of a made-up event.
package enum SampleValue: Hashable, Sendable {
    case string(String)
    case int(Int64)
    case double(Double)
    case boolean(Bool)
    case strings([String])
}

/// A made-up event: its type and the fields that it has, in the order of the record.
///
/// Fields that are null are left out.
package struct SampleEvent: Sendable {
    /// The type.
    package let type: EventType
    /// The fields that are there.
    package let values: [(name: String, value: SampleValue)]

    /// The value of a field, if it is there.
    package func value(of name: String) -> SampleValue? {
        values.first { $0.name == name }?.value
    }

    /// The text of a field, if it is there and a string.
    package func text(of name: String) -> String? {
        guard case .string(let text)? = value(of: name) else { return nil }
        return text
    }

    /// Appends the event as one flat JSON record, `event_type` first, without a line end.
    package func json(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: "{\"event_type\":".utf8)
        SampleEvent.append(type.name, to: &bytes)
        for (name, value) in values {
            bytes.append(UInt8(ascii: ","))
            SampleEvent.append(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            SampleEvent.append(value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func append(_ value: SampleValue, to bytes: inout [UInt8]) {
        switch value {
        case .string(let text): append(text, to: &bytes)
        case .int(let number): append(number, to: &bytes)
        case .double(let number): bytes.append(contentsOf: number.description.utf8)
        case .boolean(let isTrue): bytes.append(contentsOf: isTrue ? "true".utf8 : "false".utf8)
        case .strings(let texts):
            bytes.append(UInt8(ascii: "["))
            for (index, text) in texts.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(text, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(SampleText.hexDigit(UInt64(byte >> 4)))
                bytes.append(SampleText.hexDigit(UInt64(byte & 15)))
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        var rest = number.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes[start...].reverse()
    }
}
