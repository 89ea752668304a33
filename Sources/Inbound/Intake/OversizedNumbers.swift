/// An event's numbers that are JSON but that simdjson cannot hold: integers past 64 bits, and what no double reaches.
///
/// For one of them simdjson refuses the whole event. So they are exchanged, in a copy of its text, for stand-ins that
/// it takes; whoever meets a stand-in asks here for the number that was sent.
struct OversizedNumbers {
    /// More than an event has; one with more of them is malformed.
    private static let max = 1 << 16

    /// The bits of the first stand-in: a double near 1.6e308 that nobody sends, since its digits were drawn once, here.
    private static let first: UInt64 = 0x7FEC_A6B1_93D5_0000

    private var texts: [String] = []

    var isEmpty: Bool { texts.isEmpty }

    /// The number that was sent, where `value` is a stand-in; nil: it is itself.
    func text(for value: Double) -> String? {
        let place = value.bitPattern &- Self.first
        return place < UInt64(texts.count) ? texts[Int(place)] : nil
    }

    /// A copy of an event's text with a stand-in for each number too large; nil where it has none.
    mutating func exchange(in text: UnsafeBufferPointer<UInt8>) -> Body? {
        texts.removeAll()
        var copy = Body(capacity: text.count)
        var copied = 0
        var at = 0
        while at < text.count {
            let byte = unsafe text[at]
            if byte == UInt8(ascii: "\"") {
                at = unsafe Self.endOfString(at, in: text)
            } else if byte == UInt8(ascii: "-") || Self.isDigit(byte) {
                let end = unsafe Self.endOfNumber(at, in: text)
                if unsafe Self.isOversized(UnsafeBufferPointer(rebasing: text[at..<end])) {
                    guard texts.count < Self.max else { return nil }
                    unsafe copy.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text)[copied..<at]))
                    var standIn = "\(Double(bitPattern: Self.first + UInt64(texts.count)))"
                    standIn.withUTF8 { digits in unsafe copy.append(UnsafeRawBufferPointer(digits)) }
                    texts.append(unsafe String(decoding: text[at..<end], as: UTF8.self))
                    copied = end
                }
                at = end
            } else {
                at += 1
            }
        }
        guard !texts.isEmpty else { return nil }
        unsafe copy.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text)[copied...]))
        return copy
    }

    private static func endOfString(_ start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
        var at = start + 1
        while at < text.count {
            let byte = unsafe text[at]
            at += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { break }
        }
        return at
    }

    private static func endOfNumber(_ start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
        var at = start + 1
        while at < text.count {
            switch unsafe text[at] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                at += 1
            default: return at
            }
        }
        return at
    }

    /// Whether a word is a number by JSON's grammar, and too large.
    private static func isOversized(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        var at = unsafe word[0] == UInt8(ascii: "-") ? 1 : 0
        func digits() -> Int {
            let start = at
            while at < word.count, unsafe isDigit(word[at]) { at += 1 }
            return at - start
        }
        let startsWithZero = unsafe at < word.count && word[at] == UInt8(ascii: "0")
        let whole = digits()
        guard whole == 1 || (whole > 1 && !startsWithZero) else { return false }
        if at == word.count {
            // 18 digits fit into 64 bits, whatever they are.
            guard whole > 18 else { return false }
            let text = unsafe String(decoding: word, as: UTF8.self)
            return Int64(text) == nil && UInt64(text) == nil
        }
        if unsafe word[at] == UInt8(ascii: ".") {
            at += 1
            guard digits() > 0 else { return false }
        }
        if at < word.count {
            guard unsafe word[at] == UInt8(ascii: "e") || word[at] == UInt8(ascii: "E") else { return false }
            at += 1
            if at < word.count, unsafe word[at] == UInt8(ascii: "+") || word[at] == UInt8(ascii: "-") { at += 1 }
            guard digits() > 0, at == word.count else { return false }
        }
        return unsafe Double(String(decoding: word, as: UTF8.self))?.isInfinite ?? false
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}
