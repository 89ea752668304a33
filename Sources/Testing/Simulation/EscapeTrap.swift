internal import CSimulation
internal import Synchronization

/// Notices tasks that leave the seeded executor for the threads of the process, where no seed decides their order.
///
/// Sleeps by the runtime's clock pass its hooks in some versions of the runtime (6.3 is one); then it is the executor
/// that notices them, as jobs from other threads.
enum EscapeTrap {
    private static let caught = Mutex<[String: Int]>([:])

    /// From now on, for the rest of the process.
    ///
    /// - Throws: where this runtime has no such hooks.
    static func set() throws(SimulationError) {
        let isSet = courant_trap_escapes { kind in
            let name =
                switch kind {
                case COURANT_ESCAPE_GLOBAL: "a task without an executor"
                case COURANT_ESCAPE_DELAY, COURANT_ESCAPE_DEADLINE: "a sleep that is not the clock's"
                default: "a job of the main actor"
                }
            EscapeTrap.caught.withLock { $0[name, default: 0] += 1 }
        }
        guard isSet else { throw SimulationError("this Swift runtime has not the hooks that trap escaping tasks") }
    }

    /// What has escaped since the last call.
    static func take() -> [String] {
        caught.withLock { caught in
            defer { caught = [:] }
            return caught.sorted { $0.key < $1.key }.map { "\($0.value) times \($0.key)" }
        }
    }
}

/// Why the simulator itself cannot go on.
package struct SimulationError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
