import CloudHTTP
import Delivery
import Platform
import PlatformTesting
import Testing

/// Gives out numbered credentials that live for an hour, unless told otherwise.
private final class Numbers: CredentialSource {
    let clock: ManualClock
    let fetches = Locked(0)
    let life: Locked<Duration?> = Locked(.seconds(3_600))
    let failure: Locked<DestinationError?> = Locked(nil)
    /// Held up until so many have asked.
    let gate = Locked<CheckedContinuation<Void, Never>?>(nil)
    let isGated: Bool

    init(_ clock: ManualClock, isGated: Bool = false) {
        self.clock = clock
        self.isGated = isGated
    }

    func fetch() async throws(DestinationError) -> CredentialLease<Int> {
        let number = fetches.withLock { count in
            count += 1
            return count
        }
        if isGated { await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } } }
        if Task.isCancelled { throw .cancelled }
        if let failure = failure.current { throw failure }
        return CredentialLease(number, expires: life.current.map { clock.now() + $0 })
    }

    /// Lets the fetch that has come go on.
    func open() async {
        while true {
            let waiting = gate.withLock { gate in
                defer { gate = nil }
                return gate
            }
            if let waiting { return waiting.resume() }
            await Task.yield()
        }
    }
}

@Suite("The cache of credentials", .timeLimit(.minutes(2)))
struct CredentialCacheTests {
    private let refused = DestinationError(.denied, "no", remedy: .waitForChange)

    @Test("a credential is renewed ten minutes before its end, not at its end")
    func ahead() async throws {
        let clock = ManualClock()
        let source = Numbers(clock)
        let cache = CredentialCache(source, clock: clock)
        #expect(try await cache.current().value == 1)
        clock.advance(by: .seconds(2_999))
        #expect(try await cache.current().value == 1)
        clock.advance(by: .seconds(1))
        #expect(try await cache.current().value == 2)
    }

    @Test("a short-lived one is renewed at half of its life")
    func short() async throws {
        let clock = ManualClock()
        let source = Numbers(clock)
        source.life.withLock { $0 = .seconds(60) }
        let cache = CredentialCache(source, clock: clock)
        #expect(try await cache.current().value == 1)
        clock.advance(by: .seconds(29))
        #expect(try await cache.current().value == 1)
        clock.advance(by: .seconds(1))
        #expect(try await cache.current().value == 2)
    }

    @Test("a renewal that fails ahead of time leaves the old one in use until it expires")
    func survives() async throws {
        let clock = ManualClock()
        let source = Numbers(clock)
        let cache = CredentialCache(source, clock: clock)
        #expect(try await cache.current().value == 1)
        source.failure.withLock { $0 = refused }
        clock.advance(by: .seconds(3_000))
        #expect(try await cache.current().value == 1)
        #expect(try await cache.current().value == 1)
        #expect(source.fetches.current == 2, "the next try is half a minute away")
        clock.advance(by: .seconds(30))
        #expect(try await cache.current().value == 1)
        #expect(source.fetches.current == 3)
        clock.advance(by: .seconds(570))
        await #expect(throws: DestinationError.self) { try await cache.current() }
        source.failure.withLock { $0 = nil }
        #expect(try await cache.current().value == 5)
    }

    @Test("what the service refused is fetched anew, once")
    func invalidated() async throws {
        let clock = ManualClock()
        let cache = CredentialCache(Numbers(clock), clock: clock)
        let first = try await cache.current()
        await cache.invalidate(first)
        let second = try await cache.current()
        #expect(second.value == 2)
        // Somebody slower heard the same refusal.
        await cache.invalidate(first)
        #expect(try await cache.current().value == 2)
    }

    @Test("one fetches, the others wait for it")
    func single() async throws {
        let clock = ManualClock()
        let source = Numbers(clock, isGated: true)
        let cache = CredentialCache(source, clock: clock)
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { try await cache.current().value } }
            await source.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == [Int](repeating: 1, count: 8))
        #expect(source.fetches.current == 1)
    }

    @Test("when the one that fetches is cancelled, another takes over")
    func handsOver() async throws {
        let clock = ManualClock()
        let source = Numbers(clock, isGated: true)
        let cache = CredentialCache(source, clock: clock)
        let leader = Task { try await cache.current().value }
        while source.fetches.current == 0 { await Task.yield() }
        let follower = Task { try await cache.current().value }
        leader.cancel()
        await source.open()
        guard case .failure(let error as DestinationError) = await leader.result else {
            Issue.record("the cancelled one has to fail")
            return
        }
        #expect(error.code == .cancelled)
        await source.open()
        #expect(try await follower.value == 2)
    }

    @Test("one that never expires is kept")
    func lasting() async throws {
        let clock = ManualClock()
        let source = Numbers(clock)
        source.life.withLock { $0 = nil }
        let cache = CredentialCache(source, clock: clock)
        _ = try await cache.current()
        clock.advance(by: .seconds(86_400 * 365))
        #expect(try await cache.current().value == 1)
    }
}
