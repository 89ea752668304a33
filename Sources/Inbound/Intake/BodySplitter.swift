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

    private mutating func lines() throws(BodyError) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start = 0
        while unsafe start < text.count {
            var end = start
            while unsafe end < text.count && text[end] != UInt8(ascii: "\n") { end += 1 }
            let line = trimmed(start..<end)
            if !line.isEmpty { try add(line, to: &found) }
            start = end + 1
        }
        return found
    }

    private func add(_ event: Range<Int>, to found: inout [Range<Int>]) throws(BodyError) {
        guard found.count < eventsMax else {
            throw BodyError(
                status: 413,
                code: "too_many_events",
                message: "the body has more than \(eventsMax) events; send fewer at a time"
            )
        }
        found.append(event)
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
        at += 1
        var events: [Range<Int>]?
        skipSpace()
        while peek != UInt8(ascii: "}") {
            let key = try value()
            skipSpace()
            guard peek == UInt8(ascii: ":") else { throw broken() }
            at += 1
            skipSpace()
            if spells(key, "\"events\"") && peek == UInt8(ascii: "[") {
                guard events == nil else { throw .notJSON("\"events\" is given twice") }
                events = try items()
            } else {
                _ = try value()
            }
            skipSpace()
            if peek == UInt8(ascii: ",") {
                at += 1
                skipSpace()
            } else if peek != UInt8(ascii: "}") {
                throw broken()
            }
        }
        at += 1
        try expectEnd()
        guard let events else { throw .notJSON("the body has no array \"events\"") }
        return events
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
            try add(try value(), to: &found)
            skipSpace()
            let next = peek
            at += 1
            if next == UInt8(ascii: "]") { return found }
            guard next == UInt8(ascii: ",") else { throw broken() }
            skipSpace()
        }
    }

    /// Passes over one value: a string, an object or array with what is in it, or a bare word up to a delimiter.
    private mutating func value() throws(BodyError) -> Range<Int> {
        let start = at
        var depth = 0
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                try skipString()
                if depth == 0 { return start..<at }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 {
                    guard at > start else { throw broken() }
                    return start..<at
                }
                depth -= 1
                if depth == 0 {
                    at += 1
                    return start..<at
                }
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x09, 0x0A, 0x0D, 0x20:
                if depth == 0 {
                    guard at > start else { throw broken() }
                    return start..<at
                }
            default: break
            }
            at += 1
        }
        guard depth == 0 && at > start else { throw broken() }
        return start..<at
    }

    private mutating func skipString() throws(BodyError) {
        at += 1
        while let byte = peek {
            at += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        throw broken()
    }

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

    private func spells(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        return range.indices.allSatisfy { unsafe text[$0] == word.utf8Start[$0 - range.lowerBound] }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}

/// How events lie in a body.
enum BodyShape {
    /// One object or an array of them.
    case flat
    /// One object on each line.
    case lines
    /// `{"events":[…]}`.
    case envelope
}
