/// One source: where events come in, and how strictly they are taken.
package struct SourceSettings: Sendable, Hashable {
    /// What becomes of a field that the event's type does not have.
    package enum UnknownFields: String, Sendable {
        /// Counted by name and left out.
        case leaveOut = "leave_out"
        case reject
    }

    /// The shapes of body a source may be sent.
    package enum Format: String, Sendable, CaseIterable {
        /// Flat records: one object, an array of them, or NDJSON.
        case events
        /// The Custom HTTP envelope of Currents.
        case currents
    }

    package var name: String
    package var edition: String
    /// Whether a broken rule rejects an event; a lenient source stores it and counts the rule.
    package var isStrict: Bool
    package var unknownFields: UnknownFields
    package var formats: Set<Format>
    /// Events a second above which the source is answered 429; nil: no limit.
    package var eventsPerSecondMax: Int?
    /// Bytes of bodies of this source that may be worked on at once.
    package var inFlightBytesMax: Int

    package init(
        name: String,
        edition: String = "2021",
        isStrict: Bool = false,
        unknownFields: UnknownFields = .leaveOut,
        formats: Set<Format> = Set(Format.allCases),
        eventsPerSecondMax: Int? = nil,
        inFlightBytesMax: Int = 128 << 20
    ) {
        self.name = name
        self.edition = edition
        self.isStrict = isStrict
        self.unknownFields = unknownFields
        self.formats = formats
        self.eventsPerSecondMax = eventsPerSecondMax
        self.inFlightBytesMax = inFlightBytesMax
    }
}

/// What holds for all sources.
package struct IntakeSettings: Sendable, Hashable {
    /// The largest event, in bytes of its own JSON; a larger one is set aside.
    package var eventBytesMax = 900_000
    /// The most events in one body: what they cost is not in proportion to the bytes they came as.
    package var eventsMax = 100_000
    /// The largest body as sent.
    package var bodyBytesMax = 16 << 20
    /// The largest body once decompressed.
    package var decompressedBytesMax = 16 << 20
    /// Bytes of all bodies, decompressed, that may be worked on at once.
    package var inFlightBytesMax = 256 << 20

    package init() {}

    /// The same settings, with no body larger than a journal of such segments can hold as one dead letter.
    package func bounded(bySegment bytes: Int) -> IntakeSettings {
        // A record takes up to half a segment; the letter's own fields take a few hundred bytes of it.
        let bodyMax = bytes / 2 - (64 << 10)
        var bounded = self
        bounded.bodyBytesMax = min(bodyBytesMax, bodyMax)
        bounded.decompressedBytesMax = min(decompressedBytesMax, bodyMax)
        return bounded
    }
}
