/// The topic that a record goes to: one for all, or one for each event type.
///
/// `{event_type}` and `{edition}` stand for the record's own.
package struct TopicTemplate: Sendable, Hashable {
    /// A topic's name has 249 bytes at most; the longest event type, of 75, and an edition must fit beside the text.
    package static let textBytesMax = 120

    package enum Part: Sendable, Hashable {
        case text(String)
        case eventType
        case edition
    }

    package let parts: [Part]

    /// Nil if the brokers would not take such a name.
    package init?(_ template: String) {
        var parts: [Part] = []
        var rest = Substring(template)
        while let brace = rest.firstIndex(of: "{") {
            if brace > rest.startIndex { parts.append(.text(String(rest[..<brace]))) }
            guard let end = rest[brace...].firstIndex(of: "}") else { return nil }
            switch rest[rest.index(after: brace)..<end] {
            case "event_type": parts.append(.eventType)
            case "edition": parts.append(.edition)
            default: return nil
            }
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        let text = parts.map { if case .text(let text) = $0 { text } else { "" } }.joined()
        let isLegal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isLegal, text.utf8.count <= Self.textBytesMax else { return nil }
        guard !parts.isEmpty, template != ".", template != ".." else { return nil }
        // An edition of its own can be empty, as a system type's is.
        guard parts != [.edition] else { return nil }
        self.parts = parts
    }

    /// What `init` takes, for messages.
    package static let rule =
        "a topic of letters, digits and . _ - (at most \(textBytesMax)), in which {event_type} and {edition} may stand"

    /// Whether records of different types go to different topics.
    package var isByType: Bool { parts.contains(.eventType) }

    /// The topic, where it is one for all records.
    var only: String? { parts.allSatisfy { if case .text = $0 { true } else { false } } ? text : nil }

    /// What every topic begins with.
    var prefix: String { if case .text(let text)? = parts.first { text } else { "" } }

    package var text: String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .eventType: "{event_type}"
            case .edition: "{edition}"
            }
        }.joined()
    }

    func topic(ofType type: String, edition: String) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .eventType: type
            case .edition: edition
            }
        }.joined()
    }
}
