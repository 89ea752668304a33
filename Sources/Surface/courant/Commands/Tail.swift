import ArgumentParser

/// `courant tail`: what a running server accepts, as it is accepted.
struct Tail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Follow the events that a server accepts, one JSON object a line.",
        discussion: """
            Shows what is accepted from now on, until it is interrupted. Under load
            the server leaves out events rather than slow down; the files have all.

            Example:
              courant tail --events 'users.messages.email.*'
            """
    )

    @OptionGroup var server: ServerOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Only these event types; may stand several times.", valueName: "name or glob")
    )
    var events: [String] = []

    @Option(name: .long, help: ArgumentHelp("Stop after this many events.", valueName: "events"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
    }

    func run() async throws {
        let client = try server.client()
        var seen = 0
        try await client.follow(.get("/v1/tail", query: events.map { ("events", $0) })) { line in
            var output = StandardOutput()
            try output.line(line)
            try output.flush()
            seen += 1
            if let limit, seen >= limit { return .stop }
            return .goOn
        }
    }
}
