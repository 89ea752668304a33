package import Avro

/// What the sender of a report is told.
package struct TrackAnswer: Sendable, Hashable {
    /// A message that a report of sends has made known.
    package struct Message: Sendable, Hashable {
        package let index: Int
        package let messageID: String
        package let dispatchID: String?
    }

    /// An item that makes no event, and why.
    package struct Outcome: Sendable, Hashable {
        package internal(set) var index: Int
        package let outcome: String
        package let reason: String?
    }

    /// What the report held, to tell whether all of it was rejected.
    package var items = 0
    /// Events that stand in the journal now and did not before.
    package var accepted = 0
    /// Events that stood there already.
    package var duplicates = 0
    package var rejected: [ItemRejection] = []
    /// Items that wait for the report of their message's send.
    package var waiting = 0
    /// Items whose context is remembered, and whose event their provider will make (`sends: provider`).
    package var context = 0
    package var messages: [Message] = []
    package var withoutEvent: [Outcome] = []

    package init() {}

    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("accepted", .number("\(accepted)")), .init("duplicates", .number("\(duplicates)")),
            .init("waiting", .number("\(waiting)")), .init("rejected", .array(rejected.map(Self.json))),
        ]
        if context > 0 { members.append(.init("context", .number("\(context)"))) }
        if !messages.isEmpty { members.append(.init("messages", .array(messages.map(Self.json)))) }
        if !withoutEvent.isEmpty { members.append(.init("without_event", .array(withoutEvent.map(Self.json)))) }
        return .object(members)
    }

    private static func json(_ rejection: ItemRejection) -> JSONValue {
        .object([
            .init("index", .number("\(rejection.index)")), .init("code", .string(rejection.code)),
            .init("field", rejection.field.map(JSONValue.string) ?? .null),
            .init("message", .string(rejection.message)),
        ])
    }

    private static func json(_ message: Message) -> JSONValue {
        .object([
            .init("index", .number("\(message.index)")), .init("message_id", .string(message.messageID)),
            .init("dispatch_id", message.dispatchID.map(JSONValue.string) ?? .null),
        ])
    }

    private static func json(_ outcome: Outcome) -> JSONValue {
        .object([
            .init("index", .number("\(outcome.index)")), .init("outcome", .string(outcome.outcome)),
            .init("reason", outcome.reason.map(JSONValue.string) ?? .null),
        ])
    }
}
