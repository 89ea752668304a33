import Intake
import Journal
import Testing

@testable import Service

@Suite(.timeLimit(.minutes(2))) struct DeadLetterTests {
    private static let eventBytesMax = 2_000

    /// A valid event that is larger than a source takes at first.
    private static func large(_ id: String, envelope: Bool) throws -> String {
        let url = "https://example.com/" + String(repeating: "x", count: eventBytesMax)
        guard envelope else { return try "{\"url\":\"\(url)\"," + event(id).dropFirst() }
        let user = "\"user\":{\"user_id\":\"u\"}"
        return """
            {"events":[{"event_type":"users.messages.email.Click","id":"\(id)","time":1700000000,\(user),\
            "properties":{"email_address":"a@example.com","url":"\(url)"}}]}
            """
    }

    @Test("a letter is taken again in the shape that it came in", arguments: [false, true])
    func shapes(envelope: Bool) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let body = try Self.large("big", envelope: envelope)
        try await withService(settings(in: folder) { $0.intake.eventBytesMax = Self.eventBytesMax }) { service in
            let path = envelope ? "currents" : "events"
            _ = try await ask("POST", "\(service.url)/v1/\(path)", body: body)
            let again = try await ask("POST", "\(service.url)/v1/dead-letters/intake:0:0/replay")
            #expect(again["outcome"] as? String == "refused", "\(again.body)")
            #expect((again["message"] as? String)?.contains("bytes") == true, "\(again.body)")
        }
        try await withService(settings(in: folder)) { service in
            let again = try await ask("POST", "\(service.url)/v1/dead-letters/intake:0:0/replay")
            #expect(again["outcome"] as? String == "delivered", "\(again.body)")
            let report = try await ask("GET", "\(service.url)/v1/connectors")
            #expect(report["sources", "0", "accepted"] as? Int == 1, "\(report.body)")
            let left = try await ask("GET", "\(service.url)/v1/dead-letters")
            #expect((left["dead_letters"] as? [Any])?.isEmpty == true, "\(left.body)")
        }
    }

    @Test(
        "the shape is told from an event's bytes",
        arguments: [
            ("{\"event_type\":\"a\",\"user\":{}}", SourceSettings.Format.currents),
            ("{\"event_type\":\"a\",\"user\":null,\"properties\":{\"a\":1}}", .currents),
            ("{\"event_type\":\"a\",\"properties\":\"{}\"}", .events),
            ("{\"event_type\":\"a\",\"user\":\"u\"}", .events),
            ("{\"event_type\":\"\\ud800\"}", .events),
        ]
    )
    func told(text: String, format: SourceSettings.Format) {
        let letter = DeadLetters.Letter(
            place: .intake(PartitionID(0), Offset(0)),
            from: "default",
            time: nil,
            eventType: nil,
            code: "",
            field: nil,
            message: "",
            bytes: Array(text.utf8)
        )
        #expect(letter.format == format)
    }
}
