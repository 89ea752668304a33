import Synchronization

/// How far the service is in its life.
enum ServicePhase: UInt8, Sendable, AtomicRepresentable {
    case starting
    case ready
    case stopping
}

/// The phase that the service is in, for everybody who must know.
final class PhaseBoard: Sendable {
    private let current = Atomic(ServicePhase.starting)

    var phase: ServicePhase {
        current.load(ordering: .acquiring)
    }

    func become(_ phase: ServicePhase) {
        current.store(phase, ordering: .releasing)
    }
}
