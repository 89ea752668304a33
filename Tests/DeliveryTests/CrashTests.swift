import Avro
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Delivery

/// A process dies at every step that it takes outside itself, and is started again over what it left.
@Suite("Crashes")
struct CrashTests {
    static let types = [Records.open, Records.click, Records.send, Records.entry, "users.messages.sms.Send"]

    /// Writes frames of records; answers the ids that a connector to `users.*` must land.
    private func write(_ world: DeliveryWorld, _ random: inout SplitMix, round: Int, partitions: Int) -> [String] {
        var ids: [String] = []
        var moment = world.now
        for frame in 0..<Int.random(in: 1...12, using: &random) {
            let partition = Int.random(in: 0..<partitions, using: &random)
            var records: [(fingerprint: UInt64, datum: [UInt8])] = []
            for index in 0..<Int.random(in: 1...30, using: &random) {
                let type = Self.types[min(Int.random(in: 0..<9, using: &random), 4)]
                let edition = Int.random(in: 0..<4, using: &random) == 0 ? "v10" : "2021"
                let id = "r\(round)f\(frame)p\(partition)i\(index)"
                records.append(Records.record(type, id: id, edition: edition, filler: 10))
                ids.append(id)
            }
            // Now and then over an hour's end, forwards or back.
            let step = Int.random(in: 0..<40, using: &random)
            moment = moment + (step == 0 ? .seconds(3_500) : step == 1 ? .seconds(-3_500) : .seconds(step))
            world.journal.write(
                records,
                at: moment,
                partition: partition,
                skipping: Int.random(in: 0..<20, using: &random) == 0 ? 3 : 0
            )
        }
        return ids
    }

    private func settings(_ random: inout SplitMix) -> ConnectorSettings {
        let codecs: [Codec] = [.null, .deflate(level: 1), .snappy, .zstandard(level: 1)]
        return DeliveryWorld.settings(
            roll: RollSettings(
                every: .seconds(Int.random(in: 5...200, using: &random)),
                events: Bool.random(using: &random) ? Int.random(in: 1...40, using: &random) : nil,
                bytes: Int.random(in: 500...20_000, using: &random)
            ),
            codec: codecs[Int.random(in: 0..<4, using: &random)]
        )
    }

    /// One life: runs until the crash or until everything has landed; true in the latter case.
    private func live(
        _ world: DeliveryWorld,
        _ settings: ConnectorSettings,
        crash: CrashPoint,
        memory: Int
    ) async throws -> Bool {
        let state = try await world.openState()
        let store = world.store.restarted(crash: crash)
        world.replaceStore(store)
        let environment = try await world.environment(state, crash: crash, memory: memory)
        let connector = try Connector(settings, to: .objects(store), in: environment)
        let clock = world.clock
        let hasLanded = await withTaskGroup(of: Bool?.self) { group in
            group.addTask {
                do {
                    try await connector.prepare()
                    try await connector.run()
                    return nil
                } catch {
                    return false
                }
            }
            group.addTask {
                await DeliveryWorld.letTimePass(clock)
                return nil
            }
            group.addTask {
                await crash.waitUntilDown()
                return Task.isCancelled ? nil : false
            }
            group.addTask { (try? await connector.flush(timeout: .seconds(1_000))) != nil }
            var hasLanded = false
            for await ended in group {
                guard let ended else { continue }
                hasLanded = hasLanded || ended
                group.cancelAll()
            }
            return hasLanded && !crash.isDown
        }
        if hasLanded {
            let status = connector.status()
            status.expectBalanced("after the flush")
            #expect(status.total.pending == 0)
            #expect(status.total.lost == 0)
        }
        crash.die()
        try await state.close()
        return hasLanded
    }

    @Test("at any step, and again, lose nothing and double nothing", arguments: 0..<60)
    func anyStep(seed: UInt64) async throws {
        var random = SplitMix(seed)
        let partitions = seed % 3 == 0 ? 3 : 1
        let world = try DeliveryWorld(partitions: partitions, seed: seed)
        var ids: [String] = []
        var hasLanded = false
        for round in 0..<8 {
            if round < 5 { ids += write(world, &random, round: round, partitions: partitions) }
            let crash = CrashPoint(at: round == 7 ? nil : Int.random(in: 1...30, using: &random))
            let memory = Bool.random(using: &random) ? 1 << 20 : 3_000
            hasLanded = try await live(world, settings(&random), crash: crash, memory: memory)
            // After half of the crashes staging is gone, or has lost what was not synced.
            switch Int.random(in: 0..<4, using: &random) {
            case 0: world.files.restart(seed: random.next())
            case 1:
                for name in (try? world.files.list("/staging/0123456789abcdef01234567")) ?? []
                where Bool.random(using: &random) {
                    try world.files.remove("/staging/0123456789abcdef01234567/" + name)
                }
            default: break
            }
        }
        #expect(hasLanded, "seed \(seed)")
        let landed = try Landed(world.objects)
        landed.expectExactly(ids, "seed \(seed):")
    }

    @Test("at each single step of one run, in order, lose nothing and double nothing")
    func eachStep() async throws {
        var steps = 1
        var died = true
        while died {
            var random = SplitMix(7)
            let world = try DeliveryWorld(seed: 7)
            let ids = write(world, &random, round: 0, partitions: 1)
            let settings = DeliveryWorld.settings(roll: RollSettings(every: .seconds(60), events: 20))
            let crash = CrashPoint(at: steps)
            died = try await !live(world, settings, crash: crash, memory: 1 << 20)
            if died {
                #expect(try await live(world, settings, crash: CrashPoint(at: nil), memory: 1 << 20))
            }
            try Landed(world.objects).expectExactly(ids, "died at step \(steps), \(crash.lastStep):")
            steps += 1
        }
        #expect(steps > 12)
    }

    @Test("of the machine at any operation on a staged file lose nothing and double nothing", arguments: 0..<25)
    func anyFileOperation(seed: UInt64) async throws {
        var random = SplitMix(seed &+ 1_000)
        let world = try DeliveryWorld(seed: seed)
        var ids: [String] = []
        for round in 0..<5 {
            ids += write(world, &random, round: round, partitions: 1)
            let crash = CrashPoint(at: nil)
            if round < 4 {
                let operation = world.files.operationCount + Int.random(in: 1...25, using: &random)
                world.files.fail(operation: operation, .crash)
            }
            let settings = settings(&random)
            let files = world.files
            let hasLanded = try await withThrowingTaskGroup(of: Bool?.self) { group in
                group.addTask { try await live(world, settings, crash: crash, memory: 1 << 20) }
                group.addTask {
                    while !files.isDown, !Task.isCancelled { try? await SystemClock().sleep(for: .milliseconds(2)) }
                    if files.isDown { crash.die() }
                    return nil
                }
                var hasLanded = false
                for try await ended in group {
                    guard let ended else { continue }
                    hasLanded = ended
                    group.cancelAll()
                }
                return hasLanded
            }
            if files.isDown { files.restart(seed: random.next()) }
            #expect(round < 4 || hasLanded, "seed \(seed)")
        }
        try Landed(world.objects).expectExactly(ids, "seed \(seed):")
    }
}
