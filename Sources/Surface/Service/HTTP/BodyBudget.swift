import Synchronization

/// The bytes of bodies that are being received and worked on, against one limit for the whole service.
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
    func hold() -> HeldBytes { HeldBytes(of: self) }

    func give(back count: Int) {
        held.subtract(count, ordering: .relaxed)
    }
}

/// What one request holds of the budget, for as long as somebody has this.
final class HeldBytes: Sendable {
    private let budget: BodyBudget
    private let count = Atomic(0)

    fileprivate init(of budget: BodyBudget) {
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
