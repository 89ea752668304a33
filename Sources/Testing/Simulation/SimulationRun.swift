internal import Delivery
internal import Intake
internal import Journal
internal import Platform
internal import PlatformTesting
internal import Service
internal import Synchronization

/// One seed from the first life to the oracle's verdict.
package final class SimulationRun: Sendable {
    /// What came of it.
    package struct Verdict: Sendable {
        package let seed: UInt64
        /// Empty: all promises were kept.
        package let failures: [String]
        /// The same for two runs that went the same way.
        package let sum: UInt64
        package let jobs: Int
        package let events: Int
        /// What went wrong in it, and how often.
        package let mishaps: [Mishap: Int]
    }

    private enum Ending: Sendable {
        case polite
        case failed(String)
    }

    /// What rooms of one life hold.
    private struct Memory {
        /// What its connectors share, and the most that they held.
        var shared: StagingMemory?
        var peak = 0
        /// The room that holds bodies, and the most that it held.
        var intake: Intake?
        var bodiesPeak = 0
        /// What was given to the journal, and the most that waited for it.
        var watched: WatchedJournal?
        var journal: SegmentedJournal?
        var queuePeak = 0

        /// Looks at what is held now.
        mutating func look() {
            peak = max(peak, shared?.bytesUsed ?? 0)
            bodiesPeak = max(bodiesPeak, intake?.inFlightBytes ?? 0)
            queuePeak = max(queuePeak, journal?.bytesQueued ?? 0)
        }
    }

    /// More than a life needs.
    private static let jobsMax = 3_000_000
    private static let lifeMax = Duration.seconds(4 * 3_600)
    /// How long all may take to land once everything works.
    private static let landingMax = Duration.seconds(2 * 3_600)

    /// Whose journal is to be kept longer is not waited for.
    private static let keepJudgedMax = Duration.seconds(60)
    /// Within which retention has passed three times.
    private static let retentionTurns = Duration.seconds(100)

    private let world: World
    private let scenario: Scenario
    private let events = SentEvents()
    private let senders: [Sender]
    private let reporter: Reporter?
    private let keeper: Operator?
    private let replayer: Replayer?
    private let ending = Mutex<Ending?>(nil)
    private let books = Mutex<Oracle.Books?>(nil)
    private let failures = Mutex<[String]>([])
    private let tally: SourceTally
    /// What the present life holds in memory, and the most of it.
    private let memory = Mutex(Memory())

    /// Runs a seed; `show` is told each thing that happens.
    package static func verdict(
        seed: UInt64,
        breaking variant: BrokenVariant? = nil,
        show: (@Sendable (String) -> Void)? = nil
    ) throws -> Verdict {
        let run = try SimulationRun(seed: seed, trace: Trace(show: show), breaking: variant)
        return run.verdict()
    }

    /// To be called once in a process, before the first run.
    package static func prepare() throws(SimulationError) {
        guard Set([1, 2, 3]).hashValue == Set([1, 2, 3]).hashValue else {
            throw SimulationError("hashes differ within one process")
        }
        _ = Scenario.glossary
        try EscapeTrap.set()
    }

    private init(seed: UInt64, trace: Trace, breaking variant: BrokenVariant?) throws {
        let scenario = Scenario(seed: seed)
        let world = try World(seed: seed, trace: trace, breaking: variant)
        self.scenario = scenario
        self.world = world
        let (events, tally) = (events, SourceTally())
        self.tally = tally
        world.elsewhere.letAliensIn(scenario.aliens)
        senders = (1...scenario.senders).map { Sender($0, world, scenario, events, tally) }
        keeper = scenario.hasOperator ? Operator(world, scenario, events) : nil
        replayer = scenario.replays > 0 ? Replayer(world, scenario) : nil
        reporter = scenario.tracks ? Reporter(world, events, drawsKeys: variant == .drawsKeys) : nil
    }

    private func verdict() -> Verdict {
        for (index, life) in scenario.lives.enumerated() {
            let isLast = index == scenario.lives.count - 1
            let isBlessed = isLast && live(life, isLast: true)
            guard isLast || live(life, isLast: false) else { break }
            if isLast, isBlessed { judge() }
        }
        fail(EscapeTrap.take().map { "it escaped: \($0)" })
        if world.executor.strangers > 0 { fail(["\(world.executor.strangers) jobs came from other threads"]) }
        fail(senders.flatMap(\.complaints) + (replayer?.complaints ?? []) + (reporter?.complaints ?? []))
        fail(world.landed.complaints + tally.failures)
        if !world.rot.hasHitRecords { fail(world.alarms) }
        fail(tally.judge(goodEvents: events.all.count { !$0.isBad }))
        return Verdict(
            seed: world.seed,
            failures: failures.withLock { $0 },
            sum: world.trace.sum,
            jobs: world.executor.ran,
            events: events.count,
            mishaps: world.mishaps
        )
    }

    private func judge() {
        guard let books = books.withLock({ $0 }) else { return fail(["the last life left no books"]) }
        // Whose plan was given up stands in nobody's way; what was taken for ours is missed all the same.
        if scenario.diskBudget != nil { _ = world.elsewhere.removeAliens() }
        var oracle = Oracle(scenario, world, events.all, books)
        fail(oracle.judge(replaysTaken: replayer?.answered ?? []))
    }

    private func fail(_ found: [String]) {
        failures.withLock { $0 += found }
    }

    // MARK: - Lives

    /// One life of the service; false if it ended in a way in which none may.
    private func live(_ life: Scenario.Life, isLast: Bool) -> Bool {
        world.weather.become(life.outlook)
        if life.losesStaging { world.loseStaging() }
        for _ in 0..<scenario.rotsBetween where world.rot.strike() { world.weather.mishaps.count(.rotBetween) }
        // Identities rot too.
        if scenario.isForgetful || world.rot.hasBegun { for sender in senders { sender.giveUp() } }
        if isLast { world.setWall(aheadBy: .zero) }
        ending.withLock { $0 = nil }
        memory.withLock { $0 = Memory() }
        world.executor.begin { await self.serve(life, isLast: isLast) }
        let limit = world.clock.elapsed + Self.lifeMax
        let how = world.executor.run(jobsMax: Self.jobsMax, until: limit) {
            memory.withLock { $0.look() }
            return ending.withLock { $0 } != nil
        }
        let steps = world.weather.steps
        judgeLimits(life)
        closeBooks()
        defer { world.bury(hasPower: life.keepsPower) }
        switch (how, ending.withLock({ $0 })) {
        case (.stuck, _): fail(["everything stands still after \(steps) steps"])
        case (.endless, _): fail(["a life does not end, after \(steps) steps"])
        case (.over, .polite?): return true
        case (.over, .failed(let why)?):
            world.weather.note("the process gives up:", why)
            guard isLast || life.harmsNothing else { return true }
            fail(["the service fails although nothing does: \(why)"])
        case (.halted, _), (.over, nil):
            guard isLast || life.harmsNothing else { return true }
            fail(["the service ends although nothing fails: \(world.weather.ending ?? "")"])
        }
        return false
    }

    /// Whether a life kept to what it may hold of memory and disk, at each step.
    private func judgeLimits(_ life: Scenario.Life) {
        let (memory, tallest) = (memory.withLock { $0 }, tally.longestBody)
        let shared = memory.shared
        // One body alone is let through, however long.
        if let budget = scenario.inFlightBytes, memory.bodiesPeak > max(budget, tallest) {
            fail(["\(memory.bodiesPeak) bytes of bodies were worked on at once, and \(budget) are what they may have"])
        }
        if case .polite? = ending.withLock({ $0 }), let held = memory.intake?.inFlightBytes, held != 0 {
            fail(["\(held) bytes of bodies are still held when nobody works any more"])
        }
        // So is one batch.
        if let most = scenario.queueBytes, memory.queuePeak > max(most, memory.watched?.largestBatch ?? 0) {
            fail(["\(memory.queuePeak) bytes wait for the journal, and \(most) are what may"])
        }
        // A worker that others push over the budget comes down to its share at its next turn, and those others to
        // theirs, each with a frame that it has just taken.
        let workers = (scenario.connectors.count { $0.kind != .endpoint } + scenario.replays) * scenario.partitions
        let most = 2 * scenario.memoryBytes + workers * (memory.watched?.largestFrame ?? 0)
        if memory.peak >= most {
            fail(["open blocks held \(memory.peak) bytes, and \(scenario.memoryBytes) are what they may have"])
        }
        if case .polite? = ending.withLock({ $0 }), let held = shared?.bytesUsed, held != 0 {
            fail(["\(held) bytes of open blocks are still held when nobody works any more"])
        }
        guard let budget = scenario.diskBudget.map({ $0 + life.budgetRaise }) else { return }
        let journal = world.disk.bytes(under: Scenario.data + "/journal/")
        // A segment that is begun, and the next one, may be on their way for each partition.
        guard journal > budget + 2 * scenario.segmentBytes * scenario.partitions else { return }
        fail(["the journal has \(journal) bytes, and \(budget) are what all may have"])
    }

    /// Holds a life's books of its source against what senders were told in it.
    private func closeBooks() {
        guard let balance = memory.withLock({ $0.intake })?.balances.first else { return }
        if case .polite? = ending.withLock({ $0 }), !balance.isBalanced { fail(["a life ends with \(balance)"]) }
        let variant = world.variant
        tally.close(
            balance,
            isShared: reporter != nil || variant == .replaysThroughIntake || variant == .replaysAnew
        )
    }

    private func serve(_ life: Scenario.Life, isLast: Bool) async {
        do {
            let world = world
            var configuration = try scenario.configuration(life)
            if world.variant == .ignoresMemory { configuration.delivery.memoryBytes = .max }
            if world.variant == .ignoresDisk { configuration.disk.budgetBytes = nil }
            if world.variant == .ignoresInFlight { configuration.intake.inFlightBytesMax = .max }
            let rooms = try await RoomsAtWork.open(
                configuration,
                glossary: Scenario.glossary,
                platform: world.platform,
                logger: world.logger,
                failStop: FailStop(logger: world.logger) { world.failStop() },
                seams: world.seams
            )
            memory.withLock {
                $0.shared = rooms.delivery.environment.memory
                $0.intake = rooms.intake
                let watched = (rooms.journal as? BrokenJournal)?.base ?? rooms.journal as? WatchedJournal
                $0.watched = watched
                $0.journal = watched?.base as? SegmentedJournal
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await world.network.carryStragglers() }
                group.addTask {
                    try await rooms.run {
                        await self.use(rooms, life, isLast: isLast)
                        rooms.stop()
                    }
                }
                // The first to end: stragglers are carried for ever.
                try await group.next()
                group.cancelAll()
            }
            ending.withLock { $0 = .polite }
        } catch {
            ending.withLock { $0 = .failed("\(error)") }
        }
    }

    /// What is done with the service in a life.
    private func use(_ rooms: RoomsAtWork, _ life: Scenario.Life, isLast: Bool) async {
        let share = (life.requests + senders.count - 1) / senders.count
        let pause = Duration.milliseconds(1)...(isLast ? .seconds(1) : life.lasts / max(1, share))
        let (intake, clock) = (rooms.intake, world.clock)
        await withTaskGroup(of: Void.self) { group in
            for sender in senders {
                group.addTask { await sender.send(share, to: intake, pause: pause) }
            }
            if let reporter {
                group.addTask { await reporter.report(share, to: rooms, pause: pause) }
            }
            if let replayer {
                group.addTask { await replayer.ask(rooms, pause: .milliseconds(10)...life.lasts) }
            }
            if isLast { return await group.waitForAll() }
            if let keeper {
                group.addTask { await keeper.look(after: rooms, pause: .milliseconds(10)...life.lasts) }
            }
            if let jump = life.clock {
                let world = world
                group.addTask {
                    guard (try? await clock.sleep(for: jump.after)) != nil else { return }
                    world.setWall(aheadBy: jump.aheadBy)
                }
            }
            if let full = life.full {
                let world = world
                group.addTask {
                    guard (try? await clock.sleep(for: full.after)) != nil else { return }
                    world.setFull(true)
                    try? await clock.sleep(for: full.lasts)
                    world.setFull(false)
                }
            }
            for moment in life.rot {
                let world = world
                group.addTask {
                    guard (try? await clock.sleep(for: moment)) != nil, world.rot.strike() else { return }
                    world.weather.mishaps.count(.rotAtWork)
                }
            }
            try? await clock.sleep(for: life.lasts)
            // Some are on their way when the stop comes.
            rooms.stop()
            try? await clock.sleep(for: .milliseconds(20))
            group.cancelAll()
        }
        guard isLast, await settle(rooms) else { return }
        if let keeper {
            fail(await keeper.finish(rooms))
            guard await settle(rooms) else { return }
        }
        if let journal = memory.withLock({ $0.journal }) { await readFrames(journal) }
        await judgeRetention()
    }

    /// Once all has landed, nothing holds old segments any more: of each partition only the one that is written stays,
    /// whatever types never occurred.
    private func judgeRetention() async {
        guard scenario.keep < Self.keepJudgedMax else { return }
        try? await world.clock.sleep(for: scenario.keep + Self.retentionTurns)
        let limit = world.platform.clock.now() - scenario.keep - Self.retentionTurns / 3
        // What was written while the clock was ahead is not old yet.
        guard books.withLock({ $0?.frames.allSatisfy { $0.time < limit } }) == true else { return }
        for partition in 0..<scenario.partitions {
            let stem = "\(Scenario.data)/journal/p00\(partition)-s"
            let segments = world.disk.paths(under: stem).filter { $0.hasSuffix(".segment") }
            guard segments.count > 1 else { continue }
            fail(["partition \(partition) still has \(segments.count) segments, of which nobody needs more than one"])
        }
    }

    /// Waits until everything has landed, and keeps what the service then says; false if it waits in vain.
    private func settle(_ rooms: RoomsAtWork) async -> Bool {
        let deadline = world.clock.elapsed + Self.landingMax
        while true {
            let replays = (try? await rooms.replays()) ?? []
            let connectors = rooms.delivery.status()
            let sources = rooms.intake.balances
            books.withLock { books in
                books = Oracle.Books(connectors: connectors, sources: sources)
                books?.replays = replays.map(\.replay)
            }
            let late = connectors.filter { status in
                status.total.pending > 0 || status.openPlans > 0 || status.partitions.contains { $0.lagOffsets > 0 }
            }
            let open = replays.filter { [.running, .failed].contains($0.replay.state) }
            guard !late.isEmpty || !open.isEmpty || world.network.hasStragglers else { return true }
            await overcomeConflicts(rooms, isInReplay: open.contains { $0.trouble != nil })
            guard world.clock.elapsed < deadline else {
                fail(late.map { "\($0.name) has not landed all: \($0.condition), \($0.reason ?? "no reason")" })
                fail(open.map { "replay \($0.replay.id) does not end: \($0.trouble ?? "no reason")" })
                return false
            }
            try? await world.clock.sleep(for: .seconds(1))
        }
    }

    private func readFrames(_ journal: any Journal) async {
        var frames: [Oracle.Frame] = []
        for partition in (0..<journal.partitions).map({ PartitionID($0) }) {
            let reader = journal.makeReader(partition, from: journal.oldest(of: partition))
            while let read = try? await reader.next(wanting: { _ in false }, bytesMax: 1), case .frame(let frame) = read
            {
                frames.append(
                    Oracle.Frame(
                        partition: Int64(partition.rawValue),
                        offsets: frame.firstOffset.rawValue..<frame.nextOffset.rawValue,
                        time: frame.time
                    )
                )
            }
        }
        books.withLock { [frames] in $0?.frames = frames }
    }

    /// What an operator does: takes away what others have put under the keys of plans, and lets the connectors go on.
    private func overcomeConflicts(_ rooms: RoomsAtWork, isInReplay: Bool) async {
        guard isInReplay || rooms.delivery.status().contains(where: { $0.condition == .conflict }) else { return }
        guard world.elsewhere.removeAliens() else { return }
        for connector in rooms.delivery.connectors { try? await rooms.resume(connector) }
    }
}
