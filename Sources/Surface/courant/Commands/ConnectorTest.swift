import ArgumentParser
import Avro

/// `courant connector test`: whether the destination works.
struct ConnectorTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Write, read back and delete one small file, and say what is wrong.",
        discussion: """
            The file lies under <prefix>.test/, beside the connector's own. Nothing
            that the connector does is disturbed, and it may be paused or failing.
            With --events one made-up event of each type that the connector carries
            is delivered too, each into a file that stays there, so that a loader
            can be tried. A stream is asked whether it would take records; with
            --events it gets made-up ones.

            Examples:
              courant connector test warehouse
              courant connector test warehouse --events

            Exits with 1 if a step fails.
            """
    )

    @Argument(help: ArgumentHelp("The connector's name.", valueName: "name"))
    var name: String

    @Flag(name: .long, help: "Deliver one made-up event of each type, too.")
    var events = false

    @Option(name: .long, help: ArgumentHelp("How long the destination may take.", valueName: "seconds"))
    var timeout: Int = 30

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        var answer = try await ask(events: false, client)
        if events, answer["ok"] == .boolean(true) { answer = try await ask(events: true, client) }
        var output = StandardOutput()
        if json {
            try output.line(answer.pretty)
        } else {
            var table = Table()
            for step in answer["steps"]?.array ?? [] {
                let outcome = step["outcome"]?.string ?? ""
                table.row(step["name"]?.string ?? "", Self.words[outcome] ?? outcome, step["message"]?.string ?? "")
            }
            try output.line("\(name) at \(answer["location"]?.string ?? "")")
            try output.line(table.text)
        }
        try output.flush()
        guard answer["ok"] == .boolean(true) else {
            throw CommandFailure(.rejected, "The destination of \(name) does not work as it must.")
        }
    }

    private static let words = ["ok": "ok", "failed": "FAILED", "not_needed": "not needed"]

    private func ask(events: Bool, _ client: ServerClient) async throws -> JSONValue {
        let query = [("events", "\(events)"), ("timeout", "\(timeout)s")]
        var call = ServerCall.post("/v1/connectors/\(ServerCall.part(name))/test", query: query)
        // The server answers by its own timeout; ours is there for a server that does not.
        call.timeout = .seconds(timeout + 15)
        return try await client.exchange(call).expectingSuccess(asking: client.address).json()
    }
}
