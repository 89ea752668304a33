import Foundation
import ProgramTesting
import Testing

@Suite("courant webhooks")
struct WebhooksCommandTests {
    private static let configuration = """
        publicURL: https://events.example.com
        sources:
          default:
            webhooks:
              sendgrid: {unverified: true}
              twilio: {auth_tokens: [secret]}
              ses: {topics: ["arn:aws:sns:eu-west-1:123456789012:mail"]}
        """

    @Test("a sample says which key was tried, and tells what waits from what makes no event")
    func samples() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder, configuration: Self.configuration) { server in
                func sample(_ provider: String, _ more: String...) async throws -> [String] {
                    let command = ["webhooks", "sample", "--provider", provider, "--source", "default"] + more
                    let outcome = try await server.run(command)
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    return outcome.lines
                }
                let sendGrid = try await sample("sendgrid", "--message-id", "nobody", "--to", "ann@example.com")
                let url = "https://events.example.com/v1/webhooks/sendgrid/default"
                #expect(sendGrid[0] == "taken as if sendgrid had posted it to \(url)")
                #expect(sendGrid[1].hasPrefix("not verified: the webhook is configured as unverified"))
                #expect(sendGrid[2].contains("ann@example.com"))
                #expect(
                    sendGrid.last == "4 facts: 0 events accepted, 3 waiting for the report of their message, "
                        + "1 without an event of its own"
                )
                // A second one in the same second is no repeat.
                let second = try await sample("sendgrid")
                let third = try await sample("sendgrid")
                #expect(!second.contains { $0.contains("duplicate") } && !third.contains { $0.contains("duplicate") })
                #expect(try await sample("twilio")[1] == "signed with the configured token, and verified")
                #expect(try await sample("ses")[1].hasPrefix("signed with a key made for the sample, and verified"))
            }
        }
    }

    @Test("what there is not is told with what there is")
    func unknown() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder, configuration: Self.configuration) { server in
                let outcome = try await server.run(
                    "webhooks",
                    "sample",
                    "--provider",
                    "sendgird",
                    "--source",
                    "default"
                )
                #expect(outcome.status != 0)
                #expect(outcome.errors.contains("did you mean sendgrid? There are sendgrid, ses, twilio."))
            }
        }
    }
}
