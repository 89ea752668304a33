extension JSONValue {
    /// Levels of nesting that the parser follows.
    public static let depthMax = 128
    /// Values that the parser takes in one text; a schema of a thousand fields has some five thousand.
    public static let valuesMax = 1 << 18

    /// Parses one JSON text (RFC 8259).
    ///
    /// A doubled key is refused, since readers disagree on which one counts.
    public init(parsing text: String) throws(AvroError) {
        var parser = JSONParser(bytes: Array(text.utf8))
        self = try parser.document()
    }
}

/// A recursive-descent parser over UTF-8 that is known to be valid, since it comes from a `String`.
private struct JSONParser {
    let bytes: [UInt8]
    var position = 0
    var values = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(AvroError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure("text after the end of the JSON value") }
        return value
    }

    private func failure(_ message: String) -> AvroError {
        AvroError(.json, message, at: Int64(position))
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let next, next == character.value else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(AvroError) -> JSONValue {
        values += 1
        guard values <= JSONValue.valuesMax else { throw failure("more than \(JSONValue.valuesMax) values") }
        guard depth < JSONValue.depthMax else { throw failure("nested deeper than \(JSONValue.depthMax) levels") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .boolean(true))
        case UInt8(ascii: "f"): return try literal("false", .boolean(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case nil: throw failure("the JSON text ends where a value should stand")
        default: return try number()
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(AvroError) -> JSONValue {
        let expected = Array("\(text)".utf8)
        guard bytes[position...].starts(with: expected) else { throw failure("not a JSON value") }
        position += expected.count
        return value
    }

    private mutating func array(depth: Int) throws(AvroError) -> JSONValue {
        position += 1
        var items: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(items) }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(items) }
            guard take(",") else { throw failure("an array needs ',' or ']' here") }
        }
    }

    private mutating func object(depth: Int) throws(AvroError) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        // By their bytes: keys that differ only by Unicode normalisation are two.
        var keys: Set<[UInt8]> = []
        skipSpace()
        if take("}") { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("an object needs a key in quotes here") }
            let key = try string()
            guard keys.insert(Array(key.utf8)).inserted else {
                throw failure("the key '\(String(key.unicodeScalars.prefix(60)))' stands twice")
            }
            skipSpace()
            guard take(":") else { throw failure("a key needs ':' after it") }
            members.append(.init(key, try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw failure("an object needs ',' or '}' here") }
        }
    }

    private mutating func number() throws(AvroError) -> JSONValue {
        let start = position
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() throws(AvroError) {
        let start = position
        while let digit = next, (0x30...0x39).contains(digit) { position += 1 }
        guard position > start else { throw failure("not a JSON value") }
    }

    private mutating func string() throws(AvroError) -> String {
        position += 1
        // What stands before the last escape; the rest is copied at once.
        var text = ""
        var begun = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return text + String(decoding: bytes[begun..<position - 1], as: UTF8.self)
            case UInt8(ascii: "\\"):
                text += String(decoding: bytes[begun..<position], as: UTF8.self)
                position += 1
                text.unicodeScalars.append(try escape())
                begun = position
            case 0..<0x20:
                throw failure("a control character stands bare in a string")
            default:
                position += 1
            }
        }
        throw failure("a string does not end")
    }

    private mutating func escape() throws(AvroError) -> Unicode.Scalar {
        guard let byte = next else { throw failure("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw failure("an unknown escape in a string")
        }
    }

    private mutating func unicodeEscape() throws(AvroError) -> Unicode.Scalar {
        let high = try hexadecimal()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard high < 0xDC00, take("\\"), take("u") else { throw failure("half a surrogate pair in a string") }
        let low = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        else { throw failure("half a surrogate pair in a string") }
        return scalar
    }

    private mutating func hexadecimal() throws(AvroError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("an escape needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
