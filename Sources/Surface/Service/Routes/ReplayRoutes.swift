import CloudHTTP
import Delivery
import HTTPTypes
import Hummingbird
import Platform

/// Ranges of the journal landed again.
struct ReplayRoutes: Sendable {
    private static let idRule = "1 to 64 letters, digits, - and _"

    let replays: Replays
    let platform: Platform
    let failStop: FailStop

    var routes: [Route] {
        [
            Route(.post, "/v1/replays", scope: .admin, on: .admin) { request, _ in
                try Query(request).done()
                return try await start(try await request.decoded(Wanted.self))
            },
            Route(.get, "/v1/replays", scope: .read, on: .admin) { request, _ in
                try Query(request).done()
                return try await answering { () async throws(ReplayRefusal) in
                    ReplayList(replays: try await replays.list().map(ReplayView.init))
                }
            },
            Route(.get, "/v1/replays/{id}", scope: .read, on: .admin) { request, context in
                try Query(request).done()
                return try await answering { () async throws(ReplayRefusal) in
                    ReplayView(try await replays.status(of: Self.id(context)))
                }
            },
            Route(.delete, "/v1/replays/{id}", scope: .admin, on: .admin) { request, context in
                try Query(request).done()
                try await request.refuseBody()
                return try await answering { () async throws(ReplayRefusal) in
                    ReplayView(try await replays.cancel(Self.id(context)))
                }
            },
        ]
    }

    private struct Wanted: Decodable {
        let connector: String
        let from: String
        let to: String
        let events: [String]?
        let id: String?
    }

    private static func id(_ context: CourantContext) -> String {
        Query.decoded(Substring(context.parameters.get("id") ?? ""))
    }

    private func start(_ wanted: Wanted) async throws -> Response {
        let now = platform.clock.now()
        // A range that ends later, such as the whole of today, ends now: a replay is of what has been journalled.
        let (from, to) = (try Self.time(wanted.from, "from"), min(try Self.time(wanted.to, "to"), now))
        guard from < to else {
            throw RouteError.bad(
                "body_invalid",
                "from must lie before to, and before now: from is the first moment, to the one after."
            )
        }
        if let id = wanted.id, !Replay.isID(id) {
            throw RouteError.bad("body_invalid", "id has \(Self.idRule).")
        }
        return try await answering { () async throws(ReplayRefusal) in
            ReplayView(
                try await replays.start(
                    id: wanted.id,
                    connector: wanted.connector,
                    from: from,
                    to: to,
                    events: wanted.events ?? []
                )
            )
        }
    }

    /// RFC 3339, or seconds since 1970.
    private static func time(_ text: String, _ name: String) throws(RouteError) -> Timestamp {
        if let seconds = Int64(text), (0..<9_000_000_000).contains(seconds) { return Timestamp(seconds: seconds) }
        if let time = CalendarTime.parse(extended: text) { return time }
        throw .bad("body_invalid", "\(name) is a time such as 2026-11-24T09:00:00Z, or Unix seconds, not \"\(text)\".")
    }

    private func answering<Answer: Encodable>(
        _ work: () async throws(ReplayRefusal) -> Answer
    ) async throws -> Response {
        let answer: Answer
        do throws(ReplayRefusal) {
            answer = try await work()
        } catch {
            throw refusal(error)
        }
        return try .json(encoding: answer)
    }

    private func refusal(_ refusal: ReplayRefusal) -> RouteError {
        let message = "\(refusal)".prefix(1).uppercased() + "\(refusal)".dropFirst() + "."
        switch refusal {
        case .noConnector: return RouteError(.notFound, "connector_unknown", message)
        case .noSuchReplay: return RouteError(.notFound, "replay_unknown", message)
        case .ended: return RouteError(.conflict, "replay_ended", message)
        case .another: return RouteError(.conflict, "replay_id_taken", message)
        case .noEvents: return RouteError(.unprocessableContent, "replay_without_events", message)
        case .tooMany: return RouteError(.conflict, "replays_too_many", message)
        case .nothingThere(let oldest):
            let there = oldest.map { "The journal begins at \(CalendarTime($0).extended)." } ?? "The journal is empty."
            return RouteError(.unprocessableContent, "replay_empty", "\(message) \(there)")
        case .failed(let error):
            failStop.check(error)
            return .fault(error.message)
        }
    }
}

private struct ReplayList: Encodable {
    let replays: [ReplayView]
}

private struct ReplayView: Encodable {
    let id: String
    let connector: String
    let from: String
    let to: String
    let events: [String]
    let state: String
    let asked: String
    let ended: String?
    let offsetsDone: Int64
    let offsets: Int64
    let records: Int
    let landed: Int
    let setAside: Int
    let lost: Int
    let trouble: String?
    let prefix: String?

    init(_ status: ReplayStatus) {
        let replay = status.replay
        id = replay.id
        connector = replay.connector
        from = CalendarTime(replay.from).extended
        to = CalendarTime(replay.to).extended
        events = replay.events
        state = replay.state.rawValue
        asked = CalendarTime(replay.asked).extended
        ended = replay.ended.map { CalendarTime($0).extended }
        offsetsDone = status.offsetsDone
        offsets = status.offsets
        records = replay.counts.carried
        landed = replay.counts.landed
        setAside = replay.counts.setAside
        lost = replay.counts.lost
        trouble = status.trouble
        prefix = status.prefix
    }
}
