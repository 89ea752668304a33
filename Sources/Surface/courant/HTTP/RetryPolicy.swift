/// When a request is tried again: a pure decision, without clock or network.
///
/// The pause doubles from a quarter of a second to half a minute, with a random half of it taken off so that many
/// senders do not come back at once; a `Retry-After` longer than the pause wins.
struct RetryPolicy: Sendable {
    /// What one try gave.
    enum Outcome: Sendable {
        case answered(status: Int, retryAfter: Duration?)
        case failed
    }

    /// What to do next.
    enum Action: Equatable, Sendable {
        case accept
        case wait(Duration)
        case giveUp
    }

    private var tries = 0
    private let triesMax: Int

    private static let pauseMin = Duration.milliseconds(250)
    private static let pauseMax = Duration.seconds(30)

    init(triesMax: Int) {
        self.triesMax = triesMax
    }

    /// What to do after a try; the upper bits of any number make the jitter.
    mutating func next(after outcome: Outcome, random: UInt64) -> Action {
        tries += 1
        var asked: Duration?
        if case .answered(let status, let retryAfter) = outcome {
            guard status == 429 || status >= 500 else { return .accept }
            asked = retryAfter
        }
        guard tries < triesMax else { return .giveUp }
        let doublings = min(tries - 1, 10)
        let pause = min(Self.pauseMax, Self.pauseMin * (1 << doublings))
        let share = Double(random >> 11) / Double(1 << 53)
        let jittered = pause * (0.5 + share / 2)
        return .wait(max(jittered, asked ?? .zero))
    }
}
