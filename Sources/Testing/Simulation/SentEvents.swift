internal import Synchronization

/// All events that senders have made, and what they were told of each.
final class SentEvents: Sendable {
    enum Fate: Sendable {
        /// Nobody has said what became of it.
        case unknown
        /// The service has said that it is durable.
        case acknowledged
        /// The service has said that it is not taken.
        case refused
    }

    struct Event: Sendable {
        let id: String
        let type: String
        /// Whether it may not be taken.
        let isBad: Bool
        /// The request that it was first made for.
        let request: Int
        var fate = Fate.unknown
        /// What its record has; where `isWhole` is false, its service adds others.
        var fields: [String: String] = [:]
        var isWhole = true
        /// JSON, as a flat record and as an item of the envelope.
        let flat: String
        let enveloped: String
    }

    /// How ids of events end that the partner refuses.
    static let poisonEnding = "-poison"

    private struct State {
        var events: [Event] = []
        var places: [String: Int] = [:]
        var requests = 0
    }

    private let state = Mutex(State())

    var all: [Event] { state.withLock { $0.events } }
    var count: Int { state.withLock { $0.events.count } }
    func isKnown(_ id: String) -> Bool { state.withLock { $0.places[id] != nil } }

    func event(_ id: String) -> Event? {
        state.withLock { state in state.places[id].map { state.events[$0] } }
    }

    func beginRequest() -> Int {
        state.withLock { state in
            state.requests += 1
            return state.requests
        }
    }

    func add(_ event: Event) {
        state.withLock { state in
            state.places[event.id] = state.events.count
            state.events.append(event)
        }
    }

    func settle(_ id: String, _ fate: Fate) {
        state.withLock { state in
            guard let place = state.places[id] else { preconditionFailure("a sender settles its own events") }
            // Once acknowledged is acknowledged for ever.
            if state.events[place].fate != .acknowledged { state.events[place].fate = fate }
        }
    }

    func some(_ dice: Dice, acknowledged: Bool) -> Event? {
        state.withLock { state in
            guard !state.events.isEmpty else { return nil }
            let event = dice.pick(state.events)
            guard !event.flat.isEmpty else { return nil }
            return (event.fate == .acknowledged) == acknowledged ? event : nil
        }
    }
}
