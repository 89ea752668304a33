internal import Avro
internal import Platform
internal import Providers
internal import Service
internal import Synchronization
internal import Tracking

/// One that reports sends, and a provider that says again and again what became of the messages.
///
/// Every message goes to a user of its own, so that each event that must come of it can be told from all others.
final class Reporter: Sendable {
    static let userStart = "r-"

    private struct Report: Sendable {
        let key: String
        let body: String
        let users: [String]
        let type: String
    }

    private struct State {
        var made = 0
        var unanswered: [Report] = []
        /// Whose message was reported; the provider may speak of it.
        var sent: [String] = []
        /// What the provider has said.
        var said: [Fact] = []
        var failures: [String] = []
    }

    /// What became of one message, in the provider's words.
    private struct Fact: Sendable {
        static let kinds = [
            (name: "delivered", type: "users.messages.email.Delivery"),
            (name: "open", type: "users.messages.email.Open"),
        ]

        let user: String
        let name: String
        let type: String
        /// When it was, however often it is told.
        let time: Timestamp

        var text: String {
            """
            {"email":"\(user)@example.com","timestamp":\(time.seconds),"event":"\(name)",\
            "sg_event_id":"\(name)-\(user)","sg_message_id":"p-\(user).recvd-0"}
            """
        }
    }

    /// Signs as the provider that the service knows; its signatures differ from run to run, and nothing keeps them.
    static let provider = SendGridSample()
    private static let stranger = SendGridSample()

    private let world: World
    private let events: SentEvents
    private let dice: Dice
    /// Whether a report that is repeated comes under another key (schedule 11).
    private let drawsKeys: Bool
    private let state = Mutex(State())

    init(_ world: World, _ events: SentEvents, drawsKeys: Bool) {
        self.world = world
        self.events = events
        self.drawsKeys = drawsKeys
        dice = Dice(seed: world.seed, for: 50)
    }

    /// What the service has said that it may not say.
    var complaints: [String] { state.withLock { $0.failures } }

    /// Makes so many reports, and repeats what is unanswered, until cancelled or all is answered.
    func report(_ reports: Int, to rooms: RoomsAtWork, pause: ClosedRange<Duration>) async {
        var left = reports
        while left > 0 || !state.withLock({ $0.unanswered.isEmpty }) {
            guard (try? await world.clock.sleep(for: dice.duration(pause))) != nil else { return }
            if left > 0, dice.chance(500) {
                left -= 1
                let report = makeSends()
                state.withLock { $0.unanswered.append(report) }
            } else if left > 0, dice.chance(500) {
                left -= 1
                await speakAsProvider(to: rooms)
                continue
            }
            guard let report = state.withLock({ $0.unanswered.first }) else {
                left = max(0, left - 1)
                continue
            }
            await send(report, to: rooms)
            if world.weather.isOver { return }
        }
    }

    private func makeSends() -> Report {
        let number = state.withLock { state in
            state.made += 1
            return state.made
        }
        let users = (0..<dice.number(1...4)).map { "\(Self.userStart)\(number)-\($0)" }
        let recipients = users.map { user in
            "{\"user_id\":\"\(user)\",\"email_address\":\"\(user)@example.com\",\"provider_message_id\":\"p-\(user)\"}"
        }
        let body = """
            {"channel":"email","trigger":"scheduled","recipients":[\(recipients.joined(separator: ","))]}
            """
        return expected(Report(key: "k\(number)", body: body, users: users, type: "users.messages.email.Send"))
    }

    /// Enters what must come of a report.
    private func expected(_ report: Report) -> Report {
        let request = events.beginRequest()
        for user in report.users where !events.isKnown(Self.id(report.type, user)) {
            events.add(
                SentEvents.Event(
                    id: Self.id(report.type, user),
                    type: report.type,
                    isBad: false,
                    request: request,
                    fields: ["user_id": user, "email_address": "\(user)@example.com"],
                    isWhole: false,
                    flat: "",
                    enveloped: ""
                )
            )
        }
        return report
    }

    /// How the event of a user is known here: its own id is the service's to make.
    static func id(_ type: String, _ user: String) -> String { "\(type) \(user)" }

    private func send(_ report: Report, to rooms: RoomsAtWork) async {
        guard let json = try? JSONValue(parsing: report.body), let sends = try? TrackReport(.sends, reading: json)
        else {
            preconditionFailure("a report is made as the service reads it")
        }
        let key = drawsKeys ? "\(report.key) \(dice.word())" : report.key
        guard await isTaken(sends, key: "sends \(key)", Array(report.body.utf8), rooms), !dice.chance(100) else {
            return
        }
        for user in report.users { events.settle(Self.id(report.type, user), .acknowledged) }
        state.withLock { state in
            state.unanswered.removeAll { $0.key == report.key }
            state.sent += report.users
        }
    }

    /// A provider's webhook: the same facts any number of times, some in one body, and now and then a forged one.
    private func speakAsProvider(to rooms: RoomsAtWork) async {
        let (sent, known) = state.withLock { ($0.sent, $0.said) }
        guard !sent.isEmpty else { return }
        var facts: [Fact] = []
        for _ in 0..<dice.number(1...3) {
            let isAgain = !known.isEmpty && dice.chance(500)
            let kind = dice.pick(Fact.kinds)
            facts.append(
                isAgain
                    ? dice.pick(known)
                    : Fact(user: dice.pick(sent), name: kind.name, type: kind.type, time: world.clock.truth.now())
            )
        }
        state.withLock { $0.said += facts }
        for fact in facts { _ = expected(Report(key: "", body: "", users: [fact.user], type: fact.type)) }
        if dice.chance(100) { await forge(facts[0], to: rooms) }
        for _ in 0..<dice.number(1...2) {
            guard let status = await post(facts, signedBy: Self.provider, to: rooms), status < 300 else { continue }
            for fact in facts { events.settle(Self.id(fact.type, fact.user), .acknowledged) }
        }
    }

    /// What nobody signed who may: a click that no provider speaks of.
    private func forge(_ fact: Fact, to rooms: RoomsAtWork) async {
        let click = Fact(user: fact.user, name: "click", type: "", time: fact.time)
        guard let status = await post([click], signedBy: Self.stranger, to: rooms) else { return }
        if status < 300 { state.withLock { $0.failures.append("a forged webhook is answered \(status)") } }
    }

    /// The status of the answer; nil if none was heard.
    private func post(_ facts: [Fact], signedBy signer: SendGridSample, to rooms: RoomsAtWork) async -> Int? {
        let body = Array("[\(facts.map(\.text).joined(separator: ",\r\n"))]\r\n".utf8)
        // A service whose clock is wrong by hours would refuse it, as it should: the provider's is as wrong here.
        let now = world.platform.clock.now()
        guard let request = try? signer.request(url: "http://service.test/v1/webhooks", body: body, at: now) else {
            preconditionFailure("a key of one's own signs")
        }
        let status = await rooms.answer(request, from: SendGridWebhook.name)
        guard !world.weather.isOver else { return nil }
        world.weather.note("a webhook is answered:", "\(facts.count) facts: \(status)")
        return status
    }

    /// Whether a report was answered, and the answer heard.
    private func isTaken(_ report: TrackReport, key: String, _ body: [UInt8], _ rooms: RoomsAtWork) async -> Bool {
        do throws(TrackingError) {
            let answer = try await rooms.take(report, key: key, body: body)
            guard !world.weather.isOver else { return false }
            world.weather.note("a report is answered:", "\(key) \(answer.accepted)+\(answer.duplicates)")
            return true
        } catch {
            world.weather.note("a report is not taken:", "\(key) \(error.code)")
            return false
        }
    }
}
