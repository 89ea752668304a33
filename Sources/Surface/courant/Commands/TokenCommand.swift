import ArgumentParser
import Avro

/// `courant token`: who may send, look and act.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke access tokens.",
        discussion: """
            A token carries scopes: ingest (send events to its source), read (look),
            admin (act, tokens included). From the first token on every request
            needs one. Before the first start beyond loopback, name the data folder:

            Examples:
              courant token create ops --scope admin --data ./courant-data
              courant token create web --scope ingest --source default
              courant token list
              courant token revoke web
            """,
        subcommands: [TokenCreate.self, TokenList.self, TokenRevoke.self]
    )
}

/// Whether tokens are kept by a running server or in a data folder at rest.
struct TokenPlace: ParsableArguments {
    @OptionGroup var server: ServerOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Work in this data folder, with no server running on it.", valueName: "folder")
    )
    var data: String?

    @Option(name: .long, help: ArgumentHelp("Work in the data folder of this configuration file.", valueName: "file"))
    var config: String?

    /// The tokens of the folder, or nil where a server is asked.
    func atRest() throws -> TokensAtRest? {
        guard data != nil || config != nil else { return nil }
        return TokensAtRest(try ConfigurationFile.read(config, data: data))
    }
}

/// `courant token create`: prints the new token, once.
struct TokenCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a token and print it: it is shown this once.",
        discussion: """
            The first token must carry the scope admin.

            Example:
              courant token create web --scope ingest --source default
            """
    )

    @Argument(help: ArgumentHelp("What the token is called.", valueName: "name"))
    var name: String

    @Option(name: .long, help: ArgumentHelp("ingest, read or admin; may stand several times.", valueName: "scope"))
    var scope: [String] = []

    @Option(name: .long, help: ArgumentHelp("The source that its events belong to (with ingest).", valueName: "source"))
    var source: String?

    @OptionGroup var place: TokenPlace

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func validate() throws {
        guard !scope.isEmpty else { throw ValidationError("Give at least one --scope of ingest, read, admin.") }
        for scope in scope where !["ingest", "read", "admin"].contains(scope) {
            throw ValidationError("There is no scope '\(scope)'; there are ingest, read and admin.")
        }
    }

    func run() async throws {
        let view: JSONValue
        if let tokens = try place.atRest() {
            view = try await tokens.create(name: name, source: source, scopes: scope)
        } else {
            let client = try place.server.client()
            var members: [JSONValue.Member] = [
                .init("name", .string(name)), .init("scopes", .array(scope.map { .string($0) })),
            ]
            if let source { members.append(.init("source", .string(source))) }
            let body = [UInt8](JSONValue.object(members).text.utf8)
            let answer = try await client.exchange(.post("/v1/tokens", json: body))
            view = try answer.expectingSuccess(asking: client.address).json()
        }
        var output = StandardOutput()
        if json {
            try output.line(view.pretty)
        } else {
            try output.line(view["token"]?.string ?? "")
        }
        try output.flush()
        if !json { StandardError.line("Keep it now: only its hash is stored, so it cannot be shown again.") }
    }
}

/// `courant token list`: the tokens without their texts.
struct TokenList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the tokens: names, scopes, sources, last four characters.",
        discussion: """
            Example:
              courant token list --json
            """
    )

    @OptionGroup var place: TokenPlace

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let view: JSONValue
        if let tokens = try place.atRest() {
            view = try await tokens.list()
        } else {
            let client = try place.server.client()
            view = try await client.exchange(.get("/v1/tokens")).expectingSuccess(asking: client.address).json()
        }
        var output = StandardOutput()
        if json {
            try output.line(view.pretty)
        } else {
            var table = Table()
            table.row("NAME", "SCOPES", "SOURCE", "CREATED", "ENDS IN")
            for token in view["tokens"]?.array ?? [] {
                let scopes = (token["scopes"]?.array ?? []).compactMap(\.string).joined(separator: ",")
                table.row(cells: [
                    token["name"]?.string ?? "", scopes, token["source"]?.string ?? "-", token["created"]?.string ?? "",
                    token["last_four"]?.string ?? "",
                ])
            }
            try output.line(table.text)
        }
        try output.flush()
    }
}

/// `courant token revoke`: the token opens nothing from the next request on.
struct TokenRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revoke a token, from the next request on.",
        discussion: """
            Example:
              courant token revoke web
            """
    )

    @Argument(help: ArgumentHelp("The token's name.", valueName: "name"))
    var name: String

    @OptionGroup var place: TokenPlace

    func run() async throws {
        if let tokens = try place.atRest() {
            try await tokens.revoke(name)
        } else {
            let client = try place.server.client()
            let answer = try await client.exchange(.delete("/v1/tokens/\(ServerCall.part(name))"))
            _ = try answer.expectingSuccess(asking: client.address)
        }
        var output = StandardOutput()
        try output.line("Token \(name) is revoked.")
        try output.flush()
    }
}
