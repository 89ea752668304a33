internal import Avro
internal import Intake
internal import Platform
internal import Service
internal import Synchronization

/// One who looks after the service: has the partner take what it refused, and tries dead letters again.
///
/// Now and then the same letter twice, one after the other or in the same moment, as two people would.
final class Operator: Sendable {
    /// How often everything that is left is tried again at the end.
    private static let roundsMax = 20

    private let world: World
    private let scenario: Scenario
    private let events: SentEvents
    private let dice: Dice
    /// Letters that a careless one has put through intake: for it they are done with.
    private let dismissed = Mutex<Set<String>>([])

    init(_ world: World, _ scenario: Scenario, _ events: SentEvents) {
        self.world = world
        self.scenario = scenario
        self.events = events
        dice = Dice(seed: world.seed, for: 60)
    }

    /// Looks now and then, until cancelled.
    func look(after rooms: RoomsAtWork, pause: ClosedRange<Duration>) async {
        guard let desk = try? rooms.deadLetterDesk() else { return }
        while (try? await world.clock.sleep(for: dice.duration(pause))) != nil, !world.weather.isOver {
            for letter in await letters(at: desk) where dice.chance(500) {
                if dice.chance(500) { accept(letter) }
                for _ in 0..<dice.number(1...2) { await replay(letter, at: desk, rooms) }
                if dice.chance(200) {
                    async let first: Void = replay(letter, at: desk, rooms)
                    async let second: Void = replay(letter, at: desk, rooms)
                    _ = await (first, second)
                }
            }
        }
    }

    /// Has the partner take everything, and tries again what is there; answers what is left of it.
    func finish(_ rooms: RoomsAtWork) async -> [String] {
        guard let desk = try? rooms.deadLetterDesk() else { return ["the schemas of dead letters cannot be read"] }
        for _ in 0..<Self.roundsMax {
            let left = await letters(at: desk)
            if left.isEmpty { return [] }
            for letter in left {
                accept(letter)
                await replay(letter, at: desk, rooms)
            }
        }
        return await letters(at: desk).map { "\($0.id) cannot be delivered though its destination takes it" }
    }

    private func letters(at desk: DeadLetterDesk) async -> [DeadLetterDesk.Letter] {
        var letters: [DeadLetterDesk.Letter] = []
        for connector in scenario.connectors where connector.kind == .endpoint {
            letters += (try? await desk.letters(of: connector.name)) ?? []
        }
        return dismissed.withLock { dismissed in letters.filter { !dismissed.contains($0.id) } }
    }

    private func accept(_ letter: DeadLetterDesk.Letter) {
        if let id = Self.event(of: letter) { world.elsewhere.accept(id) }
    }

    private func replay(_ letter: DeadLetterDesk.Letter, at desk: DeadLetterDesk, _ rooms: RoomsAtWork) async {
        switch world.variant {
        case .replaysThroughIntake: await replay(letter, through: rooms.intake)
        case .replaysAnew: await world.renewing { await replay(letter, through: rooms.intake) }
        default:
            // What is not delivered stays, and is tried again in the end.
            let reason = (try? await desk.replay(letter.id)) ?? "delivered, or cut off"
            world.weather.note("a dead letter is tried again:", "\(letter.id): \(reason)")
        }
    }

    /// As a careless service would.
    private func replay(_ letter: DeadLetterDesk.Letter, through intake: Intake) async {
        guard let id = Self.event(of: letter), !world.elsewhere.refuses(id), let event = events.event(id) else {
            return
        }
        let body = Body(Array(event.flat.utf8))
        let answer = await intake.answer(IntakeRequest(source: "default", format: .events, body: body))
        guard answer.status == 200 else { return }
        dismissed.withLock { _ = $0.insert(letter.id) }
    }

    private static func event(of letter: DeadLetterDesk.Letter) -> String? {
        (try? JSONValue(parsing: String(decoding: letter.event, as: UTF8.self)))?["id"]?.string
    }
}
