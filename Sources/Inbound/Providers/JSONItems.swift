internal import Avro

/// The items of a JSON array as they stand in a body, found by quotes and brackets alone.
///
/// So an item that is malformed costs nobody but itself, and its bytes can be kept as they came. An object that stands
/// alone is taken for an array's only item.
struct JSONItems: Sendable {
    /// SendGrid's largest body has some 4,000.
    static let itemsMax = 20_000

    private(set) var items: [ArraySlice<UInt8>] = []
    /// What is left where the body is no array, ends in the middle of one, or has more than `itemsMax` items.
    private(set) var rest: ArraySlice<UInt8>?

    init(of body: [UInt8]) {
        let text = Self.trimmed(body[...])
        switch text.first {
        case UInt8(ascii: "{"): items = [text]
        case UInt8(ascii: "["): split(text.dropFirst())
        default: rest = body[...]
        }
    }

    /// What SQLite keeps of a text ends at its first U+0000: it would name another user or message.
    static let noNUL = "a text with the character U+0000"

    /// The value of one item.
    static func value(of item: ArraySlice<UInt8>) throws(ProviderError) -> JSONValue {
        guard let text = String(validating: item, as: UTF8.self) else {
            throw ProviderError(.strange, "not UTF-8")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw ProviderError(.strange, "not JSON: \(error.message)")
        }
        guard !hasNUL(value) else { throw ProviderError(.strange, noNUL) }
        return value
    }

    private static func hasNUL(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .boolean, .number: false
        case .string(let text): text.utf8.contains(0)
        case .array(let items): items.contains(where: hasNUL)
        case .object(let members): members.contains { $0.key.utf8.contains(0) || hasNUL($0.value) }
        }
    }

    private mutating func split(_ text: ArraySlice<UInt8>) {
        var start = text.startIndex
        var depth = 0
        var isQuoted = false
        var index = start
        while index < text.endIndex {
            let byte = text[index]
            if isQuoted {
                if byte == UInt8(ascii: "\\") { index += 1 } else if byte == UInt8(ascii: "\"") { isQuoted = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isQuoted = true
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]") where depth == 0:
                    let last = Self.trimmed(text[start..<index])
                    if !last.isEmpty || !items.isEmpty { items.append(last) }
                    let after = Self.trimmed(text[(index + 1)...])
                    rest = after.isEmpty ? nil : after
                    return
                case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= depth > 0 ? 1 : 0
                case UInt8(ascii: ",") where depth == 0:
                    items.append(Self.trimmed(text[start..<index]))
                    start = index + 1
                    if items.count == Self.itemsMax {
                        rest = text[start...]
                        return
                    }
                default: break
                }
            }
            index += 1
        }
        rest = text[start...]
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let front = text.drop(while: isSpace)
        return front[..<(front.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? front.startIndex)]
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }
}
