/// Finds each event's extent in a body by quotes and depth alone, so that one event that does not parse costs no other.
///
/// It runs when parsing the whole fails, when a body is larger than an event may be, and when raw bytes are wanted.
@safe
struct BodySplitter {
    private let text: UnsafeBufferPointer<UInt8>
    private let eventsMax: Int
    private var at = 0

    private init(_ text: UnsafeBufferPointer<UInt8>, eventsMax: Int) {
        unsafe self.text = unsafe text
        self.eventsMax = eventsMax
    }

    /// The extents of a body's events, in order; 413 where there are more than `eventsMax`.
    static func extents(
        of text: UnsafeBufferPointer<UInt8>,
        shape: BodyShape,
        eventsMax: Int
    ) throws(BodyError) -> [Range<Int>] {
        var splitter = unsafe BodySplitter(text, eventsMax: eventsMax)
        switch shape {
        case .lines: return try splitter.lines()
        case .envelope: return try splitter.envelope()
        case .flat:
            splitter.skipSpace()
            guard splitter.peek == UInt8(ascii: "[") else {
                let value = try splitter.value()
                try splitter.expectEnd()
                return [value]
            }
            let items = try splitter.items()
            try splitter.expectEnd()
            return items
        }
    }

    /// The extent of the string under `key` in the object that a text is, quotes included; nil where none is found.
    static func string(under key: StaticString, in text: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var splitter = unsafe BodySplitter(text, eventsMax: 0)
        var found: Range<Int>?
        do throws(BodyError) {
            splitter.skipSpace()
            guard splitter.peek == UInt8(ascii: "{") else { return nil }
            try splitter.members { (splitter, name) throws(BodyError) in
                let isString = splitter.peek == UInt8(ascii: "\"")
                let value = try splitter.value()
                if isString && found == nil && splitter.spells(name, key) { found = value }
            }
            return found
        } catch {
            return found
        }
    }

    private mutating func lines() throws(BodyError) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start = 0
        while unsafe start < text.count {
            var end = start
            while unsafe end < text.count && text[end] != UInt8(ascii: "\n") { end += 1 }
            let line = trimmed(start..<end)
            if !line.isEmpty {
                guard found.count < eventsMax else { throw .tooManyEvents(eventsMax) }
                found.append(line)
            }
            start = end + 1
        }
        return found
    }

    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var low = range.lowerBound
        var high = range.upperBound
        while unsafe low < high && Self.isSpace(text[low]) { low += 1 }
        while unsafe low < high && Self.isSpace(text[high - 1]) { high -= 1 }
        return low..<high
    }

    /// `{"events":[…], …}`; other keys are passed over.
    private mutating func envelope() throws(BodyError) -> [Range<Int>] {
        skipSpace()
        guard peek == UInt8(ascii: "{") else { throw .notJSON("the body is not an object {\"events\":[…]}") }
        var events: [Range<Int>]?
        try members { (splitter, key) throws(BodyError) in
            if splitter.spells(key, "events") && splitter.peek == UInt8(ascii: "[") {
                guard events == nil else { throw .notJSON("\"events\" is given twice") }
                events = try splitter.items()
            } else {
                _ = try splitter.value()
            }
        }
        try expectEnd()
        guard let events else { throw .notJSON("the body has no array \"events\"") }
        return events
    }

    /// Passes over the object that begins here; `pass` is called at each member's value, which it passes over.
    private mutating func members(
        _ pass: (_ splitter: inout BodySplitter, _ key: Range<Int>) throws(BodyError) -> Void
    ) throws(BodyError) {
        at += 1
        skipSpace()
        while peek != UInt8(ascii: "}") {
            let key = try value()
            skipSpace()
            guard peek == UInt8(ascii: ":") else { throw broken() }
            at += 1
            skipSpace()
            try pass(&self, key)
            skipSpace()
            if peek == UInt8(ascii: ",") {
                at += 1
                skipSpace()
            } else if peek != UInt8(ascii: "}") {
                throw broken()
            }
        }
        at += 1
    }

    /// The items of the array that begins here.
    private mutating func items() throws(BodyError) -> [Range<Int>] {
        at += 1
        var found: [Range<Int>] = []
        skipSpace()
        if peek == UInt8(ascii: "]") {
            at += 1
            return found
        }
        while true {
            guard found.count < eventsMax else { throw .tooManyEvents(eventsMax) }
            let start = at
            let index = found.count
            do throws(BodyError) {
                found.append(try value())
                skipSpace()
                guard let next = peek, next == UInt8(ascii: ",") || next == UInt8(ascii: "]") else { throw broken() }
                at += 1
                if next == UInt8(ascii: "]") { return found }
                skipSpace()
            } catch {
                throw unsafe .notJSON(
                    "the body is not JSON: event \(index), counted from 0, begins at byte \(start) and goes "
                        + "astray, at the latest by byte \(min(at, text.count)). Look there for a quote or bracket too "
                        + "many or too few"
                )
            }
        }
    }

    /// Passes over one value: a string, an object or array with what is in it, or a bare word up to a delimiter.
    private mutating func value() throws(BodyError) -> Range<Int> {
        let start = at
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                try skipString()
                return start..<at
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                try skipNested()
                return start..<at
            case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: ":"), 0x09, 0x0A, 0x0D, 0x20:
                guard at > start else { throw broken() }
                return start..<at
            default: at += 1
            }
        }
        guard at > start else { throw broken() }
        return start..<at
    }

    /// Passes over the object or array that begins here; outside of strings only brackets count.
    private mutating func skipNested() throws(BodyError) {
        var depth = 0
        repeat {
            skip { word in
                // Braces are brackets with one bit set.
                let folded = word | Self.each(0x20)
                return Self.matches(word, UInt8(ascii: "\"")) | Self.matches(folded, UInt8(ascii: "{"))
                    | Self.matches(folded, UInt8(ascii: "}"))
            }
            guard let byte = peek else { throw broken() }
            if byte == UInt8(ascii: "\"") {
                try skipString()
            } else {
                depth += byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") ? 1 : -1
                at += 1
            }
        } while depth > 0
    }

    private mutating func skipString() throws(BodyError) {
        at += 1
        while true {
            skip { Self.matches($0, UInt8(ascii: "\"")) | Self.matches($0, UInt8(ascii: "\\")) }
            guard let byte = peek else { throw broken() }
            if byte == UInt8(ascii: "\"") {
                at += 1
                return
            }
            at += 2
        }
    }

    // MARK: - Eight bytes at a time

    /// Passes over what comes before the first byte that `marks` finds, or over all that is left.
    ///
    /// Most bytes of a body are neither quote nor bracket: a byte at a time, they cost a third of taking its events in.
    @inline(__always)
    private mutating func skip(to marks: (UInt64) -> UInt64) {
        while unsafe at + 8 <= text.count {
            let word = unsafe UnsafeRawBufferPointer(text).loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let found = marks(word.littleEndian)
            if found != 0 {
                at += found.trailingZeroBitCount / 8
                return
            }
            at += 8
        }
        // Filled up with zeros, which nothing looks for.
        var word: UInt64 = 0
        let left = unsafe max(0, text.count - at)
        for index in 0..<left { word |= unsafe UInt64(text[at + index]) << UInt64(8 * index) }
        let found = marks(word)
        at += found == 0 ? left : found.trailingZeroBitCount / 8
    }

    /// The high bit of each byte of the word that is that one; above the first it may be set for others too.
    @inline(__always)
    private static func matches(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let difference = word ^ each(byte)
        return (difference &- each(0x01)) & ~difference & each(0x80)
    }

    @inline(__always)
    private static func each(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    // MARK: -

    private mutating func expectEnd() throws(BodyError) {
        skipSpace()
        guard unsafe at >= text.count else { throw broken() }
    }

    private func broken() -> BodyError {
        let near = unsafe min(at, text.count)
        return .notJSON(
            "the body is not JSON: it breaks off or goes astray near byte \(near). Several events are an "
                + "array, or a line each with Content-Type application/x-ndjson"
        )
    }

    private var peek: UInt8? { unsafe at < text.count ? text[at] : nil }

    private mutating func skipSpace() {
        while let byte = peek, Self.isSpace(byte) { at += 1 }
    }

    /// Whether a string's extent, quotes included, spells a word of letters: each as itself or as `\u00xx`.
    private func spells(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard unsafe text[range.lowerBound] == UInt8(ascii: "\"") else { return false }
        var at = range.lowerBound + 1
        let end = range.upperBound - 1
        for index in 0..<word.utf8CodeUnitCount {
            let letter = unsafe word.utf8Start[index]
            if at < end, unsafe text[at] == letter {
                at += 1
                continue
            }
            guard at + 6 <= end, unsafe text[at] == UInt8(ascii: "\\"), unsafe text[at + 1] == UInt8(ascii: "u"),
                unsafe Int(String(decoding: text[(at + 2)..<(at + 6)], as: UTF8.self), radix: 16) == Int(letter)
            else { return false }
            at += 6
        }
        return at == end
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}

/// How events lie in a body.
package enum BodyShape: Sendable {
    /// One object or an array of them.
    case flat
    /// One object on each line.
    case lines
    /// `{"events":[…]}`.
    case envelope
}
