import ArgumentParser
import Avro
import Foundation

/// `courant dead-letters`: what was set aside.
struct DeadLetterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "List, show, export and replay what was set aside.",
        discussion: """
            Intake sets aside events that cannot be stored, with the bytes they came
            as; a connector sets aside records that its destination or format
            refuses.

            Examples:
              courant dead-letters list
              courant dead-letters replay --connector partner
            """,
        subcommands: [DeadLetterList.self, DeadLetterShow.self, DeadLetterExport.self, DeadLetterReplay.self]
    )
}

/// Which dead letters are meant.
struct DeadLetterSelection: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Only intake's, of this source.", valueName: "name"))
    var source: String?

    @Option(name: .long, help: ArgumentHelp("Only those that this connector's destination refused.", valueName: "name"))
    var connector: String?

    @Option(name: .long, help: ArgumentHelp("Only those with this code.", valueName: "code"))
    var code: String?

    private static let pageSize = 500

    /// All that are meant, page by page; with their bytes if wanted.
    func forEach(
        _ client: ServerClient,
        withBytes: Bool,
        limit: Int = .max,
        _ take: (JSONValue) async throws -> Void
    ) async throws {
        var (after, left) = (String?.none, limit)
        repeat {
            var query = [("limit", "\(min(left, Self.pageSize))"), ("bytes", "\(withBytes)")]
            for (name, value) in [("source", source), ("connector", connector), ("code", code), ("after", after)] {
                if let value { query.append((name, value)) }
            }
            let call = ServerCall.get("/v1/dead-letters", query: query)
            let page = try await client.exchange(call).expectingSuccess(asking: client.address).json()
            for letter in page["dead_letters"]?.array ?? [] {
                try await take(letter)
                left -= 1
            }
            after = page["next"]?.string
        } while after != nil && left > 0
    }
}

/// `courant dead-letters list`: one line for each.
struct DeadLetterList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List dead letters.",
        discussion: """
            Example:
              courant dead-letters list --source default --code size_over_limit
            """
    )

    @OptionGroup var selection: DeadLetterSelection

    @Option(name: .long, help: ArgumentHelp("How many at most.", valueName: "count"))
    var limit: Int = 100

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        var letters: [JSONValue] = []
        try await selection.forEach(try server.client(), withBytes: false, limit: max(1, limit)) { letters.append($0) }
        var output = StandardOutput()
        if json {
            try output.line(JSONValue.object(["dead_letters": .array(letters)]).pretty)
        } else {
            var table = Table(rightAligned: [4])
            table.row("ID", "FROM", "EVENT TYPE", "CODE", "BYTES", "MESSAGE")
            for letter in letters {
                table.row(cells: [
                    letter["id"]?.string ?? "", letter["from"]?.string ?? "", letter["event_type"]?.string ?? "-",
                    letter["code"]?.string ?? "", Figures.count(letter.count("bytes")), letter["message"]?.string ?? "",
                ])
            }
            try output.line(table.text)
        }
        try output.flush()
    }
}

/// `courant dead-letters show`: one in full.
struct DeadLetterShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one dead letter, with its bytes.",
        discussion: """
            Example:
              courant dead-letters show intake:0:4711
            """
    )

    @Argument(help: ArgumentHelp("The dead letter's id.", valueName: "id"))
    var id: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let client = try server.client()
        let call = ServerCall.get("/v1/dead-letters/\(ServerCall.part(id))")
        let letter = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        try output.line(letter.pretty)
        try output.flush()
    }
}

/// `courant dead-letters export`: the events, to be mended and sent again.
struct DeadLetterExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the events as they came, one a line.",
        discussion: """
            What is not valid UTF-8 or has line breaks of its own is written as
            {"base64": …}. Mend the file, then send it with `courant send`.

            Example:
              courant dead-letters export --source default > letters.ndjson
            """
    )

    @OptionGroup var selection: DeadLetterSelection

    @OptionGroup var server: ServerOptions

    func run() async throws {
        var output = StandardOutput()
        try await selection.forEach(try server.client(), withBytes: true) { letter in
            if let text = letter["event"]?.string, !text.contains(where: \.isNewline) {
                try output.line(text)
            } else {
                let bytes = letter["event"]?.string.map { Data($0.utf8).base64EncodedString() }
                let base64 = bytes ?? letter["event_base64"]?.string ?? ""
                try output.line(JSONValue.object([.init("base64", .string(base64))]).text)
            }
        }
        try output.flush()
    }
}

/// `courant dead-letters replay`: tried again as they are.
struct DeadLetterReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Try dead letters again.",
        discussion: """
            Intake's go through intake again, as their source's settings are now;
            refused records go to their connector alone. What is refused again stays.

            Examples:
              courant dead-letters replay intake:0:4711
              courant dead-letters replay --connector partner

            Exits with 1 if any was refused again.
            """
    )

    @Argument(help: ArgumentHelp("Ids; without any, all that the options select.", valueName: "id"))
    var ids: [String] = []

    @OptionGroup var selection: DeadLetterSelection

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        var wanted = ids
        if wanted.isEmpty {
            try await selection.forEach(client, withBytes: false) { letter in
                if let id = letter["id"]?.string { wanted.append(id) }
            }
        }
        var results: [JSONValue] = []
        for id in wanted {
            let call = ServerCall.post("/v1/dead-letters/\(ServerCall.part(id))/replay")
            results.append(try await client.exchange(call).expectingSuccess(asking: client.address).json())
        }
        let refused = results.filter { $0["outcome"]?.string != "delivered" }
        var output = StandardOutput()
        if json {
            try output.line(JSONValue.object(["replayed": .array(results)]).pretty)
        } else {
            for result in refused {
                try output.line("\(result["id"]?.string ?? ""): \(result["message"]?.string ?? "")")
            }
            let taken = Figures.count(results.count - refused.count)
            try output.line("\(taken) of \(Figures.count(results.count, "dead letter")) taken.")
        }
        try output.flush()
        guard refused.isEmpty else { throw CommandFailure(.rejected, "Some were refused again and stay.") }
    }
}
