import HTTPTypes
import Hummingbird
import Intake
import NIOCore

/// Where events come in: `POST /v1/events` and `POST /v1/currents`.
struct EventRoutes: Sendable {
    private let intake: Intake
    private let budget: BodyBudget
    private let answers: BodyBudget
    private let bodyBytesMax: Int
    /// Whose events come in without a token.
    private let openSource: String

    init(intake: Intake, budgets: BodyBudgets, bodyBytesMax: Int, openSource: String) {
        self.intake = intake
        budget = budgets.known
        answers = budgets.answers(to: .senders)
        self.bodyBytesMax = bodyBytesMax
        self.openSource = openSource
    }

    var routes: [Route] {
        [
            Route(.post, "/v1/events", scope: .ingest, on: .open) { request, context in
                try await take(request, context, .events)
            },
            Route(.post, "/v1/currents", scope: .ingest, on: .open) { request, context in
                try await take(request, context, .currents)
            },
        ]
    }

    private func take(
        _ request: Request,
        _ context: CourantContext,
        _ format: SourceSettings.Format
    ) async throws(RouteError) -> Response {
        if let unavailable = intake.unavailable { return Self.response(unavailable) }
        let announced = request.headers[.contentLength].flatMap(Int.init)
        if let announced, announced > bodyBytesMax { throw tooLarge }
        var body = Body(capacity: announced ?? 0)
        // What has arrived is held, not what the header announces: who announces much and sends little holds little.
        var held = 0
        defer { budget.give(back: held) }
        do {
            for try await chunk in request.body {
                guard body.count + chunk.readableBytes <= bodyBytesMax else { throw tooLarge }
                guard budget.take(chunk.readableBytes) else { throw RouteError.busy }
                held += chunk.readableBytes
                unsafe chunk.withUnsafeReadableBytes { bytes in unsafe body.append(bytes) }
            }
        } catch let error as RouteError {
            throw error
        } catch {
            throw .incomplete
        }
        let answer = await intake.answer(
            IntakeRequest(
                source: context.token?.source ?? openSource,
                format: format,
                contentType: request.headers[.contentType],
                contentEncoding: request.headers[.contentEncoding],
                idempotencyKey: request.headers[.idempotencyKey],
                isUnderWay: true,
                body: body
            )
        )
        // Its events are in: it is told briefly rather than not at all.
        guard let brief = answer.brief, !answers.hasRoom(for: answer.body.count) else { return Self.response(answer) }
        return Self.response(IntakeAnswer(status: answer.status, body: brief))
    }

    static func response(_ answer: IntakeAnswer) -> Response {
        var response = Response.json(answer.body, status: HTTPResponse.Status(code: answer.status))
        if let seconds = answer.retryAfter { response.headers[.retryAfter] = String(seconds) }
        return response
    }

    private var tooLarge: RouteError {
        let message = "A body may have \(bodyBytesMax) bytes; send it in parts."
        return RouteError(.contentTooLarge, "body_too_large", message)
    }
}
