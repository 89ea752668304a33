import Dispatch
import Foundation
import Synchronization
import Testing

/// A race made on purpose, and the same work without it, for `scripts/run-tsan` alone.
///
/// The thread sanitizer must report the first and not the second; else its silence about all other tests says nothing.
@Suite("What the thread sanitizer is tried with") struct RaceControlTests {
    /// `two-locks` or `one-lock`; nil wherever tests are run for themselves.
    private static let wanted = ProcessInfo.processInfo.environment["COURANT_RACE"]

    private final class Lock: Sendable {
        let mutex = Mutex(())
    }

    private final class Number: Sendable {
        nonisolated(unsafe) var value = 0
    }

    @Test("two pairs of threads add to one number, each pair under its lock", .enabled(if: wanted != nil))
    func add() {
        let first = Lock()
        let second = Self.wanted == "two-locks" ? Lock() : first
        let number = Number()
        let ended = DispatchSemaphore(value: 0)
        let rounds = 20_000
        // The threads of a pair want their lock at once, so that its slow way is tried too.
        for lock in [first, first, second, second] {
            Thread.detachNewThread {
                for _ in 0..<rounds { lock.mutex.withLock { _ in unsafe number.value += 1 } }
                ended.signal()
            }
        }
        for _ in 0..<4 { #expect(ended.wait(timeout: .now() + .seconds(60)) == .success) }
        first.mutex.withLock { _ in #expect(unsafe (1...4 * rounds).contains(number.value)) }
    }
}
