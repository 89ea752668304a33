internal import Journal

/// One event as it would be journalled, for who wants to know without storing it.
package struct EncodedEvent: Sendable, Hashable {
    package let fingerprint: UInt64
    package let datum: [UInt8]
}

/// Why one event cannot be encoded.
package struct EncodingRefusal: Error, Sendable, Hashable {
    package let code: String
    package let message: String
}

extension Intake {
    /// The names of the sources.
    package var sourceNames: [String] { balances.map(\.source) }

    /// Encodes one event of a source as `POST /v1/events` would, and stores nothing.
    package func encode(_ event: [UInt8], of source: String) throws(EncodingRefusal) -> EncodedEvent {
        guard let state = self.source(named: source) else {
            let names = sourceNames.joined(separator: ", ")
            throw EncodingRefusal(
                code: "source_unknown",
                message: "there is no source \(Rejection.quoted(source)); there are \(names)"
            )
        }
        let parsed: ParsedBody
        do throws(BodyError) {
            parsed = try parse(Body(event), .flat, idempotencyKey: nil, state)
        } catch {
            throw EncodingRefusal(code: error.code, message: error.message)
        }
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
