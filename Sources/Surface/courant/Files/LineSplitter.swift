/// Cuts a stream of bytes into lines, whatever the sizes in which it comes.
///
/// Line ends are `\n` and `\r\n`; they are not part of the line. Empty lines are left out.
struct LineSplitter {
    private var rest: [UInt8] = []
    private let lineBytesMax: Int

    init(lineBytesMax: Int) {
        self.lineBytesMax = lineBytesMax
    }

    mutating func feed(_ bytes: some Collection<UInt8>, line: ([UInt8]) throws -> Void) throws {
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            rest.append(contentsOf: bytes[start..<end])
            try hand(to: line)
            start = bytes.index(after: end)
        }
        rest.append(contentsOf: bytes[start...])
        guard rest.count <= lineBytesMax else {
            throw CommandFailure(.badData, "A line is longer than \(Figures.bytes(lineBytesMax)); is this NDJSON?")
        }
    }

    /// Hands over the last line, if it had no line end.
    mutating func finish(line: ([UInt8]) throws -> Void) throws {
        try hand(to: line)
    }

    private mutating func hand(to line: ([UInt8]) throws -> Void) throws {
        if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        defer { rest.removeAll(keepingCapacity: true) }
        let isBlank = rest.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        if !isBlank { try line(rest) }
    }
}
