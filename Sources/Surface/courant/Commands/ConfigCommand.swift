import ArgumentParser
import Intake
import Service

/// `courant config`: the configuration file, before it is used.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check a configuration file, or print an annotated one.",
        discussion: """
            Examples:
              courant config example > courant.yaml
              courant config check courant.yaml
            """,
        subcommands: [ConfigCheck.self, ConfigExample.self]
    )
}

/// `courant config check`: every problem of a file with its line.
struct ConfigCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration file: every problem with line, key and what was expected.",
        discussion: """
            Example:
              courant config check courant.yaml

            Exits with 78 if the file has a problem.
            """
    )

    @Argument(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var file: String

    func run() throws {
        let configuration = try ConfigurationFile.parsed(file)
        let sources = configuration.sources.map(\.name).joined(separator: ", ")
        let connectors = configuration.connectors.map(\.name).joined(separator: ", ")
        var output = StandardOutput()
        try output.line("\(file) is good.")
        var table = Table(indent: "  ")
        table.row("data", configuration.data)
        table.row("listen", configuration.listen.description)
        table.row("sources", sources.isEmpty ? "none" : sources)
        table.row("connectors", connectors.isEmpty ? "none" : connectors)
        try output.line(table.text)
        try output.flush()
    }
}

/// `courant config example`: a file to begin with.
struct ConfigExample: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "example",
        abstract: "Print an annotated configuration with every key and its default.",
        discussion: """
            Example:
              courant config example > courant.yaml
            """
    )

    func run() throws {
        var output = StandardOutput()
        try output.write(Configuration.example)
        try output.flush()
    }
}
