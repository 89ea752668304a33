import Avro
import Foundation
import Glossary
import Intake
import Journal
import Platform
import Providers
import Telemetry
import Tracking

/// Reports and webhooks to durable events and state: everything between HTTP and the answer, by many callers at once.
struct TrackingBenchmark {
    static let callers = 16
    static let reports = 2_000
    static let recipients = 100
    static let webhooks = 20_000

    @concurrent
    func run() async throws {
        try await Self.with(.live()) { tracker in
            try await sends(tracker)
            try await webhooks(tracker)
        }
    }

    /// A tracker with a journal of its own, while `work` lasts.
    static func with(_ platform: Platform, _ work: @escaping @Sendable (Tracker) async throws -> Void) async throws {
        try await ScratchFolder.with { folder in
            let journal = try await BenchJournal.open(in: folder, platform: platform)
            let intake = try IntakeBenchmark.intake(into: journal, platform: platform)
            let store = try await TrackingStore.open("\(folder)/tracking.db", platform: platform)
            let tracker = Tracker(
                sources: [TrackingSource(name: "default", edition: try IntakeBenchmark.editions()[0])],
                settings: TrackingSettings(),
                intake: intake,
                store: store,
                platform: platform,
                metrics: MetricRegistry(),
                failStop: { error in fatalError("tracking failed: \(error)") }
            )
            try await tracker.recover()
            try await BenchJournal.running(journal) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await tracker.run() }
                    try await work(tracker)
                    group.cancelAll()
                }
            }
            try await store.close()
        }
    }

    private func sends(_ tracker: Tracker) async throws {
        let bodies = (0..<Self.reports).map { Self.body($0, recipients: Self.recipients) }
        let measurement = Measurement.start()
        try await Self.each(bodies.count) { index in
            try await Self.take(bodies[index], number: index, recipients: Self.recipients, tracker)
        }
        measurement.row(
            "Sends reported, context stored",
            events: Self.reports * Self.recipients,
            bytes: bodies.reduce(0) { $0 + $1.count },
            against: "tracking"
        )
    }

    /// One report of the sends of its number.
    static func report(_ number: Int, recipients: Int, to tracker: Tracker) async throws {
        try await take(body(number, recipients: recipients), number: number, recipients: recipients, tracker)
    }

    private static func body(_ number: Int, recipients: Int) -> [UInt8] {
        let entries = (0..<recipients).map { index in
            let user = number * recipients + index
            return
                #"{"user_id":"u-\#(user)","email_address":"u-\#(user)@example.com","provider_message_id":"p-\#(user)"}"#
        }
        let head = #"{"channel":"email","trigger":"scheduled","campaign_id":"c-1","recipients":["#
        return Array((head + entries.joined(separator: ",") + "]}").utf8)
    }

    private static func take(_ body: [UInt8], number: Int, recipients: Int, _ tracker: Tracker) async throws {
        let report = try TrackReport(.sends, reading: JSONValue(parsing: String(decoding: body, as: UTF8.self)))
        let answer = try await tracker.take(report, from: "default", key: "\(number)", body: body)
        guard answer.accepted == recipients else { throw BenchmarkFailure("sends were not accepted") }
    }

    private func webhooks(_ tracker: Tracker) async throws {
        let now = SystemClock().now()
        let url = "https://events.example.com/v1/webhooks"
        let sendGrid = SendGridSample()
        try await measure(
            "SendGrid webhooks of 4 events, verified",
            tracker,
            try SendGridWebhook(SendGridConfiguration(publicKeys: [sendGrid.publicKey]))
        ) { index in
            let time = now + .seconds(index % 1_000)
            let arguments = [("message_id", "none-\(index)"), ("user_id", "u-\(index)")]
            let text = String(decoding: SendGridSample.body(at: time, arguments: arguments), as: UTF8.self)
            let body = Array(text.replacing("sample-\(time.seconds)", with: "sample-\(index)").utf8)
            return try sendGrid.request(url: url, body: body, at: now)
        }
        let twilio = TwilioSample(token: "a token of the account")
        try await measure(
            "Twilio status callbacks, verified",
            tracker,
            try TwilioWebhook(TwilioConfiguration(authTokens: [twilio.token]))
        ) { index in
            twilio.status("delivered", message: "SM\(index)", url: "\(url)?user_id=u-\(index)", at: now)
        }
        let day = Duration.seconds(86_400)
        let ses = try SESSample(from: now - day, until: now + day)
        try await measure(
            "Amazon SES events through SNS, verified",
            tracker,
            try SESWebhook(SESConfiguration(topics: [SESSample.topic])) { _ in ses.certificate }
        ) { index in
            try ses.notification(
                SESSample.delivery(at: now, tags: [("user_id", "u-\(index)")]),
                id: "m-\(index)",
                url: url,
                at: now
            )
        }
    }

    private func measure(
        _ what: String,
        _ tracker: Tracker,
        _ webhook: some ProviderWebhook,
        _ make: (Int) throws -> WebhookRequest
    ) async throws {
        // Signing with RSA costs more than all that is measured.
        let requests = try (0..<Self.webhooks / (what.hasPrefix("Amazon") ? 10 : 1)).map(make)
        let measurement = Measurement.start()
        try await Self.each(requests.count) { index in
            let request = requests[index]
            try await webhook.verify(request)
            let reading = webhook.read(request)
            guard reading.strange.isEmpty, !reading.reports.isEmpty else { throw BenchmarkFailure("\(what): strange") }
            let report = TrackReport.provider(name: what, reading.reports, strange: [])
            _ = try await tracker.take(report, from: "default", body: request.body)
        }
        let bytes = requests.reduce(0) { $0 + $1.body.count }
        measurement.row(what, events: requests.count, bytes: bytes, against: "tracking")
    }

    private static func each(_ count: Int, _ work: @escaping @Sendable (Int) async throws -> Void) async throws {
        let turn = Turn()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    while true {
                        let index = turn.next()
                        guard index < count else { return }
                        try await work(index)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Looking up message contexts among very many, of a month: how long one takes by our id, which tells its day, and by
/// the provider's, which does not.
struct ContextBenchmark {
    static let contexts = 10_000_000
    static let perTurn = 50_000
    static let lookups = 100_000
    static let days = 30

    private enum Way: CaseIterable {
        case byOwnID
        case byProviderID

        var title: String { self == .byOwnID ? "Look-up" : "Look-up by the provider's id" }
    }

    @concurrent
    func run() async throws {
        try await ScratchFolder.with { folder in
            let store = try await TrackingStore.open("\(folder)/tracking.db", platform: .live())
            let value =
                #"{"campaign_id":"8c1d5b1e-3f0a-4d52-9a41-6f0a7c2b9e11","dispatch_id":"6d0f5a1e-3f0a-4d52-9a41"}"#
            let filling = Measurement.start()
            for start in stride(from: 0, to: Self.contexts, by: Self.perTurn) {
                // In the order of their heads, since that is only preparation: 7 bits of each turn's rows lie apart.
                let heads = (start..<start + Self.perTurn).map(Self.head).sorted {
                    ($0.high, $0.low) < ($1.high, $1.low)
                }
                let day = Self.day(start)
                let changes = try await store.read { (view) throws(TrackingError) in
                    for head in heads {
                        view.put(.messages, day: day, head, "", value)
                        view.put(.providerMessages, day: day.generation, head, "ann@example.com", Self.messageID)
                    }
                    return view.changes.changes
                }
                try await store.apply(changes, applied: .zero)
            }
            filling.row(
                "Contexts stored",
                events: Self.contexts,
                bytes: Self.contexts * value.utf8.count,
                against: "tracking"
            )
            for way in Way.allCases {
                _ = try await seconds(of: way, store)
                let seconds = try await seconds(of: way, store)
                let (p50, p99) = (seconds[seconds.count / 2], seconds[seconds.count * 99 / 100])
                print(
                    """
                    {"what":"\(way.title) among \(Self.contexts) contexts of \(Self.days) days, p50 \(Self.micro(p50)) µs, \
                    p99 \(Self.micro(p99)) µs","rate":\(Double(Self.lookups) / seconds.reduce(0, +)),"megabytes":0}
                    """
                )
            }
            try await store.close()
        }
    }

    /// How long each of so many look-ups takes, the shortest first.
    private func seconds(of way: Way, _ store: TrackingStore) async throws -> [Double] {
        try await store.read { (view) throws(TrackingError) in
            var seconds: [Double] = []
            let clock = ContinuousClock()
            for number in 0..<Self.lookups {
                let sought = number &* 7_919 % Self.contexts
                let head = Self.head(sought)
                let began = clock.now
                if way == .byProviderID {
                    guard try view.firstRows(.providerMessages, head, ofEachDay: 4).first?.rows.count == 1 else {
                        throw TrackingError(.state, "a provider's id is missing")
                    }
                }
                let found = try view.value(.messages, day: Self.day(sought), head)
                seconds.append((clock.now - began).inSeconds)
                guard found != nil else { throw TrackingError(.state, "a context is missing") }
            }
            return seconds.sorted()
        }
    }

    private static let messageID = "4fe6c0ffee00c0ffee00c0ffee00"

    /// Each turn's rows have one, evenly.
    private static func day(_ number: Int) -> StateDay {
        StateDay(UInt16(20_454 + number / perTurn % days))
    }

    private static func micro(_ seconds: Double) -> String { String(format: "%.1f", seconds * 1e6) }

    /// Scattered as hashes are.
    private static func head(_ number: Int) -> RowHead {
        var mixed = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        return RowHead(high: mixed ^ (mixed >> 27), low: UInt64(number))
    }
}
