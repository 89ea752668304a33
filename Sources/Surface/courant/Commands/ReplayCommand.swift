import ArgumentParser
import Avro
import Platform

/// `courant replay`: what was journalled lands again.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Land again what was journalled in a range of time.",
        discussion: """
            The files lie under <prefix>.replay/<id>/, beside the connector's own, so
            that a loader does not take them twice; each record stands there once.
            Live delivery goes on meanwhile. A replay survives a restart.

            Examples:
              courant replay --connector warehouse --from 2026-11-23T00:00:00Z --to 2026-11-24T00:00:00Z
              courant replay list
            """,
        subcommands: [ReplayStart.self, ReplayListCommand.self, ReplayCancel.self],
        defaultSubcommand: ReplayStart.self
    )

    static func line(_ replay: JSONValue) -> [String] {
        let (done, all) = (replay.count("offsets_done"), max(1, replay.count("offsets")))
        var state = replay["state"]?.string ?? ""
        if let trouble = replay["trouble"]?.string { state = "\(state == "failed" ? state : "waiting"): \(trouble)" }
        return [
            replay["id"]?.string ?? "", replay["connector"]?.string ?? "", "\(done * 100 / all) %",
            Figures.count(replay.count("landed")), state,
        ]
    }
}

/// `courant replay start`, also without its name.
struct ReplayStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Begin a replay, and wait for its end.",
        discussion: """
            Example:
              courant replay start --connector warehouse --from 1782000000 --to 1782003600 --events 'users.messages.*'

            Exits with 1 if records were lost or set aside, or if nothing was
            journalled then.
            """
    )

    @Option(name: .long, help: ArgumentHelp("The connector's name.", valueName: "name"))
    var connector: String

    @Option(name: .long, help: ArgumentHelp("The first moment: RFC 3339 or Unix seconds.", valueName: "time"))
    var from: String

    @Option(name: .long, help: ArgumentHelp("The moment after the last.", valueName: "time"))
    var to: String

    @Option(name: .long, help: ArgumentHelp("Only these of its types; may be repeated.", valueName: "name or glob"))
    var events: [String] = []

    @Option(name: .long, help: ArgumentHelp("A name for it; asking again with it begins nothing new.", valueName: "id"))
    var id: String?

    @Flag(name: .long, help: "Do not wait for the end.")
    var detach = false

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    private static let askEvery = Duration.milliseconds(500)

    func run() async throws {
        let client = try server.client()
        var wanted: [JSONValue.Member] = [
            .init("connector", .string(connector)), .init("from", .string(from)), .init("to", .string(to)),
            .init("events", .array(events.map(JSONValue.string))),
        ]
        if let id { wanted.append(.init("id", .string(id))) }
        let body = Array(JSONValue.object(wanted).text.utf8)
        var call = ServerCall.post("/v1/replays", json: body)
        // The range is looked for in the whole journal first.
        call.timeout = .seconds(600)
        var replay = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        let path = "/v1/replays/\(ServerCall.part(replay["id"]?.string ?? ""))"
        let clock = SystemClock()
        var progress = ProgressBar("Replaying", clock: clock)
        while !detach, replay["state"]?.string == "running" {
            let share = Double(replay.count("offsets_done")) / Double(max(1, replay.count("offsets")))
            progress.update(events: replay.count("landed"), share: share)
            try await clock.sleep(for: Self.askEvery)
            replay = try await client.exchange(.get(path)).expectingSuccess(asking: client.address).json()
        }
        progress.finish()
        var output = StandardOutput()
        if json {
            try output.line(replay.pretty)
        } else {
            try output.line(sentence(replay))
        }
        try output.flush()
        let isWhole = replay.count("lost") == 0 && replay.count("set_aside") == 0
        guard isWhole, !["cancelled", "failed"].contains(replay["state"]?.string) else {
            throw CommandFailure(.rejected, "Not everything has landed.")
        }
    }

    private func sentence(_ replay: JSONValue) -> String {
        let id = replay["id"]?.string ?? ""
        guard replay["state"]?.string != "running" else {
            return "Replay \(id) has begun; `courant replay list` shows how far it has come."
        }
        if replay["state"]?.string == "failed" {
            let reason = replay["trouble"]?.string ?? ""
            return "Replay \(id) cannot go on: \(reason). It is tried again at the next start or reload."
        }
        let landed = Figures.count(replay.count("landed"), "record")
        return "Replay \(id) is \(replay["state"]?.string ?? ""): landed \(landed)"
            + ", set aside \(replay.count("set_aside")), lost \(replay.count("lost"))."
    }
}

/// `courant replay list`: all that there were.
struct ReplayListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List replays, the latest first.",
        discussion: """
            Example:
              courant replay list --json
            """
    )

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        let answer = try await client.exchange(.get("/v1/replays")).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        if json {
            try output.line(answer.pretty)
        } else {
            var table = Table(rightAligned: [2, 3])
            table.row("ID", "CONNECTOR", "READ", "LANDED", "STATE")
            for replay in answer["replays"]?.array ?? [] { table.row(cells: ReplayCommand.line(replay)) }
            try output.line(table.text)
        }
        try output.flush()
    }
}

/// `courant replay cancel`: it ends; what has landed stays.
struct ReplayCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "End a replay; what has landed stays.",
        discussion: """
            Example:
              courant replay cancel 0b1c2d3e4f506172
            """
    )

    @Argument(help: ArgumentHelp("The replay's id.", valueName: "id"))
    var id: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let client = try server.client()
        let call = ServerCall.delete("/v1/replays/\(ServerCall.part(id))")
        _ = try await client.exchange(call).expectingSuccess(asking: client.address)
        var output = StandardOutput()
        try output.line("Replay \(id) is cancelled.")
        try output.flush()
    }
}
