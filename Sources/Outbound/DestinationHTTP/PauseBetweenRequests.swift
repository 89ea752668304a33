/// How long nothing is sent to an endpoint that asked for a pause, or that keeps failing.
///
/// A pause that the endpoint asked for holds from its first answer; one of our own only after so many failures in a row
/// as close the gate to a single request, which then is the probe that goes out now and then.
struct PauseBetweenRequests: Sendable {
    private static let first = Duration.seconds(1)
    private static let cap = Duration.seconds(30)
    /// However long the endpoint asks for.
    private static let askedMax = Duration.seconds(3_600)

    private var failures = 0
    /// By the clock's uptime.
    private var end = Duration.zero

    /// What is left of the pause; nil if a request may go out.
    func left(at now: Duration) -> Duration? { end > now ? end - now : nil }

    mutating func failed(at now: Duration, asked: Duration?) {
        failures += 1
        let own = failures < RequestGate.failuresMax ? .zero : Self.own(after: failures - RequestGate.failuresMax)
        end = max(end, now + max(own, min(asked ?? .zero, Self.askedMax)))
    }

    /// The endpoint works; a pause that it asked for stays.
    mutating func succeeded() { failures = 0 }

    private static func own(after doublings: Int) -> Duration {
        doublings >= 8 ? cap : min(cap, first * (1 << doublings))
    }
}
