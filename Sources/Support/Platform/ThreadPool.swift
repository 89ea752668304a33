#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A task executor over a fixed number of threads of its own, so that file calls and compression never sit on the
/// cooperative threads that answer requests.
///
/// Jobs start in the order in which they came. The threads end when the pool is released and its jobs are done.
package final class ThreadPool: TaskExecutor {
    private let queue = JobQueue()

    package init(threads: Int) {
        precondition(threads > 0, "a pool needs a thread")
        for _ in 0..<threads {
            queue.startThread()
        }
    }

    deinit {
        queue.finish()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        queue.append(UnownedJob(job), on: self)
    }
}

/// The queue that a pool's threads take from.
///
/// `@unchecked Sendable`: `mutex` guards every stored property below it; threads wait on `condition`.
@safe
private final class JobQueue: @unchecked Sendable {
    private struct Entry {
        let job: UnownedJob
        /// Keeps the executor alive while its job waits and runs.
        let pool: ThreadPool
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var entries: [Entry?] = []
    private var head = 0
    private var isFinished = false

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe pthread_cond_destroy(condition)
        unsafe mutex.deallocate()
        unsafe condition.deallocate()
    }

    func append(_ job: UnownedJob, on pool: ThreadPool) {
        unsafe pthread_mutex_lock(mutex)
        entries.append(Entry(job: job, pool: pool))
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_signal(condition)
    }

    func finish() {
        unsafe pthread_mutex_lock(mutex)
        isFinished = true
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_broadcast(condition)
    }

    func startThread() {
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        #if canImport(Glibc)
        var thread = pthread_t()
        let failed = unsafe pthread_create(
            &thread,
            nil,
            { context in
                if let context = unsafe context { unsafe JobQueue.work(context) }
                return nil
            },
            context
        )
        precondition(failed == 0, "the system gives no thread: error \(failed)")
        #else
        var thread: pthread_t?
        let failed = unsafe pthread_create(
            &thread,
            nil,
            { context in
                unsafe JobQueue.work(context)
                return nil
            },
            context
        )
        guard failed == 0, let thread = unsafe thread else {
            preconditionFailure("the system gives no thread: error \(failed)")
        }
        #endif
        pthread_detach(thread)
    }

    private static func work(_ context: UnsafeMutableRawPointer) {
        let queue = unsafe Unmanaged<JobQueue>.fromOpaque(context).takeRetainedValue()
        while let entry = queue.take() {
            unsafe entry.job.runSynchronously(on: entry.pool.asUnownedTaskExecutor())
        }
    }

    private func take() -> Entry? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while head == entries.count {
            if isFinished { return nil }
            unsafe pthread_cond_wait(condition, mutex)
        }
        let entry = entries[head]
        entries[head] = nil
        head += 1
        // Half of a long queue is empty by now: moving the rest costs less than one step for each job.
        if head == entries.count || head > 1_024 && head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return entry
    }
}
