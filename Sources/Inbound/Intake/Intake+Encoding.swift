package import Glossary
internal import Journal
package import Platform

/// One event as it would be journalled, for who wants to know without storing it.
package struct EncodedEvent: Sendable, Hashable {
    package let fingerprint: UInt64
    package let datum: [UInt8]
}

/// Why one event cannot be encoded.
package struct EncodingRefusal: Error, Sendable, Hashable {
    package let code: String
    package let message: String

    /// Whether it is a want of this machine's and no fault of the event: the same may be taken later.
    package var isOurs: Bool { code == BodyError.memoryShort.code }
}

extension Intake {
    /// The names of the sources.
    package var sourceNames: [String] { balances.map(\.source) }

    /// Encodes one event of a source as the way in of that format would, and stores nothing.
    package func encode(
        _ event: [UInt8],
        of source: String,
        as format: SourceSettings.Format = .events
    ) throws(EncodingRefusal) -> EncodedEvent {
        guard let state = self.source(named: source) else {
            let names = sourceNames.joined(separator: ", ")
            throw EncodingRefusal(
                code: "source_unknown",
                message: "there is no source \(source.quotedCut); there are \(names)"
            )
        }
        let parsed: ParsedBody
        do throws(BodyError) {
            let shape = format == .currents ? BodyShape.envelope : .flat
            parsed = try parse(Body(Self.body(of: event, as: format)), shape, idempotencyKey: nil, state)
        } catch {
            throw EncodingRefusal(code: error.code, message: error.message)
        }
        return try Self.event(of: parsed)
    }

    /// The body of a request with one event, whose bytes stand in it as they are.
    package static func body(of event: [UInt8], as format: SourceSettings.Format) -> [UInt8] {
        switch format {
        case .events: event
        case .currents: Array("{\"events\":[".utf8) + event + Array("]}".utf8)
        }
    }

    /// Encodes events of an edition, without a server or a journal.
    package static func encode(
        _ events: [[UInt8]],
        edition: Edition,
        platform: Platform
    ) throws -> [EncodedEvent] {
        let parser = try parser(for: edition, platform: platform)
        let lane = unsafe try Lane(partitions: 1)
        return try events.map { event in
            let body = Body(event)
            return try Self.event(of: unsafe try parser.parse(body.text, in: lane))
        }
    }

    private static func event(of parsed: ParsedBody) throws(EncodingRefusal) -> EncodedEvent {
        if let rejection = parsed.rejections.first {
            throw EncodingRefusal(code: rejection.code, message: rejection.message)
        }
        guard parsed.received == 1, let batch = parsed.batches.first(where: { !$0.entries.isEmpty }) else {
            throw EncodingRefusal(code: "body_invalid", message: "expected one event as a JSON object")
        }
        let start = Int(batch.entries[0].start)
        let record = batch.bytes[start..<start + Int(batch.entries[0].length)]
        let fingerprint = record.dropFirst(RecordLayout.fingerprintStart).prefix(8).reversed()
        return EncodedEvent(
            fingerprint: fingerprint.reduce(0) { $0 << 8 | UInt64($1) },
            datum: Array(record.dropFirst(RecordLayout.datumStart))
        )
    }
}
