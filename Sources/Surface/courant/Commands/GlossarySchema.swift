import ArgumentParser
import Avro
import Glossary

/// `courant glossary schema`: one type's schema, as it stands in the files or for a JSON validator.
struct GlossarySchema: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print one event type's Avro schema or JSON Schema.",
        discussion: """
            Example:
              courant glossary schema users.messages.email.Click --format json-schema
            """
    )

    /// Which schema language.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case avro
        case jsonSchema = "json-schema"
    }

    @Argument(help: ArgumentHelp("Name or alias of the event type.", valueName: "event"))
    var event: String

    @OptionGroup var edition: EditionOption

    @Option(name: .long, help: "Schema language: avro or json-schema.")
    var format: Format = .avro

    func run() throws {
        let type = try edition.type(named: event)
        let schema =
            switch format {
            case .avro: type.avroSchema(namespace: .files(kind: "Local"))
            case .jsonSchema: type.jsonSchema()
            }
        var output = StandardOutput()
        try output.line(JSONValue.parsed(schema).pretty)
        try output.flush()
    }
}
