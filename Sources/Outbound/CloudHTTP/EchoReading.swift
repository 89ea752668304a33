internal import Platform

/// What may be meant by the bytes at a place of an answer: themselves, or what JSON, percent-encoding or XML escape so.
struct EchoReading {
    /// Of a reference of XML, without its `&`: a number may have zeros before it.
    private static let referenceBytesMax = 32
    private static let named: [String: UInt8] = [
        "amp": UInt8(ascii: "&"), "lt": UInt8(ascii: "<"), "gt": UInt8(ascii: ">"), "quot": UInt8(ascii: "\""),
        "apos": UInt8(ascii: "'"),
    ]
    /// What letters stand for after a backslash of JSON.
    private static let controls: [UInt8: UInt8] = [
        UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9, UInt8(ascii: "n"): 10, UInt8(ascii: "f"): 12,
        UInt8(ascii: "r"): 13,
    ]
    /// What anything but a byte that stands for itself begins with.
    static let beginnings = Set("%+&u".utf8).union(controls.keys)

    /// What is meant.
    let bytes: [UInt8]
    /// How many bytes of the answer mean it.
    let count: Int

    var isBackslash: Bool { bytes.count == 1 && bytes[0] == UInt8(ascii: "\\") }

    /// Every way to read what begins at `place`.
    static func all(at place: Int, of answer: [UInt8]) -> [EchoReading] {
        let byte = answer[place]
        let rest = answer[(place + 1)...]
        let escaped: EchoReading?
        switch byte {
        case UInt8(ascii: "%"): escaped = hex(rest, 2).map { EchoReading(bytes: $0, count: 3) }
        case UInt8(ascii: "+"): escaped = EchoReading(bytes: [UInt8(ascii: " ")], count: 1)
        case UInt8(ascii: "&"): escaped = reference(rest)
        case UInt8(ascii: "u"): escaped = units(rest)
        default: escaped = controls[byte].map { EchoReading(bytes: [$0], count: 1) }
        }
        return [EchoReading(bytes: [byte], count: 1)] + (escaped.map { [$0] } ?? [])
    }

    /// Reads `00e9`, or `d83d\ude00` with as many backslashes as there are: JSON's escape after its `\u`.
    private static func units(_ rest: ArraySlice<UInt8>) -> EchoReading? {
        guard let high = unit(rest) else { return nil }
        var (units, count) = ([high], 5)
        if UTF16.isLeadSurrogate(high) {
            let backslashes = rest.dropFirst(4).prefix(EchoedText.backslashesMax).prefix { $0 == UInt8(ascii: "\\") }
            let other = rest.dropFirst(4 + backslashes.count)
            if other.first == UInt8(ascii: "u"), let low = unit(other.dropFirst()) {
                units.append(low)
                count += backslashes.count + 5
            }
        }
        return EchoReading(bytes: Array(String(decoding: units, as: UTF16.self).utf8), count: count)
    }

    private static func unit(_ rest: ArraySlice<UInt8>) -> UInt16? {
        hex(rest, 4).map { UInt16($0[0]) << 8 | UInt16($0[1]) }
    }

    private static func hex(_ rest: ArraySlice<UInt8>, _ digits: Int) -> [UInt8]? {
        rest.count < digits ? nil : Hex.bytes(String(decoding: rest.prefix(digits), as: UTF8.self))
    }

    /// Reads `amp;`, `#97;`, `#x61;`.
    private static func reference(_ rest: ArraySlice<UInt8>) -> EchoReading? {
        guard let end = rest.prefix(referenceBytesMax).firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let name = String(decoding: rest[..<end], as: UTF8.self)
        let count = end - rest.startIndex + 2
        if let byte = named[name] { return EchoReading(bytes: [byte], count: count) }
        guard name.first == "#" else { return nil }
        let isHexadecimal = name.dropFirst().first?.lowercased() == "x"
        let value = UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10)
        guard let scalar = value.flatMap(Unicode.Scalar.init) else { return nil }
        return EchoReading(bytes: Array(String(scalar).utf8), count: count)
    }
}
