import CSimdjson
import Glossary
import Journal
import Platform

/// What became of a body's events, before the journal has seen them.
struct ParsedBody: Sendable {
    /// One batch for each partition, perhaps empty; none at all where the body held nothing.
    var batches: [RecordBatch] = []
    /// Events that are answered as rejected, in the body's order.
    ///
    /// Those set aside stand here too.
    var rejections: [Rejection] = []
    var findings = Findings()
    var received = 0
    var setAside = 0
}

/// Parses a body's events and encodes them: a pure function of bytes, source and glossary.
struct EventParser {
    /// The longest id that is looked for in an event too large.
    private static let idBytesMax = 4096

    let edition: CompiledEdition
    /// The source as it holds for this body.
    private let source: SourceSettings
    let identities: IdentityMaker
    let clock: any WorldClock
    let eventBytesMax: Int
    let eventsMax: Int
    let partitions: Int
    let idempotencyKey: String?

    let shape: BodyShape
    /// Whether what is rejected, for whatever reason, is kept as a dead letter: where nobody would send it again.
    private let keepsRejected: Bool
    private var format: SourceSettings.Format { shape == .envelope ? .currents : .events }

    init(
        edition: CompiledEdition,
        source: SourceSettings,
        identities: IdentityMaker,
        clock: any WorldClock,
        eventBytesMax: Int,
        eventsMax: Int,
        partitions: Int,
        idempotencyKey: String?,
        shape: BodyShape,
        keepsRejected: Bool = false
    ) {
        self.edition = edition
        self.identities = identities
        self.clock = clock
        self.eventBytesMax = eventBytesMax
        self.eventsMax = eventsMax
        self.partitions = partitions
        self.idempotencyKey = idempotencyKey
        self.shape = shape
        self.keepsRejected = keepsRejected || shape == .envelope
        var source = source
        if shape == .envelope {
            // Its sender cannot mend an event: it would drop what is refused.
            source.isStrict = false
            source.unknownFields = .leaveOut
        }
        self.source = source
    }

    /// The whole body at once where that will do, or many lines at once; event by event where it does not parse, is an
    /// array larger than an event may be, or an event's own bytes are wanted.
    func parse(_ text: UnsafeBufferPointer<UInt8>, in lane: Lane) throws(BodyError) -> ParsedBody {
        let text = unsafe Self.withoutMark(text)
        guard unsafe text.contains(where: { !BodySplitter.isSpace($0) }) else {
            // No lines are no events, and an empty envelope is its sender's probe.
            guard shape == .flat else { return ParsedBody() }
            throw .notJSON("the body is empty; send an event, an array of events, or NDJSON")
        }
        if shape == .lines || text.count <= eventBytesMax, let parsed = unsafe try parseWhole(text, in: lane) {
            return parsed
        }
        return unsafe try parseSingly(text, in: lane)
    }

    /// Without the byte order mark that some editors write before UTF-8, which RFC 8259 lets readers pass over.
    private static func withoutMark(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        unsafe text.starts(with: [0xEF, 0xBB, 0xBF]) ? UnsafeBufferPointer(rebasing: text[3...]) : text
    }

    // MARK: - The whole body at once

    private func parseWhole(
        _ text: UnsafeBufferPointer<UInt8>,
        in lane: Lane
    ) throws(BodyError) -> ParsedBody? {
        unsafe shape == .lines ? try parseLines(text, in: lane) : try parseDocument(text, in: lane)
    }

    private func parseLines(
        _ text: UnsafeBufferPointer<UInt8>,
        in lane: Lane
    ) throws(BodyError) -> ParsedBody? {
        var encoder = unsafe makeEncoder(lane, text)
        var parsed = ParsedBody()
        var rest = unsafe text
        while !rest.isEmpty {
            guard let end = unsafe linesEnd(in: rest) else { return nil }
            let lines = unsafe UnsafeBufferPointer(rebasing: rest[..<end])
            guard unsafe try parseLines(lines, into: &parsed, &encoder, lane) else { return nil }
            unsafe rest = UnsafeBufferPointer(rebasing: rest[end...])
        }
        return finish(&parsed, encoder, lane)
    }

    /// Where as many lines end as are parsed at once: a parser's buffers are many times the text.
    ///
    /// Nil: the first is too long.
    private func linesEnd(in text: UnsafeBufferPointer<UInt8>) -> Int? {
        guard text.count > eventBytesMax else { return text.count }
        var end = eventBytesMax
        while end > 0, unsafe text[end - 1] != UInt8(ascii: "\n") { end -= 1 }
        return end > 0 ? end : nil
    }

    /// Takes the events of these lines; false where they are not one to a line, or an event's own bytes are wanted.
    private func parseLines(
        _ text: UnsafeBufferPointer<UInt8>,
        into parsed: inout ParsedBody,
        _ encoder: inout EventEncoder,
        _ lane: Lane
    ) throws(BodyError) -> Bool {
        // Blank lines are no document, and the parser wants one.
        guard unsafe text.contains(where: { !BodySplitter.isSpace($0) }) else { return true }
        let before = parsed.received
        var document = unsafe courant_json_document()
        guard unsafe courant_json_stream_start(lane.parser, text.baseAddress, text.count) == 0 else { return false }
        while true {
            guard unsafe courant_json_stream_next(lane.parser, &document) == 0 else { return false }
            guard let words = unsafe document.tape, let strings = unsafe document.strings else { break }
            guard parsed.received < eventsMax else { throw .tooManyEvents(eventsMax) }
            guard unsafe Self.beginsLine(document.position, of: text) else { return false }
            unsafe encoder.tape = Tape(words: words, strings: strings)
            guard unsafe take(Tape.first, into: &parsed, &encoder) else { return false }
        }
        // Documents that do not stand one to a line are not NDJSON, though they parse. As many as there are lines, each
        // the first thing in its own, leave no line for one to end in but that in which it begins.
        let events = parsed.received - before
        return unsafe events == Self.lineCount(text, expecting: events)
    }

    private func parseDocument(
        _ text: UnsafeBufferPointer<UInt8>,
        in lane: Lane
    ) throws(BodyError) -> ParsedBody? {
        var document = unsafe courant_json_document()
        guard unsafe courant_json_parse(lane.parser, text.baseAddress, text.count, &document) == 0,
            let words = unsafe document.tape, let strings = unsafe document.strings
        else { return nil }
        var encoder = unsafe makeEncoder(lane, text)
        unsafe encoder.tape = Tape(words: words, strings: strings)
        let tape = unsafe encoder.tape
        var parsed = ParsedBody()
        guard let events = unsafe events(in: tape) else { return nil }
        if unsafe tape.tag(events) == Tape.Tag.array {
            guard unsafe tape.count(of: events) <= eventsMax else { throw .tooManyEvents(eventsMax) }
            var at = events + 1
            let close = unsafe tape.close(of: events)
            while at < close {
                guard take(at, into: &parsed, &encoder) else { return nil }
                at = unsafe tape.after(at)
            }
        } else {
            guard take(events, into: &parsed, &encoder) else { return nil }
        }
        return finish(&parsed, encoder, lane)
    }

    /// Where the events stand: the document itself, or the envelope's one array `events`.
    private func events(in tape: Tape) -> Int? {
        guard shape == .envelope else { return unsafe Tape.first }
        guard unsafe tape.tag(Tape.first) == Tape.Tag.object else { return nil }
        var found: Int?
        var at = unsafe Tape.first + 1
        let close = unsafe tape.close(of: Tape.first)
        while at < close {
            if unsafe tape.string(at) == "events" {
                guard found == nil, unsafe tape.tag(at + 1) == Tape.Tag.array else { return nil }
                found = at + 1
            }
            at = unsafe tape.after(at + 1)
        }
        return found
    }

    /// Takes the event at `at`; false where its own bytes are wanted, which a tape does not tell.
    private func take(_ at: Int, into parsed: inout ParsedBody, _ encoder: inout EventEncoder) -> Bool {
        let index = parsed.received
        parsed.received += 1
        do throws(Rejection) {
            try encoder.encode(at, index: index, format: format)
        } catch {
            if error.isSetAside || keepsRejected { return false }
            parsed.rejections.append(placed(error, index, encoder.id(of: at)))
        }
        return true
    }

    /// Whether nothing but blanks stands before `position` in its line.
    private static func beginsLine(_ position: Int, of text: UnsafeBufferPointer<UInt8>) -> Bool {
        var at = position
        while at > 0 {
            at -= 1
            let byte = unsafe text[at]
            if byte == UInt8(ascii: "\n") { return true }
            if !BodySplitter.isSpace(byte) { return false }
        }
        return true
    }

    /// How many lines of the text hold anything.
    private static func lineCount(_ text: UnsafeBufferPointer<UInt8>, expecting expected: Int) -> Int {
        // Counting line ends alone takes a tenth of the time, and nearly always settles it.
        var ends = unsafe courant_count_line_feeds(text.baseAddress, text.count)
        if unsafe text.last != UInt8(ascii: "\n") { ends += 1 }
        if ends == expected { return ends }
        var count = 0
        var isBlank = true
        for index in text.indices {
            let byte = unsafe text[index]
            if byte == UInt8(ascii: "\n") {
                if !isBlank { count += 1 }
                isBlank = true
            } else if byte > 0x20 {
                isBlank = false
            }
        }
        return isBlank ? count : count + 1
    }

    // MARK: - Event by event

    private func parseSingly(_ text: UnsafeBufferPointer<UInt8>, in lane: Lane) throws(BodyError) -> ParsedBody {
        let extents = unsafe try BodySplitter.extents(of: text, shape: shape, eventsMax: eventsMax)
        var parsed = ParsedBody()
        var encoder = unsafe makeEncoder(lane, text)
        for index in extents.indices {
            parsed.received += 1
            let raw = unsafe UnsafeBufferPointer(rebasing: text[extents[index]])
            guard let rejection = unsafe try encodeOne(raw, index, &encoder, lane) else { continue }
            let isWord = unsafe extents.count == 1 && shape == .flat && raw[0] != UInt8(ascii: "{")
            if isWord && rejection.code == Rejection.Code.malformed {
                throw .notJSON("the body is not JSON: \(rejection.message)")
            }
            if rejection.isSetAside || keepsRejected {
                setAside(rejection, raw: unsafe Array(raw), lane)
                parsed.setAside += 1
            }
            parsed.rejections.append(rejection)
        }
        return finish(&parsed, encoder, lane)
    }

    /// Why the one event that `raw` is was not taken; nil: it was.
    private func encodeOne(
        _ raw: UnsafeBufferPointer<UInt8>,
        _ index: Int,
        _ encoder: inout EventEncoder,
        _ lane: Lane
    ) throws(BodyError) -> Rejection? {
        guard raw.count <= eventBytesMax else {
            let rejection = EventRules.tooLarge(raw.count, max: eventBytesMax)
            return placed(rejection, index, unsafe id(inTooLarge: raw, lane))
        }
        if !encoder.oversized.isEmpty { encoder.oversized = OversizedNumbers() }
        var document = unsafe courant_json_document()
        var code = unsafe courant_json_parse(lane.parser, raw.baseAddress, raw.count, &document)
        if code != 0, let mended = unsafe encoder.oversized.exchange(in: raw) {
            code = unsafe courant_json_parse(lane.parser, mended.text.baseAddress, mended.count, &document)
        }
        // A want of ours is no fault of the event.
        guard !courant_json_is_memory_short(code) else { throw .memoryShort }
        guard code == 0, let words = unsafe document.tape, let strings = unsafe document.strings else {
            let rejection = Rejection(Rejection.Code.malformed, unsafe String(cString: courant_json_error(code)))
            return placed(rejection, index, nil)
        }
        unsafe encoder.tape = Tape(words: words, strings: strings)
        do throws(Rejection) {
            unsafe try encoder.encode(Tape.first, index: index, format: format)
            return nil
        } catch {
            return unsafe placed(error, index, encoder.id(of: Tape.first))
        }
    }

    /// The id of an event that is too large to be parsed: a parser's buffers are many times the text.
    private func id(inTooLarge raw: UnsafeBufferPointer<UInt8>, _ lane: Lane) -> String? {
        guard let extent = unsafe BodySplitter.string(under: "id", in: raw), extent.count <= Self.idBytesMax else {
            return nil
        }
        var document = unsafe courant_json_document()
        let code = unsafe courant_json_parse(
            lane.parser,
            raw.baseAddress.map { unsafe $0 + extent.lowerBound },
            extent.count,
            &document
        )
        guard code == 0, let words = unsafe document.tape, let strings = unsafe document.strings else { return nil }
        return unsafe Tape(words: words, strings: strings).string(Tape.first)
    }

    /// The bytes stand in the journal, in partition 0, like any other record.
    private func setAside(_ rejection: Rejection, raw: [UInt8], _ lane: Lane) {
        let letter = DeadLetter(
            source: source.name,
            time: clock.now(),
            code: rejection.code,
            field: rejection.field,
            message: rejection.message,
            raw: raw
        )
        unsafe letter.write(to: &lane.writers[0])
    }

    // MARK: -

    private func makeEncoder(_ lane: Lane, _ text: UnsafeBufferPointer<UInt8>) -> EventEncoder {
        clear(lane)
        let nothing = unsafe Tape(words: lane.emptyTape, strings: lane.emptyText)
        return unsafe EventEncoder(
            lane: lane,
            edition: edition,
            source: source,
            identities: identities,
            partitions: partitions,
            idempotencyKey: idempotencyKey,
            tape: nothing
        )
    }

    private func clear(_ lane: Lane) {
        for partition in 0..<partitions { unsafe lane.writers[partition].clear() }
    }

    private func finish(_ parsed: inout ParsedBody, _ encoder: borrowing EventEncoder, _ lane: Lane) -> ParsedBody {
        parsed.findings = encoder.findings
        for partition in 0..<partitions { unsafe parsed.batches.append(lane.writers[partition].take()) }
        return parsed
    }

    private func placed(_ rejection: Rejection, _ index: Int, _ id: String?) -> Rejection {
        var placed = rejection
        placed.index = index
        placed.id = id?.cut()
        return placed
    }
}
