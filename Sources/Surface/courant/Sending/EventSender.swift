/// Posts batches of events to `/v1/events` and `/v1/currents`, several at a time.
///
/// A batch that the server cannot take (429, 5xx, no connection) is sent again with the same bytes and the same key,
/// so that nothing is doubled. One that it refuses as a whole (400, 413) is halved until the event that is the cause
/// stands alone. A refused token ends it all.
struct EventSender: Sendable {
    let client: ServerClient
    let concurrency: Int
    /// About two minutes of trying, with the pauses of ``RetryPolicy``.
    var triesMax = 12

    /// Sends what `next` gives until it gives nil, and calls `progress` with the sums after each answer.
    func send(
        next: () throws -> EventBatch?,
        progress: (SendSummary) -> Void
    ) async throws -> SendSummary {
        try await withThrowingTaskGroup(of: SendSummary.self) { group in
            var total = SendSummary()
            var inFlight = 0
            while let batch = try next() {
                if inFlight == concurrency, let done = try await group.next() {
                    total.add(done)
                    inFlight -= 1
                    progress(total)
                }
                group.addTask { try await post(batch) }
                inFlight += 1
            }
            while let done = try await group.next() {
                total.add(done)
                progress(total)
            }
            return total
        }
    }

    /// Sends one batch, whatever it takes.
    ///
    /// The recursion ends at single events.
    func post(_ batch: EventBatch) async throws -> SendSummary {
        var call = ServerCall.post(batch.form == .envelope ? "/v1/currents" : "/v1/events")
        let content = batch.content
        call.headers = [
            (name: "content-type", value: content.type), (name: "idempotency-key", value: batch.idempotencyKey),
        ]
        call.body = content.body
        let answer = try await client.persist(call, triesMax: triesMax)
        switch answer.status {
        case 200, 207, 422:
            return try summary(of: answer, for: batch)
        case 400 where batch.count > 1, 413 where batch.count > 1:
            let (left, right) = batch.halved()
            var both = try await post(left)
            both.add(try await post(right))
            return both
        case 400, 413:
            var lone = SendSummary()
            lone.sent = 1
            lone.rejected = 1
            lone.rejections = [
                RejectedEvent(
                    file: batch.origin,
                    event: batch.first + 1,
                    id: nil,
                    code: "status_\(answer.status)",
                    field: nil,
                    message: answer.reason
                )
            ]
            return lone
        default:
            throw answer.failure(asking: client.address)
        }
    }

    private func summary(of answer: ServerAnswer, for batch: EventBatch) throws -> SendSummary {
        let verdict = try answer.decoded(EventsAnswer.self)
        var summary = SendSummary()
        summary.sent = batch.count
        summary.accepted = verdict.accepted
        summary.duplicates = verdict.duplicates
        summary.setAside = verdict.setAside ?? 0
        summary.leftOut = verdict.leftOut ?? []
        let rejections = verdict.rejected ?? []
        summary.rejected = rejections.count + (verdict.alsoRejected ?? []).count
        for rejected in rejections.prefix(SendSummary.rejectionsKept) {
            summary.rejections.append(
                RejectedEvent(
                    file: batch.origin,
                    event: batch.first + rejected.index + 1,
                    id: rejected.id,
                    code: rejected.code,
                    field: rejected.field,
                    message: rejected.message
                )
            )
        }
        return summary
    }
}

/// The server's answer: `POST /v1/events` lists what it rejected, `POST /v1/currents` counts what it set aside.
struct EventsAnswer: Decodable, Sendable {
    /// One rejected event; `index` counts from 0 in the request.
    struct Rejected: Decodable, Sendable {
        let index: Int
        let id: String?
        let code: String
        let field: String?
        let message: String
    }

    /// A field that the server left out, and of how many events.
    struct LeftOut: Codable, Sendable {
        let field: String
        var events: Int
    }

    let accepted: Int
    let duplicates: Int
    let rejected: [Rejected]?
    /// The places of those that there was no room to tell more of.
    let alsoRejected: [Int]?
    let setAside: Int?
    let leftOut: [LeftOut]?

    private enum CodingKeys: String, CodingKey {
        case accepted, duplicates, rejected
        case alsoRejected = "also_rejected"
        case setAside = "set_aside"
        case leftOut = "left_out"
    }
}
