internal import Delivery
internal import Platform
internal import Service
internal import Synchronization

/// One who has parts of the journal landed again, by one connector each, and sometimes changes his mind.
final class Replayer: Sendable {
    private let world: World
    private let scenario: Scenario
    private let dice: Dice
    private let state = Mutex<(made: Int, answered: [String], failures: [String])>((0, [], []))

    init(_ world: World, _ scenario: Scenario) {
        self.world = world
        self.scenario = scenario
        dice = Dice(seed: world.seed, for: 61)
    }

    /// Replays that the service has said it takes on: it must know them to the end.
    var answered: [String] { state.withLock { $0.answered } }
    /// What the service has said that it may not say.
    var complaints: [String] { state.withLock { $0.failures } }

    /// Asks now and then, until cancelled or nothing is left to ask.
    func ask(_ rooms: RoomsAtWork, pause: ClosedRange<Duration>) async {
        for _ in 0..<dice.number(0...scenario.replays) {
            guard (try? await world.clock.sleep(for: dice.duration(pause))) != nil else { return }
            if world.weather.isOver { return }
            await ask(rooms)
        }
    }

    private func ask(_ rooms: RoomsAtWork) async {
        let number = state.withLock { state in
            state.made += 1
            return state.made
        }
        let (id, connector) = ("r\(number)", dice.pick(scenario.connectors).name)
        let now = world.platform.clock.now()
        let from = dice.chance(500) ? Timestamp(seconds: 0) : now - dice.duration(.seconds(1)...(.seconds(600)))
        let to = dice.chance(700) ? now : now - dice.duration(.milliseconds(1)...(.seconds(60)))
        let events = dice.chance(300) ? [dice.pick(Scenario.types)] : []
        // Who does not know whether he was heard asks again: it is the same replay.
        for _ in 0..<dice.number(1...2) where from < to {
            do throws(ReplayRefusal) {
                _ = try await rooms.replay(id: id, connector: connector, from: from, to: to, events: events)
                guard !world.weather.isOver else { return }
                world.weather.note("a replay begins:", "\(id) of \(connector)")
                state.withLock { $0.answered.append(id) }
            } catch {
                world.weather.note("a replay is not had:", "\(id) of \(connector): \(error)")
                if case .another = error { complain("replay \(id) is taken for another") }
            }
        }
        guard dice.chance(100) else { return }
        _ = try? await rooms.cancelReplay(id)
    }

    private func complain(_ what: String) {
        state.withLock { $0.failures.append(what) }
    }
}
