internal import Synchronization

/// What happened in a run, in order, as a sum over all of it; in words where somebody wants to read it.
package final class Trace: Sendable {
    private struct State {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        var events = 0
    }

    /// Shown each event as it happens.
    private let show: (@Sendable (String) -> Void)?
    private let state = Mutex(State())

    init(show: (@Sendable (String) -> Void)?) {
        self.show = show
    }

    var isShown: Bool { show != nil }

    /// The same for two runs in which the same happened at the same times.
    package var sum: UInt64 { state.withLock { $0.sum } }
    package var events: Int { state.withLock { $0.events } }

    func note(_ what: StaticString, _ which: String, at moment: Duration, job: Int) {
        state.withLock { state in
            // The standard hasher is seeded by `SWIFT_DETERMINISTIC_HASHING`, which every run is made under.
            var hasher = Hasher()
            hasher.combine(state.sum)
            hasher.combine(moment)
            hasher.combine(job)
            hasher.combine(which)
            state.sum = UInt64(bitPattern: Int64(hasher.finalize()))
            state.events += 1
        }
        if let show { show("\(Self.text(moment)) job \(job): \(what) \(which)") }
    }

    /// Words that are shown and not summed: what the service says for people.
    func say(_ words: @autoclosure () -> String) {
        if let show { show(words()) }
    }

    private static func text(_ moment: Duration) -> String {
        let (seconds, attoseconds) = moment.components
        let micros = String(attoseconds / 1_000_000_000_000)
        return "\(seconds).\(String(repeating: "0", count: 6 - micros.utf8.count))\(micros)"
    }
}
