import NIOCore

/// What one connection is at, and until when that may last.
///
/// Pure: it is told what happens and when, and answers the moment at which the connection is to be closed.
struct ConnectionWatch {
    /// How long each thing may take.
    struct Limits: Sendable, Hashable {
        /// From one answer to the head of the next request, and from the connection to the first; also how long a
        /// client may take nothing of an answer.
        var idle: TimeAmount
        /// From a request's head to the end of its body.
        var request: TimeAmount
        /// The same for a webhook, whose body anybody may send.
        var webhook = TimeAmount.seconds(15)
        /// From an answer to the end of the body that it did not wait for.
        var rest = TimeAmount.seconds(5)
        /// From the last answer to the client's own end of the connection.
        var farewell = TimeAmount.seconds(1)
    }

    /// Why a connection was closed by the service.
    enum Reason: String, Sendable, CaseIterable {
        /// No request came.
        case idle
        /// A request did not come to its end.
        case slowRequest = "slow_request"
        /// The client did not take its answer.
        case slowAnswer = "slow_answer"
        /// The client was told of the end, and did not end it.
        case farewell
        /// There were too many, and this one had been idle longest.
        case crowded
        /// What came is not HTTP, or not HTTP that has one meaning.
        case malformed
    }

    private enum Phase {
        case waiting
        case receiving
        case answering
        case draining
        case leaving
    }

    private let limits: Limits
    private(set) var unanswered = 0
    private(set) var isReceiving = false
    private var isWebhook = false
    private var isLeaving = false
    private var since: NIODeadline
    private var stalledSince: NIODeadline?

    init(_ limits: Limits, now: NIODeadline) {
        self.limits = limits
        since = now
    }

    /// Whether nothing is asked and nothing under way.
    var isWaiting: Bool { phase == .waiting }

    private var phase: Phase {
        if isLeaving { return .leaving }
        switch (unanswered, isReceiving) {
        case (0, false): return .waiting
        case (0, true): return .draining
        case (1, true): return .receiving
        // A request behind another one comes as slowly as that is answered.
        default: return .answering
        }
    }

    mutating func headCame(_ now: NIODeadline, isWebhook: Bool = false) {
        unanswered += 1
        isReceiving = true
        self.isWebhook = isWebhook
        since = now
    }

    mutating func bodyEnded(_ now: NIODeadline) {
        isReceiving = false
        since = now
    }

    mutating func answered(_ now: NIODeadline) {
        unanswered -= 1
        since = now
    }

    /// The last answer is on its way.
    mutating func leaves(_ now: NIODeadline) {
        isLeaving = true
        since = now
    }

    mutating func becameWritable(_ isWritable: Bool, _ now: NIODeadline) {
        if isWritable {
            stalledSince = nil
        } else if stalledSince == nil {
            stalledSince = now
        }
    }

    /// When the connection is to be closed if nothing happens before; nil: whenever the answer is there.
    var deadline: (at: NIODeadline, reason: Reason)? {
        let own: (at: NIODeadline, reason: Reason)? =
            switch phase {
            case .waiting: (since + limits.idle, .idle)
            case .receiving: (since + (isWebhook ? min(limits.webhook, limits.request) : limits.request), .slowRequest)
            case .draining: (since + limits.rest, .slowRequest)
            case .answering: nil
            case .leaving: (since + limits.farewell, .farewell)
            }
        guard let stalledSince else { return own }
        let stalled = (at: stalledSince + limits.idle, reason: Reason.slowAnswer)
        return own.map { $0.at < stalled.at ? $0 : stalled } ?? stalled
    }
}
