internal import Avro
internal import Platform
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
        var said: [(user: String, type: String)] = []
    }

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

    /// What a provider's webhook tells once its signature is checked: the same fact any number of times.
    private func speakAsProvider(to rooms: RoomsAtWork) async {
        let sent = state.withLock { $0.sent }
        guard !sent.isEmpty else { return }
        let said = state.withLock { $0.said }
        let isAgain = !said.isEmpty && dice.chance(500)
        let (user, type) =
            isAgain
            ? dice.pick(said)
            : (dice.pick(sent), dice.pick(["users.messages.email.Delivery", "users.messages.email.Open"]))
        state.withLock { $0.said.append((user, type)) }
        _ = expected(Report(key: "", body: "", users: [user], type: type))
        let word = ProviderReport(
            .happened(type: type),
            key: Self.id(type, user),
            time: world.clock.truth.now().seconds,
            address: .email("\(user)@example.com"),
            providerMessageID: "p-\(user)"
        )
        for _ in 0..<dice.number(1...2) {
            let report = TrackReport.provider(name: "simulated", [word], strange: [])
            guard await isTaken(report, key: "", Array(user.utf8), rooms) else { continue }
            events.settle(Self.id(type, user), .acknowledged)
        }
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
