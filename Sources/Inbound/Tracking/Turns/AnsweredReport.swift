import Avro

/// What a report was answered, as it is kept with its Idempotency-Key: a repeat is answered from it, whatever has been
/// defined since.
struct AnsweredReport: Sendable, Hashable {
    private enum Dispatch {
        /// The message has a dispatch id for itself.
        static let own: Int64 = -1
        static let none: Int64 = -2
    }

    let arrived: Int64
    let digest: String
    let items: Int
    /// Events that the report made itself, and those that were made before.
    let events: Int
    let rejected: [ItemRejection]
    let waiting: Int
    let context: Int
    let withoutEvent: [TrackAnswer.Outcome]
    /// Dispatch ids that messages share.
    private let shared: [String]
    /// Each message's item, and the place of its dispatch id in `shared`: the ids themselves are made again.
    private let messages: [(item: Int, dispatch: Int64)]

    init(_ handled: Handled, _ source: String, _ key: String, arrived: Int64, digest: UInt64) {
        self.arrived = arrived
        self.digest = "\(digest)"
        items = handled.items
        events = handled.events + handled.repeats
        rejected = handled.rejected
        waiting = handled.waiting
        context = handled.context
        withoutEvent = handled.withoutEvent
        var places: [String: Int64] = [:]
        var shared: [String] = []
        messages = handled.messages.map { message in
            guard let id = message.dispatchID else { return (message.index, Dispatch.none) }
            if id == TrackingIDs.dispatchID(source, key, item: message.index) { return (message.index, Dispatch.own) }
            if let place = places[id] { return (message.index, place) }
            places[id] = Int64(shared.count)
            shared.append(id)
            return (message.index, Int64(shared.count - 1))
        }
        self.shared = shared
    }

    /// Reads what `text` wrote; nil where it is something else.
    init?(_ text: String) {
        guard let json = try? JSONValue(parsing: text), let arrived = json["arrived"]?.integer,
            let digest = json["digest"]?.string, let items = json["items"]?.integer,
            let events = json["events"]?.integer, let waiting = json["waiting"]?.integer,
            let context = json["context"]?.integer,
            let rejected = json["rejected"]?.array, let withoutEvent = json["without_event"]?.array,
            let shared = json["dispatches"]?.array, let messages = json["messages"]?.array
        else { return nil }
        self.arrived = arrived
        self.digest = digest
        self.items = Int(clamping: items)
        self.events = Int(clamping: events)
        self.waiting = Int(clamping: waiting)
        self.context = Int(clamping: context)
        self.rejected = rejected.compactMap(ItemRejection.init(stored:))
        self.withoutEvent = withoutEvent.compactMap(TrackAnswer.Outcome.init(stored:))
        self.shared = shared.compactMap(\.string)
        let numbers = messages.compactMap(\.integer)
        self.messages = stride(from: 0, to: numbers.count - 1, by: 2).map {
            (Int(clamping: numbers[$0]), numbers[$0 + 1])
        }
    }

    var text: String {
        JSONValue.object([
            .init("arrived", .number("\(arrived)")), .init("digest", .string(digest)),
            .init("items", .number("\(items)")), .init("events", .number("\(events)")),
            .init("waiting", .number("\(waiting)")), .init("context", .number("\(context)")),
            .init("rejected", .array(rejected.map(\.stored))),
            .init("without_event", .array(withoutEvent.map(\.stored))),
            .init("dispatches", .array(shared.map(JSONValue.string))),
            .init(
                "messages",
                .array(messages.flatMap { [JSONValue.number("\($0.item)"), .number("\($0.dispatch)")] })
            ),
        ]).text
    }

    /// The answer again: what was accepted counts as a repeat now.
    func handled(_ source: String, _ key: String) -> Handled {
        var handled = Handled(items: items)
        handled.repeats = events
        handled.rejected = rejected
        handled.waiting = waiting
        handled.context = context
        handled.withoutEvent = withoutEvent
        handled.messages = messages.map { message in
            let dispatch: String? =
                switch message.dispatch {
                case Dispatch.none: nil
                case Dispatch.own: TrackingIDs.dispatchID(source, key, item: message.item)
                default: shared.indices.contains(Int(clamping: message.dispatch)) ? shared[Int(message.dispatch)] : nil
                }
            return TrackAnswer.Message(
                index: message.item,
                messageID: TrackingIDs.messageID(day: StateDay(seconds: arrived), source, key, "\(message.item)"),
                dispatchID: dispatch
            )
        }
        return handled
    }

    static func == (one: AnsweredReport, other: AnsweredReport) -> Bool { one.text == other.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension ItemRejection {
    fileprivate var stored: JSONValue {
        .array([.number("\(index)"), .string(code), field.map(JSONValue.string) ?? .null, .string(message)])
    }

    fileprivate init?(stored: JSONValue) {
        guard let parts = stored.array, parts.count == 4, let index = parts[0].integer, let code = parts[1].string,
            let message = parts[3].string
        else { return nil }
        self.init(Int(clamping: index), code, parts[2].string, message)
    }
}

extension TrackAnswer.Outcome {
    fileprivate var stored: JSONValue {
        .array([.number("\(index)"), .string(outcome), reason.map(JSONValue.string) ?? .null])
    }

    fileprivate init?(stored: JSONValue) {
        guard let parts = stored.array, parts.count == 3, let index = parts[0].integer, let outcome = parts[1].string
        else { return nil }
        self.init(index: Int(clamping: index), outcome: outcome, reason: parts[2].string)
    }
}
