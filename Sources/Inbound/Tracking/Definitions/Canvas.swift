package import Avro

/// A journey of several steps, in variations, and what counts as its success.
package struct Canvas: Sendable, Hashable {
    package let id: String
    package let name: String
    /// At least one: each entry names its variation.
    package let variations: [Variation]
    package let steps: [Step]
    /// Conversion A to D.
    package let conversions: [ConversionRule]

    package init(
        id: String,
        name: String,
        variations: [Variation],
        steps: [Step] = [],
        conversions: [ConversionRule] = []
    ) {
        self.id = id
        self.name = name
        self.variations = variations
        self.steps = steps
        self.conversions = conversions
    }

    package init(id: String, reading json: JSONValue) throws(DefinitionError) {
        let known = ["id", "name", "variations", "steps", "conversions"]
        let reader = try MemberReader(json, at: "", of: "a canvas", known: known)
        self.id = try reader.ownID(id)
        name = try reader.name()
        variations = try [Variation](reading: reader)
        guard !variations.isEmpty else {
            throw reader.missing("variations", "an array of at least one variation, since each entry names one")
        }
        steps = try reader.items("steps", countMax: DefinitionLimits.stepsMax, Step.init(reading:at:))
        try MemberReader.refuseTwice(steps.map(\.id), at: reader.path(of: "steps"), member: ".id")
        conversions = try [ConversionRule](reading: reader)
    }

    package var json: JSONValue {
        .object([
            .init("id", .string(id)), .init("name", .string(name)),
            .init("variations", .array(variations.map(\.json))), .init("steps", .array(steps.map(\.json))),
            .init("conversions", .array(conversions.map(\.json))),
        ])
    }

    package func variation(_ id: String) -> Variation? {
        variations.first { $0.id == id }
    }

    package func step(_ id: String) -> Step? {
        steps.first { $0.id == id }
    }

    /// The indices, 0 to 3, of the conversions that the deed fulfils, window aside.
    package func conversions(by deed: Deed) -> [Int] {
        conversions.indices.filter { conversions[$0].matches(deed, for: .canvas(id)) }
    }
}

extension Canvas {
    /// One station of the journey.
    package struct Step: Sendable, Hashable {
        package let id: String
        package let name: String
        /// Whether users enter the canvas here.
        package let isEntry: Bool
        /// Whether its messages go to all users at one time and share a dispatch id.
        ///
        /// Only an entry step can be scheduled; all others count as triggered.
        package let isScheduled: Bool
        package let messageVariations: [MessageVariation]

        package init(
            id: String,
            name: String,
            isEntry: Bool = false,
            isScheduled: Bool = false,
            messageVariations: [MessageVariation] = []
        ) {
            self.id = id
            self.name = name
            self.isEntry = isEntry
            self.isScheduled = isScheduled
            self.messageVariations = messageVariations
        }

        init(reading json: JSONValue, at path: String) throws(DefinitionError) {
            let known = ["id", "name", "entry", "scheduled", "message_variations"]
            let reader = try MemberReader(json, at: path, of: "a step", known: known)
            id = try reader.id()
            name = try reader.name()
            isEntry = try reader.flag("entry")
            isScheduled = try reader.flag("scheduled")
            guard isEntry || !isScheduled else {
                let message =
                    "must be false, since only an entry step can be scheduled; set entry to true, or leave it out"
                throw DefinitionError(.wrongValue, at: reader.path(of: "scheduled"), message)
            }
            messageVariations = try reader.items(
                "message_variations",
                countMax: DefinitionLimits.messageVariationsMax,
                MessageVariation.init(reading:at:)
            )
            let place = reader.path(of: "message_variations")
            try MemberReader.refuseTwice(messageVariations.map(\.id), at: place, member: ".id")
        }

        package var json: JSONValue {
            .object([
                .init("id", .string(id)), .init("name", .string(name)), .init("entry", .boolean(isEntry)),
                .init("scheduled", .boolean(isScheduled)),
                .init("message_variations", .array(messageVariations.map(\.json))),
            ])
        }

        package func messageVariation(_ id: String) -> MessageVariation? {
            messageVariations.first { $0.id == id }
        }
    }

    /// One form of a step's message.
    package struct MessageVariation: Sendable, Hashable {
        package let id: String
        package let name: String

        package init(id: String, name: String) {
            self.id = id
            self.name = name
        }

        init(reading json: JSONValue, at path: String) throws(DefinitionError) {
            let reader = try MemberReader(json, at: path, of: "a message variation", known: ["id", "name"])
            id = try reader.id()
            name = try reader.name()
        }

        package var json: JSONValue { .object([.init("id", .string(id)), .init("name", .string(name))]) }
    }
}
