internal import CSimulation
internal import Platform
internal import PlatformTesting
internal import Synchronization

/// All threads of a simulated machine: one, which takes the next job by seed.
///
/// Time passes with each job and jumps when there is none. Once halted it runs nothing any more: what waits is dropped
/// as it stands, nothing unwinds, and what those tasks hold is never freed, as in a process that was killed.
package final class SeededExecutor: TaskExecutor {
    enum Ending: Sendable, Hashable {
        /// What was waited for has come.
        case over
        case halted
        /// Nobody has anything to do, and nobody sleeps.
        case stuck
        /// More jobs, or more time, than any run needs.
        case endless
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var ran = 0
        var isHalted = false
        /// Jobs that came from another thread.
        var strangers = 0
    }

    /// What a job takes, at most.
    private static let jobTime = 20_000

    private let clock: SimulatedClock
    private let dice: Dice
    private let thread = courant_thread()
    private let state = Mutex(State())

    init(clock: SimulatedClock, dice: Dice) {
        self.clock = clock
        self.dice = dice
    }

    /// Jobs so far.
    var ran: Int { state.withLock { $0.ran } }
    var strangers: Int { state.withLock { $0.strangers } }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isStrange = courant_thread() != thread
        state.withLock { state in
            state.jobs.append(job)
            if isStrange { state.strangers += 1 }
        }
    }

    /// No job begins any more.
    func halt() {
        state.withLock { $0.isHalted = true }
    }

    /// Begins again, with nothing to do.
    func restart() {
        state.withLock { state in
            state.jobs = []
            state.isHalted = false
        }
    }

    /// Begins a task that nobody waits for: a process that is killed leaves its tasks as they stand.
    func begin(_ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: self) { await body() }
    }

    /// Begins a task on the threads of the process, where no seed decides when it runs: one that is to be noticed.
    static func beginElsewhere() {
        Task.detached {}
    }

    /// Runs jobs on the calling thread until `isOver`, which is asked before each.
    func run(jobsMax: Int, until limit: Duration, isOver: () -> Bool) -> Ending {
        let last = ran + jobsMax
        while true {
            if state.withLock({ $0.isHalted }) { return .halted }
            if isOver() { return .over }
            clock.wakeDue()
            guard let job = take() else {
                guard clock.skipToNext() else { return .stuck }
                guard clock.elapsed < limit else { return .endless }
                continue
            }
            guard ran < last else { return .endless }
            clock.spend(.nanoseconds(1 + dice.random.next(below: Self.jobTime)))
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    private func take() -> UnownedJob? {
        state.withLock { state in
            guard !state.jobs.isEmpty else { return nil }
            let place = state.jobs.count == 1 ? 0 : dice.random.next(below: state.jobs.count)
            state.jobs.swapAt(place, state.jobs.count - 1)
            state.ran += 1
            return state.jobs.removeLast()
        }
    }
}
