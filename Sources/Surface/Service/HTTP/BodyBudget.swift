import Providers
import Synchronization

/// The bytes of bodies that are being received and worked on, or of large answers that are on their way, against one
/// limit.
final class BodyBudget: Sendable {
    private let held = Atomic(0)
    let bytesMax: Int

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    var bytes: Int {
        held.load(ordering: .relaxed)
    }

    /// Takes up `count` bytes; false, and nothing taken, when they do not fit.
    func take(_ count: Int) -> Bool {
        if held.add(count, ordering: .relaxed).newValue <= bytesMax { return true }
        held.subtract(count, ordering: .relaxed)
        return false
    }

    /// A part of it for one request.
    func hold() -> HeldBytes { HeldBytes(of: self, 0) }

    /// A part of it for an answer that is there whole; nil when it does not fit.
    ///
    /// One alone is let through, however large: it could never be given else.
    func hold(_ count: Int) -> HeldBytes? {
        let new = held.add(count, ordering: .relaxed).newValue
        if new <= bytesMax || new == count { return HeldBytes(of: self, count) }
        held.subtract(count, ordering: .relaxed)
        return nil
    }

    /// Whether `hold` would give that much now.
    func hasRoom(for count: Int) -> Bool { bytes == 0 || bytes + count <= bytesMax }

    func give(back count: Int) {
        held.subtract(count, ordering: .relaxed)
    }
}

/// A budget for requests whose sender is known by a token, and a smaller one for those of anybody: bodies of webhooks,
/// whose signature is looked at once they have come.
///
/// Large answers have budgets of their own, one for each kind of asker. So strangers keep out each other, and nobody
/// else; and answers that nobody takes keep out no request.
struct BodyBudgets: Sendable {
    /// Who asks, by what a route wants of a token.
    enum Asker: String, CaseIterable {
        case senders
        case readers
        case strangers

        init(of scope: AccessToken.Scope?) {
            switch scope {
            case .ingest: self = .senders
            case .read, .admin: self = .readers
            case nil: self = .strangers
            }
        }
    }

    /// The least that large answers have room for.
    static let answerBytesMin = 8 << 20

    let known: BodyBudget
    let strangers: BodyBudget
    private let answers: [Asker: BodyBudget]

    /// Strangers have an eighth, and as much as the largest body of a webhook; answers to each kind of asker as much.
    init(bytesMax: Int) {
        known = BodyBudget(bytesMax: bytesMax)
        strangers = BodyBudget(bytesMax: max(bytesMax / 8, WebhookRequest.bodyBytesMax))
        answers = Dictionary(
            uniqueKeysWithValues: Asker.allCases.map {
                ($0, BodyBudget(bytesMax: max(bytesMax / 8, Self.answerBytesMin)))
            }
        )
    }

    /// That of large answers to who asks.
    func answers(to asker: Asker) -> BodyBudget {
        guard let budget = answers[asker] else { preconditionFailure("each kind of asker has a budget") }
        return budget
    }
}

/// What one request holds of the budget, for as long as somebody has this.
final class HeldBytes: Sendable {
    private let budget: BodyBudget
    private let count = Atomic(0)

    fileprivate init(of budget: BodyBudget, _ count: Int) {
        self.count.store(count, ordering: .relaxed)
        self.budget = budget
    }

    deinit { budget.give(back: count.load(ordering: .relaxed)) }

    /// Takes up `more` bytes; false, and nothing taken, when they do not fit.
    func take(_ more: Int) -> Bool {
        guard budget.take(more) else { return false }
        count.add(more, ordering: .relaxed)
        return true
    }
}
