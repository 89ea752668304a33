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
            tried before DNS and tunnels. Nothing is posted to any address.

            Twilio's sample is signed with the configured token, which is tried
            so. SendGrid and Amazon SES keep their signing keys to themselves:
            their samples are signed with a key made for them, and the configured
            key is not tried. An unverified webhook looks at no signature.

            The sample's events go where all others go. With --message-id they
            find the message of a report; --to names the recipient, an email
            address or a number, in place of a made-up one.

            Examples:
              courant webhooks sample --provider sendgrid --source default
              courant webhooks sample --provider sendgrid --source default \\
                --message-id 50ff8d0b --to ann@example.com
            """
    )

    @Option(name: .long, help: ArgumentHelp("sendgrid, twilio or ses.", valueName: "name"))
    var provider: String

    @Option(name: .long, help: ArgumentHelp("The source whose webhook it is.", valueName: "name"))
    var source: String

    @Option(name: .long, help: ArgumentHelp("The message that the events belong to.", valueName: "id"))
    var messageID: String?

    @Option(name: .long, help: ArgumentHelp("The recipient: an email address or a number.", valueName: "address"))
    var to: String?

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        let call = ServerCall.post(
            "/v1/webhooks/\(ServerCall.part(provider))/\(ServerCall.part(source))/sample",
            query: [("message_id", messageID), ("to", to)].compactMap { name, value in value.map { (name, $0) } }
        )
        let answer = try await client.exchange(call).expectingSuccess(asking: client.address).json()
        var output = StandardOutput()
        if json {
            try output.line(answer.pretty)
        } else {
            try output.line("taken as if \(provider) had posted it to \(answer["url"]?.string ?? "")")
            try output.line(Self.trial(of: answer["key"]?.string ?? ""))
            let body = Substring(answer["body"]?.string ?? "")
            try output.line(
                String(body[..<(body.lastIndex { !$0.isNewline }.map(body.index(after:)) ?? body.startIndex)])
            )
            try output.line(Self.sum(answer))
        }
        try output.flush()
    }

    /// What of the set-up has been tried.
    private static func trial(of key: String) -> String {
        switch key {
        case "configured": "signed with the configured token, and verified"
        case "unverified": "not verified: the webhook is configured as unverified and takes what anybody posts"
        default:
            "signed with a key made for the sample, and verified; the configured key is the provider's alone to try"
        }
    }

    private static func sum(_ answer: JSONValue) -> String {
        let (facts, accepted) = (answer.count("facts"), answer.count("accepted"))
        let (duplicates, waiting) = (answer.count("duplicates"), answer.count("waiting"))
        var parts = ["\(Figures.count(accepted, "event")) accepted"]
        if duplicates > 0 { parts.append("\(Figures.count(duplicates, "duplicate"))") }
        if waiting > 0 { parts.append("\(waiting) waiting for the report of their message") }
        // One fact may make more than one event.
        let without = facts - accepted - duplicates - waiting
        if without > 0 { parts.append("\(without) without an event of its own") }
        return "\(Figures.count(facts, "fact")): \(parts.joined(separator: ", "))"
    }
}
