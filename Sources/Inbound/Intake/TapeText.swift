import Platform

/// Writes a value of a tape as compact JSON.
enum TapeText {
    /// Appends the value at `index`.
    ///
    /// Numbers come out as their shortest text that reads back the same, those too large for the tape as they were
    /// sent.
    static func append(_ index: Int, of tape: Tape, _ oversized: OversizedNumbers, to text: inout [UInt8]) {
        switch unsafe tape.tag(index) {
        case Tape.Tag.string: unsafe append(quoted: tape.text(index), to: &text)
        case Tape.Tag.integer:
            let value = unsafe tape.integer(index)
            if value < 0 { text.append(UInt8(ascii: "-")) }
            append(value.magnitude, to: &text)
        case Tape.Tag.unsigned: unsafe append(UInt64(bitPattern: tape.integer(index)), to: &text)
        case Tape.Tag.double:
            let value = unsafe tape.double(index)
            text.append(contentsOf: (oversized.text(for: value) ?? "\(value)").utf8)
        case Tape.Tag.yes: text.append(contentsOf: "true".utf8)
        case Tape.Tag.no: text.append(contentsOf: "false".utf8)
        case Tape.Tag.null: text.append(contentsOf: "null".utf8)
        default: unsafe append(container: index, of: tape, oversized, to: &text)
        }
    }

    /// Digit by digit: a String of more than 15 would be allocated.
    private static func append(_ value: UInt64, to text: inout [UInt8]) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// Depth is bounded by the parser, which refuses more than 1,024 levels.
    private static func append(
        container index: Int,
        of tape: Tape,
        _ oversized: OversizedNumbers,
        to text: inout [UInt8]
    ) {
        let isObject = unsafe tape.tag(index) == Tape.Tag.object
        text.append(isObject ? Tape.Tag.object : Tape.Tag.array)
        var at = index + 1
        let close = unsafe tape.close(of: index)
        while at < close {
            if at > index + 1 { text.append(UInt8(ascii: ",")) }
            if isObject {
                unsafe append(quoted: tape.text(at), to: &text)
                text.append(UInt8(ascii: ":"))
                at += 1
            }
            unsafe append(at, of: tape, oversized, to: &text)
            at = unsafe tape.after(at)
        }
        text.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
    }

    /// Appends `string` in quotes, escaping what JSON needs escaped and nothing else.
    static func append(quoted string: UnsafeBufferPointer<UInt8>, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for index in string.indices {
            let byte = unsafe string[index]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0..<0x20:
                text.append(contentsOf: "\\u00".utf8)
                text.append(Hex.digit(byte >> 4))
                text.append(Hex.digit(byte & 15))
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    static func append(quoted string: String, to text: inout [UInt8]) {
        var string = string
        string.withUTF8 { bytes in unsafe append(quoted: bytes, to: &text) }
    }
}
