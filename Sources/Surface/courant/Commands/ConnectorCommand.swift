import ArgumentParser
import Avro

/// `courant connector`: the deliveries of a running server.
struct ConnectorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connector",
        abstract: "Look at connectors; flush, pause, resume and test them; preview what they deliver.",
        discussion: """
            Examples:
              courant connector list
              courant connector flush local
            """,
        subcommands: [
            ConnectorList.self, ConnectorStatusCommand.self, ConnectorFlush.self, ConnectorPause.self,
            ConnectorResume.self, ConnectorForget.self, ConnectorTest.self, ConnectorPreview.self,
        ]
    )
}

/// `courant connector list`: one line for each.
struct ConnectorList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the connectors with their lag and balance.",
        discussion: """
            Example:
              courant connector list --json
            """
    )

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let report = try await ServerReport.fetch(server.client())
        var output = StandardOutput()
        if json {
            try output.line(JSONValue.object(["connectors": .array(report.connectors.map(\.json))]).pretty)
        } else {
            for line in BalanceTables.connectors(report) { try output.line(line) }
        }
        try output.flush()
    }
}

/// `courant connector status`: one connector in full.
struct ConnectorStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show one connector: cursors, lag, last error, balance by type.",
        discussion: """
            Example:
              courant connector status local
            """
    )

    @Argument(help: ArgumentHelp("The connector's name.", valueName: "name"))
    var name: String

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let report = try await ServerReport.fetch(server.client())
        let connector = try report.connector(named: name)
        var output = StandardOutput()
        if json {
            try output.line(connector.json.pretty)
        } else {
            for line in connector.page { try output.line(line) }
        }
        try output.flush()
    }
}

/// `courant connector flush`: everything accepted so far lands now.
struct ConnectorFlush: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flush",
        abstract: "Close the open files now and wait until all that was accepted has landed.",
        discussion: """
            Example:
              courant connector flush local --timeout 120

            Exits with 1 if the connector is paused, or if something is still
            pending when the time is up.
            """
    )

    @Argument(help: ArgumentHelp("The connector's name.", valueName: "name"))
    var name: String

    @Option(name: .long, help: ArgumentHelp("How long to wait.", valueName: "seconds"))
    var timeout: Int = 60

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        let answer = try await ServerReport.flush(name, timeout: timeout, client)
        var output = StandardOutput()
        if json {
            try output.line(answer.pretty)
        } else {
            let records = Int(answer["records"]?.integer ?? 0)
            let files = Int(answer["files"]?.integer ?? 0)
            try output.line("Landed \(Figures.count(records, "record")) in \(Figures.count(files, "file")).")
        }
        try output.flush()
    }
}

/// `courant connector pause`: it delivers nothing until it is resumed, also over a restart.
struct ConnectorPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop a connector's delivery until it is resumed; nothing is lost meanwhile.",
        discussion: """
            Example:
              courant connector pause local
            """
    )

    @Argument(help: ArgumentHelp("The connector's name.", valueName: "name"))
    var name: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerReport.act("pause", on: name, server.client())
        var output = StandardOutput()
        try output.line("Connector \(name) is paused.")
        try output.flush()
    }
}

/// `courant connector resume`: it goes on where it stopped.
struct ConnectorResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let a paused connector go on where it stopped.",
        discussion: """
            Example:
              courant connector resume local
            """
    )

    @Argument(help: ArgumentHelp("The connector's name.", valueName: "name"))
    var name: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerReport.act("resume", on: name, server.client())
        var output = StandardOutput()
        try output.line("Connector \(name) goes on.")
        try output.flush()
    }
}
