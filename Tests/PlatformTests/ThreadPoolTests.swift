import Dispatch
import Platform
import PlatformTesting
import Testing

@Suite("The pools of threads", .timeLimit(.minutes(2)))
struct ThreadPoolTests {
    private struct Refusal: Error, Equatable {
        let number: Int
    }

    @Test("work that blocks on every thread of a pool leaves the others running")
    func blocking() async throws {
        let platform = Platform.live(blockingThreads: 3, computeThreads: 1)
        let gate = DispatchSemaphore(value: 0)
        let entered = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await platform.onBlocking {
                        entered.add()
                        gate.wait()
                    }
                }
            }
            while entered.current < 3 { await Task.yield() }
            // All three wait: the compute pool and the cooperative threads still work.
            let sum = await platform.onCompute { (1...10).reduce(0, +) }
            #expect(sum == 55)
            for _ in 0..<3 { gate.signal() }
        }
    }

    @Test("no more jobs run at once than the pool has threads")
    func width() async {
        let platform = Platform.live(blockingThreads: 2, computeThreads: 1)
        let running = Locked(0)
        let most = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    await platform.onBlocking {
                        let now = running.add()
                        most.withLock { $0 = max($0, now) }
                        for _ in 0..<10_000 { _ = platform.clock.uptime() }
                        running.add(-1)
                    }
                }
            }
        }
        #expect((1...2).contains(most.current))
    }

    @Test("a thrown error keeps its type on the way back")
    func errors() async {
        let platform = Platform.testing()
        do throws(Refusal) {
            try await platform.onBlocking { () throws(Refusal) in throw Refusal(number: 7) }
            Issue.record("the error got lost")
        } catch {
            #expect(error == Refusal(number: 7))
        }
    }

    @Test("ten thousand jobs from many tasks all run")
    func many() async {
        let platform = Platform.testing()
        let done = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    for _ in 0..<100 { _ = await platform.onCompute { done.add() } }
                }
            }
        }
        #expect(done.current == 10_000)
    }

    @Test("a manual clock wakes sleepers in order, and a cancelled one at once")
    func clock() async {
        let clock = ManualClock()
        let woken = Locked<[Int]>([])
        await withThrowingTaskGroup(of: Void.self) { group in
            for seconds in [3, 1, 2] {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    woken.withLock { $0.append(seconds) }
                }
            }
            while clock.sleeperCount < 3 { await Task.yield() }
            clock.advance(by: .seconds(1))
            while woken.withLock({ $0.count }) < 1 { await Task.yield() }
            #expect(woken.withLock { $0 } == [1])
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.waitForAll() }
        }
        #expect(clock.sleeperCount == 0)
    }
}
