import Dispatch
import Platform
import PlatformTesting

/// Runs every task on the thread that waits for one of them, in the order in which they are ready.
///
/// So an input takes the same way each time, and no thread waits for another to be woken.
final class OneThread: TaskExecutor {
    static let shared = OneThread()

    private let jobs = Locked<[UnownedJob]>([])
    private let ready = DispatchSemaphore(value: 0)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        ready.signal()
    }

    /// For one thread at a time.
    func run(until isDone: () -> Bool) {
        while !isDone() {
            ready.wait()
            let job = jobs.withLock { $0.removeFirst() }
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

/// Waits for asynchronous work, which libFuzzer knows nothing of.
func awaited<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) -> Value {
    let outcome = Locked<Value?>(nil)
    Task(executorPreference: OneThread.shared) {
        let value = await work()
        outcome.withLock { $0 = value }
    }
    OneThread.shared.run { outcome.withLock { $0 != nil } }
    guard let value = outcome.current else { fatalError("work that has ended has an outcome") }
    return value
}

extension Platform {
    /// A world of fakes on one thread.
    static func onOneThread(
        clock: any WorldClock = ManualClock(),
        random: any RandomSource = SeededRandom(seed: 1),
        files: any FileSystem = FaultyFiles()
    ) -> Platform {
        Platform(
            clock: clock,
            random: random,
            files: files,
            blocking: OneThread.shared,
            compute: OneThread.shared
        )
    }
}
