import Journal
import Platform
import PlatformTesting
import Synchronization
import Testing

@testable import Delivery

@Suite("A flush")
struct FlushTests {
    let world: DeliveryWorld

    init() throws {
        world = try DeliveryWorld()
    }

    private func write(_ id: String) {
        world.journal.write([Records.record(Records.open, id: id)], at: world.now)
    }

    @Test("counts a landing that state knows of before the books do")
    func countsAll() async throws {
        let held = HeldCloses()
        write("a")
        try await world.process(closes: held) { connector async throws in
            async let result = connector.flush(timeout: .seconds(600))
            try await world.until("the landing's commit") { held.count == 1 }
            // Every raise lets the flush look again.
            for _ in 0..<20 {
                connector.control.changes.raise()
                try await SystemClock().sleep(for: .milliseconds(2))
            }
            held.release()
            let bytes = world.objects.values.reduce(0) { $0 + $1.count }
            #expect(try await result == FlushResult(files: 1, records: 1, bytes: Int64(bytes)))
        }
        try Landed(world.objects).expectExactly(["a"])
    }

    @Test("counts a landing that was on its way when it was asked")
    func countsInFlight() async throws {
        let held = HeldCloses()
        write("a")
        try await world.process(closes: held) { connector async throws in
            async let first = connector.flush(timeout: .seconds(600))
            try await world.until("the landing's commit") { held.count == 1 }
            let asked = connector.control.hurry.generation
            async let second = connector.flush(timeout: .seconds(600))
            try await world.until("the second flush") { connector.control.hurry.generation > asked }
            held.release()
            #expect(try await first.records == 1)
            #expect(try await second.records == 1)
        }
    }

    @Test("asked at once after a restart, lands and counts what was pending", arguments: 0..<20)
    func afterRestart(round: Int) async throws {
        write("a")
        try await world.process { connector async throws in
            try await world.until("reading") { connector.status().lagOffsets == 0 }
            #expect(world.objects.isEmpty)
        }
        let status = try await world.process { connector async throws in
            #expect(try await connector.flush(timeout: .seconds(600)).records == 1)
            return connector.status()
        }
        status.expectBalanced()
        #expect(status.total.landed == 1)
        #expect(status.oldestPendingAge == nil)
        try Landed(world.objects).expectExactly(["a"])
    }

    @Test("without time answers if nothing is pending, and says what is if something is")
    func withoutTime() async throws {
        world.replaceStore(FakeStore())
        try await world.process { connector async throws in
            #expect(try await connector.flush(timeout: .zero) == FlushResult(files: 0, records: 0, bytes: 0))
            world.store.setOutage(.unreachable)
            write("a")
            try await world.until("reading") { connector.status().lagOffsets == 0 }
            let error = await #expect(throws: DeliveryError.self) { try await connector.flush(timeout: .zero) }
            #expect(error?.code == .timeout)
            world.store.setOutage(nil)
            #expect(try await connector.flush(timeout: .seconds(600)).records == 1)
            #expect(try await connector.flush(timeout: .zero).records == 0)
        }
    }

    @Test("the age of the oldest pending record is known while reading, staged, planned, and over a restart")
    func oldestPending() async throws {
        world.store.setOutage(.unreachable)
        let settings = DeliveryWorld.settings(roll: RollSettings(every: .seconds(7_200)))
        try await world.process(settings) { connector async throws in
            #expect(connector.status().oldestPendingAge == nil)
            write("a")
            world.clock.advance(by: .seconds(600))
            try await world.until("reading") { connector.status().total.staged == 1 }
            #expect(connector.status().oldestPendingAge ?? .zero >= .seconds(600))
            try await connector.pause()
        }
        world.clock.advance(by: .seconds(600))
        try await world.process(settings) { connector async throws in
            #expect(connector.status().oldestPendingAge ?? .zero >= .seconds(1_200))
            try await connector.resume()
            await #expect(throws: DeliveryError.self) { try await connector.flush(timeout: .seconds(1)) }
            #expect(connector.status().total.planned == 1)
            #expect(connector.status().oldestPendingAge ?? .zero >= .seconds(1_200))
            world.store.setOutage(nil)
            _ = try await connector.flush(timeout: .seconds(600))
            #expect(connector.status().oldestPendingAge == nil)
        }
    }
}

/// Holds landings up between their commit and its return.
final class HeldCloses: Sendable {
    private let state = Mutex((count: 0, isReleased: false))
    private let changes = Signal()

    var count: Int { state.withLock(\.count) }

    func release() {
        state.withLock { $0.isReleased = true }
        changes.raise()
    }

    func hold() async {
        state.withLock { $0.count += 1 }
        while !Task.isCancelled {
            let generation = changes.generation
            if state.withLock(\.isReleased) { return }
            await changes.wait(past: generation)
        }
    }
}
