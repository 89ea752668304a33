import Avro

/// The events of one file, whatever its form: NDJSON, other JSON, or an Avro object container file.
///
/// The form is found from the first bytes, not from the name. Reading is in pieces; a file of any size takes the same
/// memory.
final class EventFile {
    /// How the bytes hold the events.
    private enum Form {
        case lines(LineSplitter)
        case values(ValueSplitter)
        case records(RecordReader)
    }

    private let source: AvroFileSource
    private var form: Form
    private var waiting: [[UInt8]] = []
    private var waitingFrom = 0
    private var isAtEnd = false
    /// Whether the bytes end inside the array of the events.
    private var isCut = false
    private var handedOut = 0
    /// The first event of the next batch, which was looked at already.
    private var held: [UInt8]?

    /// Far above the server's limit for one event, so that the server names the ones that are too large.
    private static let eventBytesMax = 64 * 1024 * 1024
    private static let chunkBytes = 256 * 1024
    /// Enough to see whether the first line is a whole value.
    private static let peekBytes = 64 * 1024

    init(path: String) throws {
        source = try AvroFileSource(path: path)
        let head = try source.peek(Self.peekBytes)
        if head.starts(with: RecordReader.magic) {
            form = .records(try RecordReader(source))
        } else if Self.isLines(head) {
            form = .lines(LineSplitter(lineBytesMax: Self.eventBytesMax))
        } else {
            form = .values(ValueSplitter(valueBytesMax: Self.eventBytesMax))
        }
    }

    var origin: String { source.path }
    var size: Int? { source.size }
    var position: Int { source.position }

    /// The next events of one form, at most `eventsMax` and about `bytesMax` together; nil at the end.
    ///
    /// Throws behind the last one where the array that they stand in was never closed: others may be missing.
    func nextBatch(eventsMax: Int, bytesMax: Int) throws -> EventBatch? {
        guard var event = try held ?? next() else {
            guard !isCut else {
                let events = Figures.count(handedOut, "event")
                throw CommandFailure(
                    .badData,
                    "\(origin) is cut off: its array of events has no end. \(events) stood before; others may be missing."
                )
            }
            return nil
        }
        held = nil
        var batch = EventBatch(origin: origin, first: handedOut, form: EventForm(event))
        while true {
            batch.append(event)
            guard batch.count < eventsMax, batch.body.count < bytesMax, let following = try next() else { break }
            guard EventForm(following) == batch.form else {
                held = following
                break
            }
            event = following
        }
        handedOut += batch.count
        return batch
    }

    /// The next event as one line of JSON; nil at the end.
    func next() throws -> [UInt8]? {
        while waitingFrom == waiting.count {
            guard !isAtEnd else { return nil }
            waiting.removeAll(keepingCapacity: true)
            waitingFrom = 0
            try readMore()
        }
        defer { waitingFrom += 1 }
        return waiting[waitingFrom]
    }

    private func readMore() throws {
        switch form {
        case .records(let reader):
            guard let datum = try reader.next() else {
                isAtEnd = true
                return
            }
            var line: [UInt8] = []
            Self.event(datum, type: reader.typeName).appendJSON(to: &line)
            waiting.append(line)
        case .lines(var splitter):
            form = .values(ValueSplitter(valueBytesMax: 0))
            let chunk = try source.read(atMost: Self.chunkBytes)
            isAtEnd = chunk.isEmpty
            if isAtEnd {
                try splitter.finish { waiting.append($0) }
            } else {
                try splitter.feed(chunk) { waiting.append($0) }
            }
            form = .lines(splitter)
        case .values(var splitter):
            form = .lines(LineSplitter(lineBytesMax: 0))
            let chunk = try source.read(atMost: Self.chunkBytes)
            isAtEnd = chunk.isEmpty
            if isAtEnd {
                try splitter.finish { waiting.append($0) }
                isCut = splitter.openArrays > 0
            } else {
                try splitter.feed(chunk) { waiting.append($0) }
            }
            form = .values(splitter)
        }
    }

    /// The record with its type in front, and without its nulls: a field that is left out is null.
    private static func event(_ datum: Datum, type: String) -> Datum {
        guard case .record(let fields) = datum else { return datum }
        return .record([Datum.Entry("event_type", .string(type))] + fields.filter { $0.value.unwrapped != .null })
    }

    /// NDJSON, unless the first line opens an array or ends inside a value.
    private static func isLines(_ head: [UInt8]) -> Bool {
        let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
        guard let start = head.firstIndex(where: { !blanks.contains($0) }) else { return true }
        guard head[start] != UInt8(ascii: "[") else { return false }
        guard let end = head[start...].firstIndex(of: UInt8(ascii: "\n")) else { return true }
        var depth = 0
        var isInString = false
        var isEscaped = false
        for byte in head[start..<end] {
            if isEscaped {
                isEscaped = false
            } else if isInString {
                if byte == UInt8(ascii: "\\") { isEscaped = true }
                if byte == UInt8(ascii: "\"") { isInString = false }
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                depth += 1
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                depth -= 1
            }
        }
        return depth <= 0
    }
}
