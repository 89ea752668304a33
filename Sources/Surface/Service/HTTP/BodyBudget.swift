import Providers
import Synchronization

/// The bytes of bodies that are being received and worked on, and of large answers that are on their way, against one
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

    /// A part of it for what is there already and is to be given out, whether it fits or not.
    func hold(_ count: Int) -> HeldBytes {
        held.add(count, ordering: .relaxed)
        return HeldBytes(of: self, count)
    }

    func give(back count: Int) {
        held.subtract(count, ordering: .relaxed)
    }
}

/// A budget for requests whose sender is known by a token, and a smaller one for those of anybody: bodies of webhooks,
/// whose signature is looked at once they have come. (What may be asked without a token has small answers.)
///
/// So strangers keep out each other, and nobody else.
struct BodyBudgets: Sendable {
    let known: BodyBudget
    let strangers: BodyBudget

    /// Strangers have an eighth, and as much as the largest body of a webhook.
    init(bytesMax: Int) {
        known = BodyBudget(bytesMax: bytesMax)
        strangers = BodyBudget(bytesMax: max(bytesMax / 8, WebhookRequest.bodyBytesMax))
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
