import Avro
import HTTPTypes
import Hummingbird
import Journal
import Tracking

/// What happened, as senders and apps report it.
struct TrackingRoutes: Sendable {
    private static let keyBytesMax = 200
    /// Of a question for variations: ten thousand users by ids of usual length.
    private static let questionBytesMax = 1 << 20

    let tracker: Tracker
    let failStop: FailStop
    let body: LimitedBody
    let bodyBytesMax: Int
    /// Whose reports come in without a token.
    let openSource: String

    var routes: [Route] {
        TrackRoute.allCases.map { kind in
            Route(.post, "/v1/track/\(kind.rawValue)", scope: .ingest, on: .open) { request, context in
                try await report(kind, request, context)
            }
        } + [
            Route(.post, "/v1/track/assign", scope: .ingest, on: .open) { request, _ in
                try Query(request).done()
                return try await body.answer(request, upTo: Self.questionBytesMax) { bytes in
                    let question = try TrackingBody(bytes)
                    return try assign(
                        try question.read { json throws(DefinitionError) in try AssignmentQuestion(reading: json) }
                    )
                }
            },
            Route(.put, "/v1/users", scope: .ingest, on: .open) { request, context in
                try await read(request, context) { body, bytes in
                    let report = try body.read { json throws(DefinitionError) in try TrackReport(usersReading: json) }
                    let answer = try await take(report, context, key: "", bytes)
                    return (.json(Array(#"{"users":\#(report.users)}"#.utf8)), answer.items)
                }
            },
            Route(.delete, "/v1/users/{id}", scope: .ingest, on: .both) { request, context in
                try Query(request).done()
                if let unavailable = body.unavailable { return unavailable }
                try await request.refuseBody()
                let id = Query.decoded(Substring(context.parameters.get("id") ?? ""))
                let users = try await isKnown(id) ? 1 : 0
                _ = try await take(.forget(userID: id), context, key: "", [])
                return .json(Array(#"{"users":\#(users)}"#.utf8))
            },
        ]
    }

    private func report(
        _ kind: TrackRoute,
        _ request: Request,
        _ context: CourantContext
    ) async throws -> Response {
        let key = try Self.key(request)
        return try await read(request, context) { body, _ in
            let report = try body.read { json throws(DefinitionError) in try TrackReport(kind, reading: json) }
            let answer = try await take(report, context, key: "\(kind.rawValue) \(key)", body.meaning)
            return (.json(Array(answer.json.text.utf8), status: answer.status), answer.items)
        }
    }

    private static func key(_ request: Request) throws(RouteError) -> String {
        guard let key = request.headers[.idempotencyKey], !key.isEmpty else {
            throw .bad(
                "idempotency_key_missing",
                "A report carries an Idempotency-Key of 1 to \(keyBytesMax) bytes: the same again when it is repeated, "
                    + "since ids are made from it."
            )
        }
        guard key.utf8.count <= keyBytesMax else {
            throw .bad(
                "idempotency_key_too_long",
                "An Idempotency-Key has at most \(keyBytesMax) bytes, this one \(key.utf8.count)."
            )
        }
        return key
    }

    private func take(
        _ report: TrackReport,
        _ context: CourantContext,
        key: String,
        _ body: [UInt8]
    ) async throws(RouteError) -> TrackAnswer {
        do throws(TrackingError) {
            return try await tracker.take(report, from: source(context), key: key, body: body)
        } catch {
            failStop.check(error)
            throw RouteError(error)
        }
    }

    private func isKnown(_ userID: String) async throws(RouteError) -> Bool {
        do throws(TrackingError) {
            return try await tracker.knows(userID: userID)
        } catch {
            failStop.check(error)
            throw RouteError(error)
        }
    }

    private func source(_ context: CourantContext) -> String { context.token?.source ?? openSource }

    /// Reads a report under the limits of its source; `take` answers also how many items it had.
    private func read(
        _ request: Request,
        _ context: CourantContext,
        _ take: (TrackingBody, [UInt8]) async throws -> (Response, items: Int)
    ) async throws -> Response {
        try Query(request).done()
        guard request.headers[.contentEncoding] == nil else {
            throw RouteError(.unsupportedMediaType, "encoding_unsupported", "A report is sent uncompressed.")
        }
        return try await body.answer(request, upTo: bodyBytesMax) { bytes in
            try await body.within(limitsOf: source(context), bytes: bytes.count) {
                try await take(try TrackingBody(bytes), bytes)
            }
        }
    }

    // MARK: - Assignment

    private struct Assigned: Encodable {
        struct User: Encodable {
            let userID: String
            let variationID: String
            let control: Bool

            enum CodingKeys: String, CodingKey {
                case userID = "user_id"
                case variationID = "variation_id"
                case control
            }
        }

        let users: [User]
    }

    private func assign(_ question: AssignmentQuestion) throws -> Response {
        let (book, now) = (tracker.definitions, Int64.max)
        let (assignment, kind): (Assignment, String)
        switch question.owner {
        case .campaign(let id):
            guard let campaign = book.campaign(id, at: now) else {
                throw DefinitionRoutes.unknown(.campaign, id, in: book, at: now)
            }
            (assignment, kind) = (Assignment(campaign, secret: tracker.secret), "campaign")
        case .canvas(let id):
            guard let canvas = book.canvas(id, at: now) else {
                throw DefinitionRoutes.unknown(.canvas, id, in: book, at: now)
            }
            (assignment, kind) = (Assignment(canvas, secret: tracker.secret), "canvas")
        }
        return try .json(
            encoding: Assigned(
                users: try question.users.map { user in
                    guard let variation = assignment.variation(for: user) else {
                        let message = "The \(kind) has no variations."
                        throw RouteError(.unprocessableContent, "variations_missing", message)
                    }
                    return Assigned.User(userID: user, variationID: variation.id, control: variation.isControl)
                }
            )
        )
    }
}

extension TrackAnswer {
    /// As for events: 207 where some items were rejected, 422 where all were.
    var status: HTTPResponse.Status {
        guard !rejected.isEmpty else { return .ok }
        return rejected.count < items ? .init(code: 207) : .unprocessableContent
    }
}

extension TrackReport {
    fileprivate var users: Int { if case .users(let entries) = self { entries.count } else { 0 } }
}

extension RouteError {
    init(_ error: DefinitionError) {
        let message = "\(error)"
        self = .bad("body_invalid", message.hasSuffix("?") ? message : "\(message).")
    }

    init(_ error: TrackingError) {
        switch error.code {
        case .report: self = RouteError(.unprocessableContent, "report_invalid", "\(error.message).")
        case .tooLarge: self = RouteError(.contentTooLarge, "report_too_large", "\(error.message).")
        case .state, .otherJournal: self = .fault("The service could not do this now; try again.")
        case .journal, .unavailable: self = .unavailable(error)
        }
    }

    /// Nothing of the report is in, for a reason of ours.
    static func unavailable(_ error: TrackingError) -> RouteError {
        let (code, seconds) = error.refusal?.answer ?? ("unavailable", 1)
        return RouteError(.serviceUnavailable, code, "\(error.message).", retryAfter: seconds)
    }
}
