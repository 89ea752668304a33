import ArgumentParser
import Avro
import Foundation

/// `courant definitions`: campaigns, canvases and subscription groups of a running server.
struct DefinitionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "definitions",
        abstract: "List, show, put and delete campaigns, canvases and subscription groups.",
        discussion: """
            A folder of definitions (tracking.definitions) is checked by
            `courant config check` and read again by `courant config reload`.

            Examples:
              courant definitions list
              courant definitions put campaign spring spring.json
            """,
        subcommands: [DefinitionList.self, DefinitionShow.self, DefinitionPut.self, DefinitionDelete.self]
    )

    /// What is defined, and under which address.
    enum Kind: String, CaseIterable, ExpressibleByArgument {
        case campaign
        case canvas
        case group

        var address: String {
            switch self {
            case .campaign: "campaigns"
            case .canvas: "canvases"
            case .group: "subscription-groups"
            }
        }

        func address(_ id: String) -> String { "/v1/\(address)/\(ServerCall.part(id))" }
    }
}

/// `courant definitions list`: one line for each.
struct DefinitionList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the definitions in force.",
        discussion: """
            Example:
              courant definitions list --kind campaign
            """
    )

    @Option(name: .long, help: ArgumentHelp("Only campaign, canvas or group.", valueName: "kind"))
    var kind: DefinitionCommand.Kind?

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        var members: [JSONValue.Member] = []
        var table = Table()
        table.row("KIND", "ID", "NAME")
        for kind in kind.map({ [$0] }) ?? DefinitionCommand.Kind.allCases {
            let member = kind.address.replacing("-", with: "_")
            var found: [JSONValue] = []
            var after: String?
            repeat {
                let call = ServerCall.get("/v1/\(kind.address)", query: after.map { [("after", $0)] } ?? [])
                let page = try await client.exchange(call).expectingSuccess(asking: client.address).json()
                found += page[member]?.array ?? []
                after = page["next"]?.string
            } while after != nil
            members.append(.init(member, .array(found)))
            for definition in found {
                table.row(kind.rawValue, definition["id"]?.string ?? "", definition["name"]?.string ?? "")
            }
        }
        var output = StandardOutput()
        try output.line(json ? JSONValue.object(members).pretty : table.text)
        try output.flush()
    }
}

/// Which definition is meant.
struct DefinitionPlace: ParsableArguments {
    @Argument(help: ArgumentHelp("campaign, canvas or group.", valueName: "kind"))
    var kind: DefinitionCommand.Kind

    @Argument(help: ArgumentHelp("Its id.", valueName: "id"))
    var id: String
}

/// `courant definitions show`: one in full.
struct DefinitionShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one definition as it is in force.",
        discussion: """
            Example:
              courant definitions show campaign spring
            """
    )

    @OptionGroup var place: DefinitionPlace

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let client = try server.client()
        let call = ServerCall.get(place.kind.address(place.id))
        let answer = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        try output.line(answer.pretty)
        try output.flush()
    }
}

/// `courant definitions put`: from now on.
struct DefinitionPut: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Put a definition in force, from a file of JSON.",
        discussion: """
            What is wrong in it is named by its member, and nothing changes.

            Example:
              courant definitions put canvas welcome welcome.json
            """
    )

    @OptionGroup var place: DefinitionPlace

    @Argument(help: ArgumentHelp("The file.", valueName: "file"))
    var file: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw CommandFailure(.noInput, "There is no file `\(file)` that can be read.")
        }
        let client = try server.client()
        var call = ServerCall.post(place.kind.address(place.id), json: Array(bytes))
        call.method = "PUT"
        _ = try await client.exchange(call).expectingSuccess(asking: client.address)
        var output = StandardOutput()
        try output.line("The \(place.kind.rawValue) \(place.id) is in force.")
        try output.flush()
    }
}

/// `courant definitions delete`: out of force; what was made of it stays.
struct DefinitionDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Take a definition out of force; what was made of it stays.",
        discussion: """
            One whose file is still in the folder of definitions comes back with the
            next start or reload.

            Example:
              courant definitions delete campaign spring
            """
    )

    @OptionGroup var place: DefinitionPlace

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let client = try server.client()
        let call = ServerCall.delete(place.kind.address(place.id))
        _ = try await client.exchange(call).expectingSuccess(asking: client.address)
        var output = StandardOutput()
        try output.line("The \(place.kind.rawValue) \(place.id) is not in force any more.")
        try output.flush()
    }
}
