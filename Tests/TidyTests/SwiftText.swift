/// A Swift file read three ways, line by line: as written, as bare code (comments and the insides of literals
/// blanked), and as comments alone.
///
/// Rules that look for a call read the code, so that a word in a sentence or a string is never taken for one.
///
/// The scanner knows line and nested block comments, plain, raw and multi-line strings with interpolation,
/// and regex literals on one line. It need not be a Swift parser: what it misreads, a test would show.
struct SwiftText {
    let lines: [String]
    let code: [String]
    let comments: [String]

    init(_ text: String) {
        var scanner = Scanner(bytes: Array(text.utf8))
        scanner.run()
        lines = Self.split(scanner.bytes)
        code = Self.split(scanner.code)
        comments = Self.split(scanner.comments)
    }

    /// How many columns of a line are the insides of literals, quotes included, blanks not.
    func literalColumns(_ index: Int) -> Int {
        let seen = (code[index] + comments[index]).count { !$0.isWhitespace }
        return lines[index].count { !$0.isWhitespace } - seen
    }

    private static func split(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}

/// Walks the bytes once and copies each into the view that it belongs to; the other view gets a blank.
private struct Scanner {
    let bytes: [UInt8]
    var code: [UInt8]
    var comments: [UInt8]
    var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        let blank = bytes.map { $0 == UInt8(ascii: "\n") ? $0 : UInt8(ascii: " ") }
        code = blank
        comments = blank
    }

    mutating func run() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "/"): slash()
            case UInt8(ascii: "\""), UInt8(ascii: "#"):
                if let hashes = openingQuote() { string(hashes: hashes) } else { take() }
            default: take()
            }
        }
    }

    private mutating func slash() {
        if starts("//") {
            lineComment()
        } else if starts("/*") {
            blockComment()
        } else if startsRegex() {
            regex()
        } else {
            take()
        }
    }

    private func starts(_ word: String) -> Bool {
        guard position + word.utf8.count <= bytes.count else { return false }
        return word.utf8.elementsEqual(bytes[position..<position + word.utf8.count])
    }

    private func byte(_ offset: Int) -> UInt8? {
        let index = position + offset
        return bytes.indices.contains(index) ? bytes[index] : nil
    }

    private mutating func take() {
        code[position] = bytes[position]
        position += 1
    }

    private mutating func lineComment() {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
            comments[position] = bytes[position]
            position += 1
        }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            let step = starts("/*") ? 1 : starts("*/") ? -1 : 0
            depth += step
            for _ in 0..<(step == 0 ? 1 : 2) where position < bytes.count {
                comments[position] = bytes[position]
                position += 1
            }
        } while depth > 0 && position < bytes.count
    }

    /// The number of `#` before a quote that stands here, or nil where no string begins.
    private func openingQuote() -> Int? {
        var hashes = 0
        while byte(hashes) == UInt8(ascii: "#") { hashes += 1 }
        return byte(hashes) == UInt8(ascii: "\"") ? hashes : nil
    }

    private func closes(quotes: Int, hashes: Int) -> Bool {
        for index in 0..<quotes where byte(index) != UInt8(ascii: "\"") { return false }
        for index in 0..<hashes where byte(quotes + index) != UInt8(ascii: "#") { return false }
        return true
    }

    private func escapes(hashes: Int) -> Bool {
        guard byte(0) == UInt8(ascii: "\\") else { return false }
        for index in 0..<hashes where byte(1 + index) != UInt8(ascii: "#") { return false }
        return true
    }

    private mutating func string(hashes: Int) {
        position += hashes
        let quotes = starts("\"\"\"") ? 3 : 1
        position += quotes
        while position < bytes.count {
            if closes(quotes: quotes, hashes: hashes) {
                position += quotes + hashes
                return
            }
            if quotes == 1, bytes[position] == UInt8(ascii: "\n") { return }
            guard escapes(hashes: hashes) else {
                position += 1
                continue
            }
            position += 1 + hashes
            if byte(0) == UInt8(ascii: "(") { interpolation() } else { position += 1 }
        }
    }

    /// What stands between the parentheses counts as part of the string, strings inside it included.
    private mutating func interpolation() {
        var depth = 0
        while position < bytes.count {
            if let hashes = openingQuote() {
                string(hashes: hashes)
                continue
            }
            if bytes[position] == UInt8(ascii: "(") { depth += 1 }
            if bytes[position] == UInt8(ascii: ")") { depth -= 1 }
            position += 1
            if depth == 0 { return }
        }
    }

    /// A slash begins a regex where a value may begin and another slash closes it on the same line.
    private func startsRegex() -> Bool {
        guard byte(0) == UInt8(ascii: "/"), let next = byte(1), !" \n\t".utf8.contains(next) else { return false }
        let before = code[..<position].last { $0 != UInt8(ascii: " ") } ?? UInt8(ascii: "\n")
        guard "(,=:[{&|!?\n".utf8.contains(before) else { return false }
        return regexEnd() != nil
    }

    private func regexEnd() -> Int? {
        var index = position + 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") {
            if bytes[index] == UInt8(ascii: "/") { return index }
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private mutating func regex() {
        position = (regexEnd() ?? position) + 1
    }
}
