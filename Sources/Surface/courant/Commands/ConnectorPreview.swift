import ArgumentParser
import Avro
import Foundation

/// `courant connector preview`: what one event becomes on its way.
struct ConnectorPreview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview",
        abstract: "Show what a connector makes of one event; nothing is stored or sent.",
        discussion: """
            Without a file the event is made up: one of the connector's first event
            type, or of the type given.

            Examples:
              courant connector preview warehouse --type users.messages.email.Open
              echo '{"event_type":…}' | courant connector preview warehouse -

            Exits with 1 if the event is not taken or not delivered.
            """
    )

    @Argument(help: ArgumentHelp("The connector's name.", valueName: "name"))
    var name: String

    @Argument(help: ArgumentHelp("A file with one event as JSON; - reads standard input.", valueName: "file"))
    var file: String?

    @Option(name: .long, help: ArgumentHelp("Make up an event of this type.", valueName: "event type"))
    var type: String?

    @Option(name: .long, help: ArgumentHelp("The source that sends it, if there are several.", valueName: "name"))
    var source: String?

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func validate() throws {
        guard file == nil || type == nil else {
            throw ValidationError("--type makes up an event; leave it out with a file")
        }
    }

    func run() async throws {
        let client = try server.client()
        let query = [("event_type", type), ("source", source)].compactMap { name, value in value.map { (name, $0) } }
        let call = ServerCall.post(
            "/v1/connectors/\(ServerCall.part(name))/preview",
            query: query,
            json: try file.map(Self.bytes)
        )
        let answer = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        if json {
            try output.line(answer.pretty)
        } else {
            for line in Self.page(answer) { try output.line(line) }
        }
        try output.flush()
        guard answer["outcome"]?.string == "delivered" else {
            throw CommandFailure(.rejected, answer["reason"]?.string ?? "The event is not delivered.")
        }
    }

    private static func bytes(of file: String) throws -> [UInt8] {
        let isInput = file == "-"
        let data = isInput ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: file)
        guard let data else { throw CommandFailure(.noInput, "`\(file)` cannot be read.") }
        return Array(data)
    }

    private static func shortened(_ text: String) -> String {
        text.count > valueWidthMax ? text.prefix(valueWidthMax - 1) + "…" : text
    }

    private static let valueWidthMax = 44

    private static func page(_ answer: JSONValue) -> [String] {
        var lines = [answer["event_type"]?.string ?? ""]
        guard case .object(let after)? = answer["after"] else { return lines }
        let changed = Set((answer["changed"]?.array ?? []).compactMap(\.string))
        var table = Table()
        table.row("", "FIELD", "AS SENT", "AS DELIVERED")
        var names = after.map(\.key)
        if case .object(let before)? = answer["before"] {
            names += before.map(\.key).filter { !names.contains($0) }
        }
        for name in names {
            let (sent, delivered) = (answer["before"]?[name], answer["after"]?[name])
            if sent ?? .null == .null, delivered ?? .null == .null { continue }
            table.row(
                changed.contains(name) ? "*" : "",
                name,
                shortened(sent?.text ?? "-"),
                shortened(delivered?.text ?? "left out")
            )
        }
        lines.append(table.text)
        lines.append(changed.isEmpty ? "Nothing changes on the way." : "* changes on the way.")
        return lines
    }
}
