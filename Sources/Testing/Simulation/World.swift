internal import Logging
internal import Platform
internal import PlatformTesting
internal import Service

/// A machine, its disk and what is elsewhere, all made from one seed.
final class World: Sendable {
    let seed: UInt64
    let trace: Trace
    let clock = SimulatedClock()
    let executor: SeededExecutor
    let disk = FaultyFiles(areFoldersDurable: false)
    let weather: Weather
    let network: SimulatedNetwork
    let elsewhere: Elsewhere
    let landed = LandedWatch()
    let rot: Rot
    let platform: Platform
    private let dice: Dice

    private let broken: (variant: BrokenVariant, files: BrokenFiles, memory: BrokenJournal.Memory)?

    init(seed: UInt64, trace: Trace, breaking variant: BrokenVariant?) throws(SimulationError) {
        self.seed = seed
        self.trace = trace
        dice = Dice(seed: seed, for: 1)
        executor = SeededExecutor(clock: clock, dice: Dice(seed: seed, for: 2))
        let weather = Weather(dice: Dice(seed: seed, for: 3), clock: clock, executor: executor, trace: trace)
        self.weather = weather
        rot = Rot(disk, weather, Dice(seed: seed, for: 8))
        network = SimulatedNetwork(weather: weather, clock: clock, dice: Dice(seed: seed, for: 4))
        elsewhere = Elsewhere(clock: clock.truth, dice: Dice(seed: seed, for: 5), weather.mishaps)
        elsewhere.connect(to: network)
        disk.judge { [landed] operation, path in
            landed.see(operation, path)
            return weather.fault(of: operation, path)
        }
        broken = variant.map { [disk] in ($0, BrokenFiles(disk, $0), BrokenJournal.Memory()) }
        let random = SeededRandom(seed: Dice(seed: seed, for: 6).word())
        platform = Platform(
            clock: clock,
            random: random,
            files: broken?.files ?? disk,
            blocking: executor,
            compute: executor
        )
        let databases = SeededRandom(seed: Dice(seed: seed, for: 7).word())
        try SimulatedSQLite.enter(files: platform.files, random: databases, clock: clock)
    }

    /// What the service's rooms meet.
    var seams: RoomSeams {
        let (network, executor, clock) = (network, executor, clock)
        guard let (variant, files, memory) = broken else {
            var seams = RoomSeams { _ in network }
            seams.journal = { WatchedJournal($0) }
            return seams
        }
        var seams = RoomSeams { _ in BrokenTransport(base: network, variant: variant) }
        seams.journal = { BrokenJournal(WatchedJournal($0), variant, executor, clock, files, memory) }
        seams.state = { BrokenState($0, variant, clock) }
        return seams
    }

    /// The way in which the service is broken.
    var variant: BrokenVariant? { broken?.variant }

    /// Has what the journal is given meanwhile count as new, where the service is broken so.
    func renewing(_ work: () async -> Void) async {
        broken?.memory.isRenewing = true
        await work()
        broken?.memory.isRenewing = false
    }

    /// The process ends as if by a fault of its own: the disk does nothing more for it.
    func failStop() {
        weather.end("it stops rather than risk what was acknowledged")
        disk.crash()
    }

    /// Files in staging are gone: somebody has cleared what looked like rubbish.
    func loseStaging() {
        let paths = disk.paths(under: Scenario.data + "/staging/")
        if !paths.isEmpty { weather.mishaps.count(.stagingLoss) }
        for path in paths { disk.lose(path) }
    }

    /// The disk has room for nothing more, or for all that comes.
    func setFull(_ isFull: Bool) {
        weather.setFull(isFull)
        disk.setCapacity(isFull ? disk.bytes : nil)
    }

    /// The service's wall clock is put elsewhere.
    func setWall(aheadBy ahead: Duration) {
        if ahead != .zero { weather.mishaps.count(.clockJump) }
        clock.setWall(aheadBy: ahead)
    }

    /// What went wrong so far, and how often.
    var mishaps: [Mishap: Int] {
        var all = weather.mishaps.all
        let toll = disk.toll
        all[.fullWrite] = toll.fullWrites
        all[.cutWrite] = toll.cutWrites
        all[.tornPage] = toll.tornPages
        all[.lostPage] = toll.lostPages
        return all
    }

    /// What the service has said that it may never have to say.
    var alarms: [String] { said.current }
    private let said = Locked<[String]>([])

    /// What there is after a process has ended: a machine that lives on, or one that lost its power.
    func bury(hasPower: Bool) {
        landed.compare(disk, mayBeGone: false)
        if weather.isOver { weather.mishaps.count(hasPower ? .processDeath : .powerLoss) }
        if hasPower {
            disk.abandon(seed: dice.word())
        } else {
            disk.restart(seed: dice.word())
            clock.reboot()
        }
        landed.compare(disk, mayBeGone: !hasPower)
        weather.note("the machine", hasPower ? "lives on" : "has lost its power")
        disk.setCapacity(nil)
        SimulatedSQLite.forget()
        clock.forgetSleepers()
        network.lose()
        executor.restart()
    }

    /// Messages of the service, for whoever reads the trace.
    var logger: Logger {
        let (trace, said) = (trace, said)
        var logger = Logger(label: "simulated") { _ in TraceLog(trace: trace, said: said) }
        logger.logLevel = trace.isShown ? .debug : .error
        return logger
    }
}

/// The service's log as a part of the trace.
private struct TraceLog: LogHandler {
    let trace: Trace
    let said: Locked<[String]>
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let pairs = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let text = "\(event.message)"
        if text.hasPrefix("The journal has rotted") { said.withLock { $0.append("\(text) \(pairs)") } }
        trace.say("  \(event.level): \(event.message) \(pairs.joined(separator: " "))")
    }
}
