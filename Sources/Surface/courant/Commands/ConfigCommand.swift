import ArgumentParser
import Avro
import Intake
import Service

/// `courant config`: the configuration file, before it is used and while it is.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check a configuration file, print an annotated one, or let a server read its own again.",
        discussion: """
            Examples:
              courant config example > courant.yaml
              courant config check courant.yaml
              courant config reload
            """,
        subcommands: [ConfigCheck.self, ConfigExample.self, ConfigReload.self]
    )
}

/// `courant config check`: every problem of a file with its line.
struct ConfigCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration file: every problem with line, key and what was expected.",
        discussion: """
            The folder of definitions (tracking.definitions) is read too: each file
            that cannot be taken is named with line and member, and whatever in
            the folder is not read is noted.

            Example:
              courant config check courant.yaml

            Exits with 78 if the file or the folder has a problem.
            """
    )

    @Argument(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var file: String

    func run() throws {
        let configuration = try ConfigurationFile.parsed(file)
        let sources = configuration.sources.map(\.name).joined(separator: ", ")
        let connectors = configuration.connectors.map(\.name).joined(separator: ", ")
        let folder = configuration.tracking.definitions.map { DefinitionFolder($0) }
        if let folder, !folder.problems.isEmpty {
            let problems = folder.problems.map(\.description).joined(separator: "\n")
            throw CommandFailure(.configuration, problems)
        }
        var output = StandardOutput()
        try output.line("\(file) is good.")
        var table = Table(indent: "  ")
        table.row("data", configuration.data)
        table.row("listen", configuration.listen.description)
        table.row("sources", sources.isEmpty ? "none" : sources)
        table.row("connectors", connectors.isEmpty ? "none" : connectors)
        if let folder { table.row("definitions", folder.summary) }
        try output.line(table.text)
        for stranger in folder?.strangers ?? [] {
            try output.line("  not read: \(stranger.path): \(stranger.reason)")
        }
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

/// `courant config reload`: a running server takes the connectors of its file over.
struct ConfigReload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Let a running server read its configuration file again.",
        discussion: """
            The server checks the file whole, then stops and starts the connectors
            that it changes; the others go on. The folder of definitions is read
            again too. A file with a problem changes nothing. Other settings need
            a restart, and are named.

            Example:
              courant config reload

            Exits with 1 if the file was not taken over.
            """
    )

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    /// Longer than the server's own `reload.timeout` as a rule.
    private static let timeout = Duration.seconds(600)

    func run() async throws {
        let client = try server.client()
        var call = ServerCall.post("/v1/config/reload")
        call.timeout = Self.timeout
        let answer = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        if json {
            try output.line(answer.pretty)
        } else {
            var table = Table()
            for (key, label) in [
                ("started", "started"), ("stopped", "stopped"), ("kept", "kept"), ("need_restart", "need a restart"),
            ] {
                let names = (answer[key]?.array ?? []).compactMap(\.string)
                table.row(label, names.isEmpty ? "none" : names.joined(separator: ", "))
            }
            if let count = answer["definitions"]?.integer { table.row("definitions", "\(count)") }
            try output.line(table.text)
        }
        try output.flush()
    }
}
