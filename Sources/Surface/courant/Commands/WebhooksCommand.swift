import ArgumentParser
import Avro

/// `courant webhooks`: providers' webhooks.
struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks",
        abstract: "Try the webhooks of providers.",
        discussion: """
            Examples:
              courant webhooks sample --provider sendgrid --source default
            """,
        subcommands: [WebhooksSample.self]
    )
}

/// `courant webhooks sample`: a signed sample, taken by the running server.
struct WebhooksSample: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Let the server take a signed sample of a provider.",
        discussion: """
            The server makes a request as the provider would post it, signs it,
            and takes it as if it had come from outside, so that a set-up can be
            tried before DNS and tunnels. Where the provider alone has the key
            (SendGrid, Amazon SES) one made for the sample stands in for it. The
            sample's events go where all others go; their recipient is
            kim@example.net. With --message-id they find the message of a report.

            Examples:
              courant webhooks sample --provider sendgrid --source default
              courant webhooks sample --provider twilio --source app --message-id 50ff8d0b
            """
    )

    @Option(name: .long, help: ArgumentHelp("sendgrid, twilio or ses.", valueName: "name"))
    var provider: String

    @Option(name: .long, help: ArgumentHelp("The source whose webhook it is.", valueName: "name"))
    var source: String

    @Option(name: .long, help: ArgumentHelp("The message that the events belong to.", valueName: "id"))
    var messageID: String?

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        let call = ServerCall.post(
            "/v1/webhooks/\(ServerCall.part(provider))/\(ServerCall.part(source))/sample",
            query: messageID.map { [("message_id", $0)] } ?? []
        )
        let answer = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        if json {
            try output.line(answer.pretty)
        } else {
            let signed = answer["key"]?.string == "configured" ? "the configured key" : "a key made for it"
            let waiting = answer.count("facts") - answer.count("accepted") - answer.count("duplicates")
            try output.line("posted to \(answer["url"]?.string ?? "") with \(signed): verified")
            try output.line(answer["body"]?.string ?? "")
            try output.line(
                "\(answer.count("facts")) facts: \(answer.count("accepted")) events accepted, "
                    + "\(max(0, waiting)) wait for their message or make no event"
            )
        }
        try output.flush()
    }
}
