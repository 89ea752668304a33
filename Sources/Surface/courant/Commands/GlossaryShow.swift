import ArgumentParser
import Avro
import Glossary

/// `courant glossary show`: one type with its fields in the three parts of an event.
struct GlossaryShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one event type: when it occurs, and its fields in three groups.",
        discussion: """
            Example:
              courant glossary show users.messages.email.Click
            """
    )

    @Argument(help: ArgumentHelp("Name or alias of the event type.", valueName: "event"))
    var event: String

    @OptionGroup var edition: EditionOption

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() throws {
        let type = try edition.type(named: event)
        var output = StandardOutput()
        if json {
            try output.line(JSONValue.parsed(type.json(withFields: true)).pretty)
        } else {
            for line in Self.page(type) { try output.line(line) }
        }
        try output.flush()
    }

    static func page(_ type: EventType) -> [String] {
        var lines = [type.name, "\(type.title) (\(type.section), edition \(type.edition))"]
        let tags = [GlossaryListing.tags(type.channels), GlossaryListing.tags(type.actions)].filter { !$0.isEmpty }
        if !tags.isEmpty { lines.append("Tags: \(tags.joined(separator: "; "))") }
        if !type.aliases.isEmpty { lines.append("Also accepted as: \(type.aliases.joined(separator: ", "))") }
        lines.append(type.occurs)
        for group in FieldGroup.allCases {
            let fields = type.fields(in: group)
            guard !fields.isEmpty else { continue }
            lines.append("")
            lines.append(group.title)
            var table = Table(indent: "  ")
            for field in fields {
                let meaning = field.description + (field.isPersonal ? " [personal]" : "")
                table.row(field.name, field.type.name + (field.isRequired ? "" : "?"), meaning)
            }
            lines.append(contentsOf: table.lines)
        }
        return lines
    }
}
