import ArgumentParser
import Avro

/// `courant connector forget`: finished files that shall not land any more.
struct ConnectorForget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Give up finished files that have not landed; their records count as lost.",
        discussion: """
            For a destination that is gone for good: a connector keeps its place while
            finished files wait to land there. Forget them, then change the place and
            reload. What is not in a finished file yet goes to the new place.

            For a connector that is not configured any more it takes away all that is
            left of it: unlanded files, refused records and how far it had read.

            Example:
              courant connector forget warehouse --yes
            """
    )

    @Argument(help: ArgumentHelp("The connector's name.", valueName: "name"))
    var name: String

    @Flag(name: .long, help: "Really do it: the records are lost to this connector.")
    var yes = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard yes else { throw ValidationError("--yes is missing: the records of those files are lost then") }
    }

    func run() async throws {
        let client = try server.client()
        let call = ServerCall.post("/v1/connectors/\(ServerCall.part(name))/forget")
        let answer = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        let records = Figures.count(answer.count("records"), "record")
        try output.line("Forgot \(Figures.count(answer.count("files"), "file")) with \(records).")
        try output.flush()
    }
}
