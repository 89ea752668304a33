/// Whether bytes are JSON, without building anything from them.
enum JSONSyntax {
    /// The deepest nesting that is taken: one bit of a word for each level.
    static let depthMax = 64

    private enum Expected {
        case value
        case valueOrEnd
        case key
        case keyOrEnd
        case commaOrEnd
    }

    /// Whether the bytes are one JSON object, nested at most `depthMax` deep.
    static func isObject(_ text: Span<UInt8>) -> Bool {
        var position = 0
        skipBlanks(text, &position)
        guard position < text.count, text[position] == UInt8(ascii: "{") else { return false }
        var objects: UInt64 = 0
        var depth = 0
        var expected = Expected.value
        while position < text.count {
            guard step(text, &position, &objects, &depth, &expected) else { return false }
            skipBlanks(text, &position)
            if depth == 0 { return position == text.count }
        }
        return false
    }

    /// Takes one token; false when it is not one that may stand here.
    private static func step(
        _ text: Span<UInt8>,
        _ position: inout Int,
        _ objects: inout UInt64,
        _ depth: inout Int,
        _ expected: inout Expected
    ) -> Bool {
        let byte = text[position]
        let isInObject = objects & 1 == 1
        switch (byte, expected) {
        case (UInt8(ascii: "{"), .value), (UInt8(ascii: "{"), .valueOrEnd):
            expected = .keyOrEnd
            return open(isObject: true, &position, &objects, &depth)
        case (UInt8(ascii: "["), .value), (UInt8(ascii: "["), .valueOrEnd):
            expected = .valueOrEnd
            return open(isObject: false, &position, &objects, &depth)
        case (UInt8(ascii: "}"), .keyOrEnd), (UInt8(ascii: "]"), .valueOrEnd):
            return close(&position, &objects, &depth, &expected)
        case (UInt8(ascii: "}"), .commaOrEnd):
            return isInObject && close(&position, &objects, &depth, &expected)
        case (UInt8(ascii: "]"), .commaOrEnd):
            return !isInObject && close(&position, &objects, &depth, &expected)
        case (UInt8(ascii: ","), .commaOrEnd):
            expected = isInObject ? .key : .value
            position += 1
            return true
        case (UInt8(ascii: "\""), .key), (UInt8(ascii: "\""), .keyOrEnd):
            guard takeString(text, &position) else { return false }
            skipBlanks(text, &position)
            guard position < text.count, text[position] == UInt8(ascii: ":") else { return false }
            expected = .value
            position += 1
            return true
        case (_, .value), (_, .valueOrEnd):
            expected = .commaOrEnd
            return takeScalar(text, &position)
        default:
            return false
        }
    }

    private static func open(
        isObject: Bool,
        _ position: inout Int,
        _ objects: inout UInt64,
        _ depth: inout Int
    ) -> Bool {
        guard depth < depthMax else { return false }
        depth += 1
        objects = objects &<< 1 | (isObject ? 1 : 0)
        position += 1
        return true
    }

    private static func close(
        _ position: inout Int,
        _ objects: inout UInt64,
        _ depth: inout Int,
        _ expected: inout Expected
    ) -> Bool {
        depth -= 1
        objects &>>= 1
        position += 1
        expected = .commaOrEnd
        return true
    }

    private static func skipBlanks(_ text: Span<UInt8>, _ position: inout Int) {
        while position < text.count {
            let byte = text[position]
            guard byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return }
            position += 1
        }
    }

    private static func takeScalar(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        switch text[position] {
        case UInt8(ascii: "\""): takeString(text, &position)
        case UInt8(ascii: "t"): takeLiteral("true", text, &position)
        case UInt8(ascii: "f"): takeLiteral("false", text, &position)
        case UInt8(ascii: "n"): takeLiteral("null", text, &position)
        default: takeNumber(text, &position)
        }
    }

    private static func takeLiteral(_ literal: StaticString, _ text: Span<UInt8>, _ position: inout Int) -> Bool {
        guard position + literal.utf8CodeUnitCount <= text.count else { return false }
        for index in 0..<literal.utf8CodeUnitCount {
            guard unsafe literal.utf8Start[index] == text[position] else { return false }
            position += 1
        }
        return true
    }

    private static func takeString(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        position += 1
        while position < text.count {
            let byte = text[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return true }
            guard byte >= 0x20 else { return false }
            if byte == UInt8(ascii: "\\") {
                guard takeEscape(text, &position) else { return false }
            }
        }
        return false
    }

    private static func takeEscape(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        guard position < text.count else { return false }
        let byte = text[position]
        position += 1
        switch byte {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return true  // " \ / b f n r t
        case 0x75:  // u
            guard position + 4 <= text.count else { return false }
            for _ in 0..<4 {
                let digit = text[position]
                guard digit &- 0x30 < 10 || (digit | 0x20) &- 0x61 < 6 else { return false }
                position += 1
            }
            return true
        default: return false
        }
    }

    private static func takeNumber(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        if text[position] == UInt8(ascii: "-") { position += 1 }
        let start = position
        guard takeDigits(text, &position) else { return false }
        if text[start] == 0x30, position > start + 1 { return false }
        if position < text.count, text[position] == UInt8(ascii: ".") {
            position += 1
            guard takeDigits(text, &position) else { return false }
        }
        if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < text.count, text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
                position += 1
            }
            return takeDigits(text, &position)
        }
        return true
    }

    /// Takes at least one digit.
    private static func takeDigits(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        let start = position
        while position < text.count, text[position] &- 0x30 < 10 { position += 1 }
        return position > start
    }
}
