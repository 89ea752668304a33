#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The world that the rooms stand in: clock, randomness, files and threads.
///
/// Tests hand in another one.
package struct Platform: Sendable {
    package let clock: any WorldClock
    package let random: any RandomSource
    package let files: any FileSystem
    /// For calls that wait in the kernel: files and the state database.
    package let blocking: any TaskExecutor
    /// For work that fills a core: compression and projection.
    package let compute: any TaskExecutor

    package init(
        clock: any WorldClock,
        random: any RandomSource,
        files: any FileSystem,
        blocking: any TaskExecutor,
        compute: any TaskExecutor
    ) {
        self.clock = clock
        self.random = random
        self.files = files
        self.blocking = blocking
        self.compute = compute
    }

    /// The machine itself.
    package static func live(blockingThreads: Int = 8, computeThreads: Int? = nil) -> Platform {
        Platform(
            clock: SystemClock(),
            random: SystemRandom(),
            files: SystemFiles(),
            blocking: ThreadPool(threads: blockingThreads),
            compute: ThreadPool(threads: computeThreads ?? cores)
        )
    }

    /// The processors that are online.
    package static var cores: Int {
        max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// Runs `work` on a thread that may block, and comes back to the caller's executor.
    @concurrent
    package func onBlocking<T: Sendable, E: Error>(_ work: @Sendable () throws(E) -> T) async throws(E) -> T {
        try await withTaskExecutorPreference(blocking) { () async throws(E) -> T in
            try work()
        }
    }

    /// Runs `work` on a thread for computation, and comes back to the caller's executor.
    @concurrent
    package func onCompute<T: Sendable, E: Error>(_ work: @Sendable () throws(E) -> T) async throws(E) -> T {
        try await withTaskExecutorPreference(compute) { () async throws(E) -> T in
            try work()
        }
    }
}
