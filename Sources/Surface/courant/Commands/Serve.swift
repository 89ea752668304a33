import ArgumentParser
import Foundation
import Platform
import Service

/// `courant serve`: the server.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server.",
        discussion: """
            Without a configuration it listens on loopback, takes events from
            anybody on this machine, and writes Avro files to DATA/files. It refuses
            to listen beyond loopback before `courant token create` has made a
            token. SIGTERM finishes what is in flight and stops; SIGHUP reads the
            configuration file again (see `courant config reload`), if there is one.
            The log goes to standard error.

            Examples:
              courant serve --data ./courant-data
              courant serve --config courant.yaml --listen 127.0.0.1:9000

            Exits with 78 if it cannot start as configured, with 70 if a write to
            the data folder failed.
            """
    )

    @Option(name: .long, help: ArgumentHelp("Configuration file (see `courant config example`).", valueName: "file"))
    var config: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Data folder, in place of the configured one (default: courant-data).", valueName: "folder")
    )
    var data: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Address, in place of the configured one (default: 127.0.0.1:8080).", valueName: "host:port")
    )
    var listen: String?

    /// What stands before the address on the first line: the demonstration and the tests find the port by it.
    static let listeningPrefix = "Courant listens on "

    func validate() throws {
        if let listen, ListenAddress(listen) == nil {
            throw ValidationError("--listen is HOST:PORT such as 127.0.0.1:8080, not '\(listen)'.")
        }
    }

    func run() async throws {
        let (data, listen) = (data, listen.flatMap { ListenAddress($0) })
        let service = CourantService(
            Self.overridden(try ConfigurationFile.read(config), data, listen),
            reread: config.map { file in Self.reading(file, data, listen) },
            processID: ProcessInfo.processInfo.processIdentifier,
            platform: .live()
        )
        try await ServiceFailure.translated {
            try await service.run { started in Self.greet(started) }
        }
    }

    private static func reading(_ file: String, _ data: String?, _ listen: ListenAddress?) -> Configuration.Reread {
        { () throws(ConfigurationError) in overridden(try ConfigurationFile.reread(file), data, listen) }
    }

    /// The command line takes the place of what the file says.
    private static func overridden(
        _ configuration: Configuration,
        _ data: String?,
        _ listen: ListenAddress?
    ) -> Configuration {
        var configuration = data.map { configuration.with(data: $0) } ?? configuration
        if let listen { configuration.listen = listen }
        return configuration
    }

    /// Also without a terminal: whoever starts it from a script reads it in a log.
    private static func greet(_ started: CourantService.Started) {
        var output = StandardOutput()
        try? output.line(greeting(started))
        try? output.flush()
    }

    static func greeting(_ started: CourantService.Started) -> String {
        var lines = ["\(listeningPrefix)\(started.url)"]
        if started.adminListen != nil { lines.append("Admin routes are at \(started.adminURL)") }
        lines.append("The data folder is \(started.data)")
        for connector in started.connectors {
            lines.append("Connector \(connector.name) writes to \(connector.location)")
        }
        let token = started.isOpen ? "" : " -H 'Authorization: Bearer TOKEN'"
        lines += [
            "Try:",
            "  curl \(started.url)/v1/events\(token) -H 'Content-Type: application/json' -d '\(sampleEvent)'",
            "  \(Invocation.name) sample --events 1000 | \(Invocation.name) send - --to \(started.url)",
        ]
        return lines.joined(separator: "\n")
    }

    /// With an id, which a strict source demands; another with each start, or the next try would be a repeat.
    private static var sampleEvent: String {
        #"{"id":"\#(UUID().uuidString.lowercased())","event_type":"users.messages.email.Open","#
            + #""user_id":"ada","email_address":"ada@example.com","time":1782000300}"#
    }
}
