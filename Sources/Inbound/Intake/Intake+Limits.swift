import Platform

/// Why nothing of a source is taken at present.
package struct SourceRefusal: Error, Sendable, Hashable {
    package let code: String
    package let message: String
    /// Seconds.
    package let retryAfter: Int
    /// Whether it is the source's own limit that is reached, not the service's.
    package let isOfSource: Bool
}

extension Intake {
    /// Has something worked on that is no request of events, under the limits of its source: its rate, and its bytes in
    /// flight.
    ///
    /// As with events, it is let through while the rate is not exceeded, and then pays for all its items. Throws a
    /// `SourceRefusal`, or what `work` throws.
    package func admitting<Value: Sendable>(
        bytes: Int,
        of source: String,
        _ work: () async throws -> (Value, items: Int)
    ) async throws -> Value {
        guard let state = self.source(named: source) else {
            preconditionFailure("limits are asked for of a source that there is")
        }
        let wait = state.secondsToWait(now: platform.clock.uptime())
        guard wait == 0 else {
            throw SourceRefusal(
                code: "rate_exceeded",
                message: "the source's rate is exceeded; try again",
                retryAfter: wait,
                isOfSource: true
            )
        }
        var held = InFlight(service: budget, source: state.budget)
        do throws(BodyError) {
            try held.hold(bytes)
        } catch {
            held.release()
            throw SourceRefusal(
                code: error.code,
                message: error.message,
                retryAfter: error.retryAfter ?? 1,
                isOfSource: error.status == 429
            )
        }
        let result: Result<(Value, items: Int), any Error>
        do { result = .success(try await work()) } catch { result = .failure(error) }
        held.release()
        let (value, items) = try result.get()
        state.paid(items)
        return value
    }
}
