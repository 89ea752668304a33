import Avro
import Foundation
import Glossary
import Intake
import Platform
import PlatformTesting
import Providers
import Telemetry
import Tracking

/// What senders report to tracking, definitions, and what providers' reports become.
///
/// The first byte names the address, the body follows. The tracker handles each report before a journal that refuses
/// it, so that the next finds the same state.
struct ReportsTarget: FuzzTarget {
    static let name = "reports"

    private static let start: Int64 = 1_767_225_600
    private let tracker: Tracker
    private let webhooks: [any ProviderWebhook]

    init() throws {
        tracker = try awaited { () async -> Result<Tracker, any Error> in
            do { return .success(try await Self.make()) } catch { return .failure(error) }
        }.get()
        webhooks = [
            try SendGridWebhook(SendGridConfiguration(publicKeys: [], isUnverified: true)),
            try TwilioWebhook(TwilioConfiguration(authTokens: [], isUnverified: true)),
            try SESWebhook(SESConfiguration(topics: [], isUnverified: true)) { _ in [] },
        ]
    }

    func take(_ input: FuzzInput) {
        var input = input
        let choice = Int(input.byte()) % 16
        let body = input.rest
        if choice >= 13 { return webhook(choice - 13, body) }
        guard let text = String(validating: body, as: UTF8.self), let json = try? JSONValue(parsing: text) else {
            return
        }
        do throws(DefinitionError) {
            switch choice {
            case 0..<7: try handle(TrackReport(TrackRoute.allCases[choice], reading: json), body)
            case 7, 8: try handle(TrackReport(usersReading: json), body)
            case 9: handle(.undefine(.group, id: text), body)
            default: try define(Definition.Kind.allCases[choice - 10], json, body)
            }
        } catch {
            demand(!error.description.isEmpty, "an error says what is wrong")
        }
    }

    private func define(_ kind: Definition.Kind, _ json: JSONValue, _ body: [UInt8]) throws(DefinitionError) {
        let definition = try Definition(kind, id: json["id"]?.string ?? "one", reading: json)
        do {
            let version = StoredVersion(kind, id: definition.id, from: Self.start, json: definition.json)
            let stored = try StoredVersion(version.text, from: "\(Self.start)")
            let again = try Definition(kind, id: stored.id, reading: stored.json)
            demand(stored == version && again == definition, "a definition changes by being stored")
        } catch {
            fatalError("a stored definition cannot be read again: \(error)")
        }
        handle(.define(definition), body)
    }

    private func webhook(_ number: Int, _ body: [UInt8]) {
        let webhook = webhooks[number]
        let request = WebhookRequest(
            url: "https://events.example.com/v1/webhooks/any/default?message_id=m1",
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"), ("x-amz-sns-rawdelivery", "true"),
            ],
            body: body,
            arrived: Timestamp(seconds: Self.start)
        )
        let reading = webhook.read(request)
        let strange = reading.strange.map { TrackReport.StrangePart(raw: $0.raw, message: $0.message) }
        handle(.provider(name: type(of: webhook).name, reading.reports, strange: strange), body)
    }

    private func handle(_ report: TrackReport, _ body: [UInt8]) {
        awaited {
            do throws(TrackingError) {
                // What makes no event and changes nothing needs no journal.
                let answer = try await tracker.take(report, from: "default", key: "key", body: body)
                demand(answer.accepted == 0, "events are accepted that no journal has")
            } catch {
                demand([.journal, .report].contains(error.code), "tracking ends: \(error)")
                demand(!error.message.isEmpty, "an error says what is wrong")
            }
        }
    }

    // MARK: - Making

    private static func make() async throws -> Tracker {
        let folder = FileManager.default.temporaryDirectory.appending(path: "courant-fuzz-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let platform = Platform.onOneThread(clock: ManualClock(Timestamp(seconds: start)), files: SystemFiles())
        let journal = CatchingJournal(partitions: 1)
        let metrics = MetricRegistry()
        let editions = Glossary.standard.editions
        let intake = Intake(
            sources: [SourceSettings(name: "default")],
            editions: editions,
            schemas: try Intake.journalSchemas(editions),
            settings: IntakeSettings(),
            journal: journal,
            platform: platform,
            metrics: metrics
        )
        guard let edition = Glossary.standard.edition("2021") else { fatalError("an edition of the glossary") }
        let tracker = Tracker(
            sources: [TrackingSource(name: "default", edition: edition, sends: .reported)],
            settings: TrackingSettings(),
            intake: intake,
            store: try await TrackingStore.open("\(folder)/tracking.db", platform: platform),
            platform: platform,
            metrics: metrics,
            failStop: { fatalError("tracking fails: \($0)") }
        )
        // It lives as long as the process.
        Task(executorPreference: OneThread.shared) { try await tracker.run() }
        try await tell(tracker)
        journal.refuse()
        // The open database keeps its files; their names are of no more use.
        try FileManager.default.removeItem(atPath: folder)
        return tracker
    }

    /// People, a group, a campaign and messages for inputs to be about.
    private static func tell(_ tracker: Tracker) async throws {
        func report(_ route: TrackRoute, _ text: String) async throws {
            let report = try TrackReport(route, reading: JSONValue(parsing: text))
            _ = try await tracker.take(report, from: "default", key: text, body: Array(text.utf8))
        }
        let users = """
            {"users":[{"user_id":"u1","external_user_id":"kim","timezone":"Europe/Oslo","phones":["+15005551001"],\
            "emails":["kim@example.net"]}]}
            """
        _ = try await tracker.take(
            TrackReport(usersReading: JSONValue(parsing: users)),
            from: "default",
            body: Array(users.utf8)
        )
        let definitions: [(Definition.Kind, String)] = [
            (
                .group,
                """
                {"name":"News","channel":"sms","app_group_id":"g","numbers":["+15005550006"],\
                "messaging_services":["MG1"]}
                """
            ),
            (
                .campaign,
                """
                {"name":"Spring","variations":[{"id":"v-a","name":"A","share":90},\
                {"id":"v-0","name":"Control","share":10,"control":true}],\
                "conversions":[{"type":"Makes Purchase","window":3600,"product":"any"},\
                {"type":"Clicks Message","window":7200}]}
                """
            ),
        ]
        for (kind, text) in definitions {
            let definition = try Definition(kind, id: "one", reading: JSONValue(parsing: text))
            _ = try await tracker.take(.define(definition), from: "default", body: Array(text.utf8))
        }
        for channel in ["email", "sms"] {
            try await report(
                .sends,
                """
                {"channel":"\(channel)","trigger":"scheduled","dispatch_key":"\(channel)","campaign_id":"one",\
                "message_variation_id":"v-a","recipients":[{"user_id":"u1","email_address":"kim@example.net",\
                "phone_number":"+15005551001","provider_message_id":"p-u1"}]}
                """
            )
        }
    }
}
