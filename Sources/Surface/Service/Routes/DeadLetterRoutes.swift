import CloudHTTP
import Delivery
import Foundation
import HTTPTypes
import Hummingbird
import Intake
import Platform

/// What was set aside: listed, shown, and tried again.
struct DeadLetterRoutes: Sendable {
    private static let limitMax = 1_000

    let letters: DeadLetters
    let failStop: FailStop

    var routes: [Route] {
        [
            Route(.get, "/v1/dead-letters", scope: .read, on: .admin) { request, _ in try await list(request) },
            Route(.get, "/v1/dead-letters/{id}", scope: .read, on: .admin) { request, context in
                try Query(request).done()
                let place = try Self.place(context)
                guard let letter = try await failing({ try await letters.letter(place) }) else {
                    throw Self.unknown(place)
                }
                return try .json(encoding: LetterView(letter, withBytes: true))
            },
            Route(.post, "/v1/dead-letters/{id}/replay", scope: .admin, on: .admin) { request, context in
                try Query(request).done()
                try await request.refuseBody()
                let place = try Self.place(context)
                let (outcome, message) = try await failing { try await letters.replay(place) }
                guard outcome != .unknown else { throw Self.unknown(place) }
                return try .json(encoding: Replayed(id: "\(place)", outcome: outcome, message: message))
            },
        ]
    }

    private struct Replayed: Encodable {
        let id: String
        let outcome: DeadLetters.Outcome
        let message: String?
    }

    private struct LetterList: Encodable {
        let deadLetters: [LetterView]
        /// Ask with `after` for what follows; nil at the end.
        let next: String?
    }

    private func list(_ request: Request) async throws -> Response {
        var query = Query(request)
        var selection = DeadLetters.Selection()
        selection.source = query.text("source")
        selection.connector = query.text("connector")
        selection.code = query.text("code")
        let withBytes = try query.flag("bytes")
        if let text = query.text("limit") {
            guard let limit = Int(text), (1...Self.limitMax).contains(limit) else {
                throw RouteError.bad("parameter_invalid", "limit is a number from 1 to \(Self.limitMax).")
            }
            selection.limit = limit
        }
        if let text = query.text("after") {
            guard let place = DeadLetters.Place(text) else {
                throw RouteError.bad("parameter_invalid", "after is the id of a dead letter.")
            }
            selection.after = place
        }
        try query.done()
        let wanted = selection
        let found = try await failing { try await letters.letters(wanted) }
        return try .json(
            encoding: LetterList(
                deadLetters: found.letters.map { LetterView($0, withBytes: withBytes) },
                next: found.isFull ? found.letters.last.map { "\($0.place)" } : nil
            )
        )
    }

    private func failing<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as DeliveryError {
            failStop.check(error)
            throw RouteError.fault(error.message)
        }
    }

    private static func place(_ context: CourantContext) throws(RouteError) -> DeadLetters.Place {
        let text = Query.decoded(Substring(context.parameters.get("id") ?? ""))
        guard let place = DeadLetters.Place(text) else {
            throw RouteError(.notFound, "dead_letter_unknown", "There is no dead letter \(text.quotedCut).")
        }
        return place
    }

    private static func unknown(_ place: DeadLetters.Place) -> RouteError {
        RouteError(.notFound, "dead_letter_unknown", "There is no dead letter \"\(place)\".")
    }
}

private struct LetterView: Encodable {
    let id: String
    let kind: String
    let from: String
    let time: String?
    let eventType: String?
    let code: String
    let field: String?
    let message: String
    let bytes: Int
    /// The event, where it is text.
    let event: String?
    /// The event in Base64, where it is not.
    let eventBase64: String?

    init(_ letter: DeadLetters.Letter, withBytes: Bool) {
        id = "\(letter.place)"
        if case .intake = letter.place { kind = "intake" } else { kind = "refused" }
        from = letter.from
        time = letter.time.map { CalendarTime($0).extended }
        eventType = letter.eventType?.cut()
        code = letter.code
        field = letter.field
        message = letter.message
        bytes = letter.bytes.count
        let text = withBytes ? String(validating: letter.bytes, as: UTF8.self) : nil
        event = text
        eventBase64 = withBytes && text == nil ? Data(letter.bytes).base64EncodedString() : nil
    }
}
