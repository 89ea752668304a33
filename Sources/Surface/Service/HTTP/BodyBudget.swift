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

    func give(back count: Int) {
        held.subtract(count, ordering: .relaxed)
    }
}
