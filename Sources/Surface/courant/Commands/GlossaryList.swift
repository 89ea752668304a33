import ArgumentParser
import Avro
import Glossary

/// `courant glossary list`: the types, one a line.
struct GlossaryList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List event types by name, channel, action or section.",
        discussion: """
            Example:
              courant glossary list --channel email --action clicks --edition v10
              courant glossary list 'users.messages.sms.*'
            """
    )

    @Argument(help: ArgumentHelp("Names or globs of event types.", valueName: "event"))
    var events: [String] = []

    @OptionGroup var filters: GlossaryFilters

    func run() throws {
        let types = try filters.types(text: nil, events: events)
        try GlossaryListing.write(types, json: filters.json)
        GlossaryListing.warn(of: filters.action, types)
        let named = events.map { "`\($0)`" }.joined(separator: ", ")
        let wanted = events.isEmpty ? "has all these tags" : "is called \(named)"
        try GlossaryListing.refuseNothing(types, filters, Filter(events: events), wanted: wanted)
    }
}

/// `courant glossary search`: the types in whose words all of the text's words occur.
struct GlossarySearch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find event types by words in names, titles, fields and descriptions.",
        discussion: """
            Example:
              courant glossary search bounce reason --channel email
            """
    )

    @Argument(help: ArgumentHelp("The words to look for; all must occur.", valueName: "text"))
    var text: [String]

    @OptionGroup var filters: GlossaryFilters

    func run() throws {
        let text = text.joined(separator: " ")
        let types = try filters.types(text: text, events: [])
        try GlossaryListing.write(types, json: filters.json)
        GlossaryListing.warn(of: filters.action, types)
        try GlossaryListing.refuseNothing(types, filters, Filter(text: text), wanted: "matches `\(text)`")
    }
}

/// How a set of types is shown.
enum GlossaryListing {
    /// Says that nothing was found, and where there is some.
    static func refuseNothing(
        _ types: [EventType],
        _ filters: GlossaryFilters,
        _ filter: Filter,
        wanted: String
    ) throws {
        guard types.isEmpty else { return }
        let others = Glossary.standard.editions.filter { $0.name != filters.edition.edition }
        let found = others.filter { !$0.types(matching: filter).isEmpty }.map(\.name)
        let hint =
            found.isEmpty
            ? "`courant glossary search` looks into all words."
            : "Edition \(found.joined(separator: ", ")) has some: add --edition \(found[0])."
        throw CommandFailure(.rejected, "No event type of edition \(filters.edition.edition) \(wanted). \(hint)")
    }

    static func write(_ types: [EventType], json: Bool) throws {
        var output = StandardOutput()
        if json {
            try output.line(JSONValue.array(types.map { .parsed($0.json(withFields: false)) }).pretty)
        } else {
            var table = Table()
            for type in types {
                table.row(type.name, type.title, tags(type.channels), tags(type.actions))
            }
            for line in table.lines { try output.line(line) }
        }
        try output.flush()
    }

    /// A tag is no event type: `Sends` also stands on bounces, so a count by tag is not a count of sends.
    static func warn(of actions: [String], _ types: [EventType]) {
        for action in actions {
            let filter = Filter(actions: [action])
            let tagged = types.filter { filter.matches($0) }
            // The tag that the word stands for: a type may carry several.
            guard let tag = tagged.first?.actions.first(where: { Self.isMeant($0, by: action) }) else { continue }
            let others = GlossaryTags.namedOtherwise(tag, among: tagged)
            guard !others.isEmpty && others.count < tagged.count else { continue }
            StandardError.line(
                "Note: the tag \(tag.title) also stands on \(others.map(\.name).joined(separator: ", ")); "
                    + "count by event type, not by tag."
            )
        }
    }

    private static func isMeant(_ tag: Tag, by word: String) -> Bool {
        let letters = { (text: String) in text.lowercased().filter { $0.isLetter || $0.isNumber } }
        return letters(tag.title) == letters(word)
    }

    static func tags(_ tags: [Tag]) -> String {
        tags.map(\.title).joined(separator: ", ")
    }
}

/// What a tag says beyond the names of its types.
enum GlossaryTags {
    /// The types of a tag whose own name is not the tag's word: `CarrierSend` under `Delivery`.
    static func namedOtherwise(_ tag: Tag, among types: [EventType]) -> [EventType] {
        types.filter { type in
            let own = type.name.split(separator: ".").last.map { $0.lowercased() } ?? ""
            return own != tag.slug && own + "s" != tag.slug
        }
    }
}
