package import Glossary
package import Platform

/// What intake would say of one event.
package struct Verdict: Sendable, Hashable {
    /// The event's place among those of the text, from 0.
    package let index: Int
    /// nil: it would be taken.
    package let rejection: Rejection?
}

extension Intake {
    /// Judges each event of a text without a server or a journal.
    ///
    /// Throws a sentence when the text as a whole cannot be read.
    package static func verdicts(
        for text: [UInt8],
        edition: Edition,
        isStrict: Bool,
        unknownFields: SourceSettings.UnknownFields = .leaveOut,
        shape: BodyShape,
        platform: Platform
    ) throws -> [Verdict] {
        let parser = try parser(
            for: edition,
            isStrict: isStrict,
            unknownFields: unknownFields,
            shape: shape,
            platform: platform
        )
        let body = Body(text)
        let parsed = unsafe try parser.parse(body.text, in: Lane(partitions: 1))
        let rejected = Dictionary(uniqueKeysWithValues: parsed.rejections.map { ($0.index, $0) })
        return (0..<parsed.received).map { Verdict(index: $0, rejection: rejected[$0]) }
    }

    /// A parser that belongs to no server.
    static func parser(
        for edition: Edition,
        isStrict: Bool = false,
        unknownFields: SourceSettings.UnknownFields = .leaveOut,
        shape: BodyShape = .flat,
        platform: Platform
    ) throws -> EventParser {
        let secret = [UInt8](repeating: 0, count: 16)
        let compiled = CompiledGlossary([edition], schemas: try journalSchemas([edition]), secret: secret)
        guard let types = compiled.editions[edition.name] else {
            preconditionFailure("a glossary has the editions that it was compiled from")
        }
        return EventParser(
            edition: types,
            source: SourceSettings(
                name: "validate",
                edition: edition.name,
                isStrict: isStrict,
                unknownFields: unknownFields
            ),
            identities: IdentityMaker(secret: secret, clock: platform.clock, random: platform.random),
            clock: platform.clock,
            eventBytesMax: IntakeSettings().eventBytesMax,
            eventsMax: .max,
            partitions: 1,
            idempotencyKey: nil,
            shape: shape
        )
    }
}
