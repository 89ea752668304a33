import ArgumentParser
import Glossary
import Platform

/// `courant glossary`: what an event is, looked up without a server.
struct GlossaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "glossary",
        abstract: "Look up event types and their fields.",
        discussion: """
            Examples:
              courant glossary list --channel email
              courant glossary search "bounce reason"
              courant glossary show users.messages.email.Click
              courant glossary schema users.messages.email.Click --format avro
            """,
        subcommands: [
            GlossaryList.self, GlossarySearch.self, GlossaryShow.self, GlossarySchema.self,
            GlossaryDocumentCommand.self,
        ],
        defaultSubcommand: GlossaryList.self
    )
}

/// The edition that a look-up is made in.
struct EditionOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Edition of the glossary.", valueName: "name"))
    var edition: String = Self.standard

    static let standard = "2021"

    func resolved() throws -> Edition {
        try Self.resolved(edition)
    }

    static func resolved(_ edition: String) throws -> Edition {
        if let edition = Glossary.standard.edition(edition) { return edition }
        let names = Glossary.standard.editions.map(\.name)
        throw CommandFailure(
            .usage,
            "There is no edition `\(edition)`; there are \(names.joined(separator: " and "))."
        )
    }

    /// The type of that name or alias, or a failure that names what was probably meant.
    func type(named name: String) throws -> EventType {
        let edition = try resolved()
        if let type = edition.type(named: name) { return type }
        for other in Glossary.standard.editions where other.name != edition.name {
            guard other.type(named: name) != nil else { continue }
            throw CommandFailure(
                .usage,
                "Edition \(edition.name) has no type `\(name)`, but edition \(other.name) has: add --edition \(other.name)."
            )
        }
        let near = NearMiss.suggestions(for: name, among: edition.types.map(\.name), countMax: 12)
        let hint =
            near.isEmpty
            ? "`courant glossary list` shows all names."
            : "Did you mean \(near.map { "`\($0)`" }.joined(separator: " or "))?"
        throw CommandFailure(.usage, "There is no event type `\(name)`. \(hint)")
    }
}

/// Which types a look-up shows.
///
/// Each option may stand several times: any of its values; the options together: all.
struct GlossaryFilters: ParsableArguments {
    @OptionGroup var edition: EditionOption

    @Option(
        name: .long,
        help: ArgumentHelp("Only types with this channel tag, such as email or in-app-messages.", valueName: "tag")
    )
    var channel: [String] = []

    @Option(name: .long, help: ArgumentHelp("Only types with this action tag, such as clicks.", valueName: "tag"))
    var action: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Only types of this section, such as \"message engagement\".", valueName: "name")
    )
    var section: [String] = []

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func types(text: String?, events: [String]) throws -> [EventType] {
        let edition = try edition.resolved()
        try check(channel, against: edition.types.flatMap(\.channels), option: "channel") {
            Filter(channels: [$0])
        }
        try check(action, against: edition.types.flatMap(\.actions), option: "action") { Filter(actions: [$0]) }
        return edition.types(
            matching: Filter(text: text, events: events, sections: section, channels: channel, actions: action)
        )
    }

    /// A misspelt tag would show an empty list and look like an answer.
    private func check(_ given: [String], against tags: [Tag], option: String, _ filter: (String) -> Filter) throws {
        let resolved = try edition.resolved()
        for value in given where resolved.types(matching: filter(value)).isEmpty {
            var known: [String] = []
            for tag in tags where !known.contains(tag.slug) { known.append(tag.slug) }
            let near = NearMiss.suggestion(for: value, among: known)
            let hint = near.map { "Did you mean \($0)?" } ?? "There are \(known.joined(separator: ", "))."
            throw CommandFailure(.usage, "Edition \(resolved.name) has no \(option) `\(value)`. \(hint)")
        }
    }
}
