import Synchronization

/// Cares of the service that the simulator undoes, to see that it finds out; only where no protocol of the house lets
/// it.
///
/// A build for release has none of it: there the question is answered with no, in the caller's place.
package enum Sabotage: UInt8, Sendable {
    /// A clock that steps back over the hour does not close the open files.
    case keepsHour = 1

    #if DEBUG
    private static let chosen = Atomic<UInt8>(0)

    /// From now on this one is undone; nil: none is.
    package static func choose(_ sabotage: Sabotage?) {
        chosen.store(sabotage?.rawValue ?? 0, ordering: .relaxed)
    }

    package var isChosen: Bool { Self.chosen.load(ordering: .relaxed) == rawValue }
    #else
    package static func choose(_ sabotage: Sabotage?) {
        precondition(sabotage == nil, "a release build cannot be broken on purpose")
    }

    @inlinable package var isChosen: Bool { false }
    #endif
}
