import HTTPTypes
import Hummingbird
import Intake

/// Receives the bodies of reports and webhooks under the limits that hold for those of events: none while the service
/// starts or stops, so many bytes at once, so many from one source, and the source's rate.
struct LimitedBody: Sendable {
    let intake: Intake
    let budget: BodyBudget

    /// What a request is told that comes while none is taken; nil: requests are taken.
    var unavailable: Response? { intake.unavailable.map(EventRoutes.response) }

    /// Answers by `work`, which gets the whole body; its bytes count until it is done.
    func answer(
        _ request: Request,
        upTo bytesMax: Int,
        _ work: ([UInt8]) async throws -> Response
    ) async throws -> Response {
        if let unavailable { return unavailable }
        let held = budget.hold()
        defer { withExtendedLifetime(held) {} }
        return try await work(try await request.bytes(upTo: bytesMax, holding: held))
    }

    /// Has a source's body worked on while its own limits allow that; `work` answers also how many items it paid for.
    func within<Value: Sendable>(
        limitsOf source: String,
        bytes: Int,
        _ work: () async throws -> (Value, items: Int)
    ) async throws -> Value {
        do {
            return try await intake.admitting(bytes: bytes, of: source, work)
        } catch let refusal as SourceRefusal {
            throw RouteError(
                refusal.isOfSource ? .tooManyRequests : .serviceUnavailable,
                refusal.code,
                "\(refusal.message).",
                retryAfter: refusal.retryAfter
            )
        }
    }
}
