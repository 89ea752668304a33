/// What is wanted of the glossary: for looking things up, and for the entitlement of a connector.
///
/// A list lets through what any of its entries names; an empty list lets everything through; a type must pass
/// every list and the text.
public struct Filter: Hashable, Sendable {
    /// Words that must all occur in the type's names, title, occasion, or the names or descriptions of its fields.
    public var text: String?
    /// Names of types or their aliases, with `*` for any run of characters.
    ///
    /// Letter case does not count.
    public var events: [String]
    /// Sections, by title or slug.
    public var sections: [String]
    /// Channels, by title or slug.
    public var channels: [String]
    /// Actions, by title or slug.
    public var actions: [String]

    /// A filter; without arguments it lets everything through.
    public init(
        text: String? = nil,
        events: [String] = [],
        sections: [String] = [],
        channels: [String] = [],
        actions: [String] = []
    ) {
        self.text = text
        self.events = events
        self.sections = sections
        self.channels = channels
        self.actions = actions
    }

    /// Whether the type passes.
    public func matches(_ type: EventType) -> Bool {
        PreparedFilter(self).matches(type)
    }

    /// The entries of the lists that no type of the edition answers to: most likely misspelt.
    public func entriesWithoutMatch(in edition: Edition) -> [String] {
        var entries: [String] = []
        for entry in events where edition.types(matching: Filter(events: [entry])).isEmpty { entries.append(entry) }
        for entry in sections where edition.types(matching: Filter(sections: [entry])).isEmpty { entries.append(entry) }
        for entry in channels where edition.types(matching: Filter(channels: [entry])).isEmpty { entries.append(entry) }
        for entry in actions where edition.types(matching: Filter(actions: [entry])).isEmpty { entries.append(entry) }
        return entries
    }
}

/// A filter with its entries brought into the form in which they are compared.
struct PreparedFilter {
    private let words: [[UInt8]]
    private let events: [[UInt8]]
    private let sections: [[UInt8]]
    private let channels: [[UInt8]]
    private let actions: [[UInt8]]

    init(_ filter: Filter) {
        words = (filter.text ?? "").lowercased().split(whereSeparator: \.isWhitespace).map { Array($0.utf8) }
        events = filter.events.map { Array($0.lowercased().utf8) }
        sections = filter.sections.map(Tag.key(of:))
        channels = filter.channels.map(Tag.key(of:))
        actions = filter.actions.map(Tag.key(of:))
    }

    func matches(_ type: EventType) -> Bool {
        matchesName(of: type)
            && (sections.isEmpty || sections.contains(Tag.key(of: type.section)))
            && matches(channels, type.channels)
            && matches(actions, type.actions)
            && matchesText(of: type)
    }

    private func matches(_ entries: [[UInt8]], _ tags: [Tag]) -> Bool {
        entries.isEmpty || tags.contains { entries.contains(Tag.key(of: $0.title)) }
    }

    private func matchesName(of type: EventType) -> Bool {
        guard !events.isEmpty else { return true }
        for name in [type.name] + type.aliases {
            let name = Array(name.lowercased().utf8)
            if events.contains(where: { Glob.matches($0, name) }) { return true }
        }
        return false
    }

    private func matchesText(of type: EventType) -> Bool {
        guard !words.isEmpty else { return true }
        var text = "\(type.name)\n\(type.title)\n\(type.occurs)\n"
        for alias in type.aliases { text += "\(alias)\n" }
        for field in type.fields { text += "\(field.name)\n\(field.description)\n" }
        let bytes = Array(text.lowercased().utf8)
        return words.allSatisfy { Glob.matches([Glob.star] + $0.filter { $0 != Glob.star } + [Glob.star], bytes) }
    }
}

/// Patterns in which `*` stands for any run of bytes, the empty one included.
enum Glob {
    static let star = UInt8(ascii: "*")

    /// Whether the whole name answers to the pattern.
    ///
    /// Takes at most pattern times name steps.
    static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        var (inPattern, inName) = (0, 0)
        var (lastStar, resumeAt) = (-1, 0)
        while inName < name.count {
            if inPattern < pattern.count, pattern[inPattern] == star {
                (lastStar, resumeAt) = (inPattern, inName)
                inPattern += 1
            } else if inPattern < pattern.count, pattern[inPattern] == name[inName] {
                inPattern += 1
                inName += 1
            } else if lastStar >= 0 {
                resumeAt += 1
                (inPattern, inName) = (lastStar + 1, resumeAt)
            } else {
                return false
            }
        }
        return pattern[inPattern...].allSatisfy { $0 == star }
    }
}
