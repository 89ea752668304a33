import Glossary
package import Journal
import Platform

/// Events that a room of the service has made, checked and encoded, on their way into the journal.
package struct MadeEvents: Sendable {
    let source: SourceState
    var parsed: ParsedBody

    package var received: Int { parsed.received }
    /// Of its records, as they will stand in the journal.
    package var bytes: Int { parsed.batches.reduce(0) { $0 + $1.bytes.count } }
    /// Those that will not stand in the journal as events, by their place among the events made.
    package var rejections: [Rejection] { parsed.rejections }
}

/// What became of made events, once all of them are durable.
package struct MadeOutcome: Sendable, Hashable {
    package let accepted: Int
    package let duplicates: Int
}

extension Intake {
    /// Checks and encodes events that the service itself has made, as flat JSON objects in an array.
    ///
    /// The source's rules hold as for events that are sent; its limits on rate and bytes hold for what the events were
    /// made from, not for them. `keepsRejected` makes dead letters of those that are rejected.
    package func make(
        _ events: [UInt8],
        for source: String,
        keepsRejected: Bool
    ) throws(EncodingRefusal) -> MadeEvents {
        guard let state = self.source(named: source) else {
            preconditionFailure("events are made for a source that there is")
        }
        let parsed: ParsedBody
        do throws(BodyError) {
            parsed = try parse(
                Body(events),
                .flat,
                idempotencyKey: nil,
                keepsRejected: keepsRejected,
                partitions: 1,
                state
            )
        } catch {
            throw EncodingRefusal(code: error.code, message: error.message)
        }
        do throws(JournalError) {
            for batch in parsed.batches { try batch.check(recordBytesMax: journal.recordBytesMax) }
        } catch {
            throw EncodingRefusal(code: "event_too_large", message: error.message)
        }
        return MadeEvents(source: state, parsed: parsed)
    }

    /// A dead letter of bytes that no event could be made of; of more than a record takes, the first are kept.
    ///
    /// `origin` is the source that the letter names, where that is configured no more and another stands in for it.
    package func setAside(
        _ raw: [UInt8],
        for source: String,
        origin: String? = nil,
        code: String,
        message: String
    ) -> MadeEvents {
        guard let state = self.source(named: source) else {
            preconditionFailure("bytes are set aside for a source that there is")
        }
        let rawMax = journal.recordBytesMax - Self.letterFieldsMax
        let isCut = raw.count > rawMax
        let message = isCut ? "\(message); the first \(rawMax) of \(raw.count) bytes are kept" : message
        let raw = isCut ? Array(raw.prefix(rawMax)) : raw
        var writer = RecordWriter(capacity: raw.count + 1024)
        DeadLetter(
            source: origin ?? source,
            time: platform.clock.now(),
            code: code,
            field: nil,
            message: message,
            raw: raw
        ).write(to: &writer)
        var parsed = ParsedBody()
        parsed.batches = [writer.take()]
        parsed.received = 1
        parsed.setAside = 1
        parsed.rejections = [Rejection(code, message, isSetAside: true)]
        return MadeEvents(source: state, parsed: parsed)
    }

    /// What the fields of a dead letter take up beside its bytes, at most.
    private static let letterFieldsMax = 16 << 10

    /// Whether a source rejects what breaks a rule; a lenient one takes it, and the rule is counted.
    package func isStrict(_ source: String) -> Bool { self.source(named: source)?.settings.isStrict ?? false }

    /// Counts something that a lenient source took although it broke a rule.
    package func countBroken(rule: String, of source: String) { self.source(named: source)?.countBroken(rule, 1) }

    /// Counts events that were not made again, since they had been made before.
    package func countRepeats(_ events: Int, of source: String) { self.source(named: source)?.countRepeats(events) }

    /// Makes events durable, and the record of what they changed with them, all in one frame of partition 0.
    ///
    /// After a crash both are there, or neither. Only what is larger than half a segment stands in several frames.
    ///
    /// Ids of made events never come from anybody else, so their repeats meet in that partition too. The answer has an
    /// outcome for each element of `made`, and the offset behind what was appended.
    package func append(
        _ made: [MadeEvents],
        change: ChangeRecord?
    ) async throws(JournalError) -> (outcomes: [MadeOutcome], end: Offset?) {
        var merged = RecordBatch()
        for events in made { for batch in events.parsed.batches { merged.append(batch) } }
        change?.append(to: &merged)
        guard !merged.entries.isEmpty else { return (outcomes(made, []), nil) }
        merged.isWhole = merged.bytes.count <= journal.recordBytesMax
        let result = try await journal.append(merged, to: PartitionID(0))
        return (outcomes(made, result.duplicates), result.firstOffset.map { $0 + result.accepted })
    }

    /// Shares the answer about a merged batch out to those it was merged from, and counts them.
    private func outcomes(_ made: [MadeEvents], _ duplicates: [Int32]) -> [MadeOutcome] {
        var start = 0
        var left = duplicates.sorted()[...]
        return made.map { events in
            let count = events.parsed.batches.reduce(0) { $0 + $1.entries.count }
            let own = left.prefix { Int($0) < start + count }.map { $0 - Int32(start) }
            left = left.dropFirst(own.count)
            start += count
            let edition = events.source.edition
            let result = AppendResult(duplicates: own, accepted: count - own.count, firstOffset: nil)
            let results = events.parsed.batches.map { _ in Result<AppendResult, JournalError>.success(result) }
            let durable = Durable(events.parsed.batches, results, of: edition, firstSchemas[edition.name] ?? 0)
            events.source.count(events.parsed)
            events.source.count(durable)
            return MadeOutcome(accepted: durable.accepted, duplicates: durable.duplicates)
        }
    }

    /// The id of somebody whom nobody has named, from what is known of them: the same each time, and counted.
    package func derivedUserID(from text: String, source: String) -> String {
        self.source(named: source)?.countDerivedUser()
        var id: [UInt8] = []
        unsafe Array(text.utf8).withUnsafeBufferPointer { bytes in
            unsafe identities.makeUserID(external: bytes, into: &id)
        }
        return String(decoding: id, as: UTF8.self)
    }
}
