internal import Glossary
internal import Intake
internal import Platform
internal import Providers
internal import Service

/// What a seed makes of a run: the service's settings, how many lives it has, what goes wrong in them.
struct Scenario: Sendable {
    /// How a life ends unless its weather ends it before.
    struct Life: Sendable {
        var outlook: Weather.Outlook
        var lasts: Duration
        /// Requests that senders make in it, together.
        var requests: Int
        /// Whether the machine keeps its power when the process ends.
        var keepsPower: Bool
        /// Whether files in staging are gone when it begins.
        var losesStaging: Bool
        /// Of the codecs that a connector can have; another after an upgrade, say.
        var codec: Int
        /// When the disk has no room left, and for how long.
        var full: (after: Duration, lasts: Duration)?
        /// What somebody has added to the disk budget.
        var budgetRaise = 0
        /// How far the service's wall clock is ahead of the true one, and when in the life it is put there.
        var clock: (aheadBy: Duration, after: Duration)?
        /// When in it a bit turns over.
        var rot: [Duration] = []

        /// Whether nothing happens in it for which the service may end by itself.
        ///
        /// On a full disk it may: no reserve is kept here, so that its own books find no room either.
        var harmsNothing: Bool { outlook == .fair && full == nil && rot.isEmpty }
    }

    struct Connector: Sendable, Hashable {
        enum Kind: String, Sendable, CaseIterable {
            case bucket
            case folder
            case endpoint
        }

        var name: String
        var kind: Kind
        var events: [String]
        /// Whether it gives up its oldest records where the disk budget is spent.
        var givesUp = false
        /// How it stands in the configuration, but for its codec.
        var yaml: String

        func yaml(codec: Int) -> String {
            yaml.replacing("CODEC", with: Self.codecs[codec % Self.codecs.count])
                .replacing("FULL", with: givesUp ? "give_up" : "wait")
        }

        private static let codecs = ["null", "deflate, level: 1", "snappy", "zstandard, level: 1"]
    }

    static let data = "/sim/data"
    /// Room for the databases in a disk budget, and what their logs come to over a long time.
    private static let (stateBytes, logBytes) = (512 << 10, 10 << 20)
    static let folder = "/sim/files"
    static let types = [
        "users.messages.email.Send", "users.messages.email.Delivery", "users.messages.email.Open",
        "users.messages.email.Click", "users.behaviors.CustomEvent", "users.campaigns.Conversion",
    ]
    /// Types that senders send; the others come from tracking.
    static let sentTypes = Array(types[1...4])

    /// How many bits of segments turn over between two lives: what was in them may be lost, and has to be counted.
    var rotsBetween = 0
    /// Whether senders ask no more in the next life.
    var isForgetful = false
    /// Whether sends are reported too, and a provider speaks of them.
    var tracks: Bool
    var partitions: Int
    var segmentBytes: Int
    var memoryBytes: Int
    var keep: Duration
    /// What journal, staging and state may hold together.
    var diskBudget: Int?
    /// What bodies may have that are being worked on.
    var inFlightBytes: Int?
    /// What may wait for the journal.
    var queueBytes: Int?
    /// How long repeats are recognised; a sender gives up before.
    var window = Duration.seconds(86_400)
    /// Whether senders that ask twice do so in the same moment.
    var isHasty = false
    /// Whether somebody has the partner take what it refused, and tries dead letters again.
    var hasOperator = false
    /// Parts of the journal that somebody has landed again in each life, at most.
    var replays = 0
    /// Of a thousand files put into the bucket: where somebody else has put something under the key before.
    var aliens: Int
    var connectors: [Connector]
    var lives: [Life]
    var senders: Int
    /// Of a thousand events: bad ones, repeats, such as the partner refuses.
    var badEvents: Int
    var repeats: Int
    var poison: Int
    /// Of a thousand events: such with a long text, and how long it is at most.
    var longEvents = (perMille: 100, bytes: 3_000)
    /// How many events a request has at most.
    var batches = [1, 4, 12]

    /// The types of the standard glossary that take part: a compiled edition costs more than all the rest of a start.
    static let glossary: Glossary = {
        guard let edition = Glossary.standard.edition("2021") else {
            preconditionFailure("the standard glossary has the default edition")
        }
        return Glossary([edition.keeping(Set(types))])
    }()

    init(seed: UInt64) {
        let dice = Dice(seed: seed, for: 10)
        tracks = dice.chance(400)
        partitions = dice.pick([1, 1, 2, 3])
        segmentBytes = dice.pick([192 << 10, 256 << 10, 512 << 10])
        memoryBytes = dice.pick([4 << 10, 64 << 10, 8 << 20])
        keep = dice.pick([.seconds(7 * 86_400), .seconds(1), .seconds(10)])
        aliens = dice.pick([0, 0, 0, 50])
        senders = dice.number(1...4)
        badEvents = dice.pick([0, 50, 200])
        repeats = dice.pick([0, 50, 300])
        poison = dice.pick([0, 0, 30])
        connectors = Self.connectors(dice)
        let isRough = dice.chance(800)
        lives = (0..<dice.number(1...3)).map { _ in Self.life(dice, isRough: isRough) }
        lives.append(
            Life(
                outlook: .fair,
                lasts: .seconds(2),
                requests: 4,
                keepsPower: false,
                losesStaging: dice.chance(200),
                codec: dice.number(0...3),
                full: nil,
                clock: nil
            )
        )
        specialize(dice, seed: seed)
        equip(Dice(seed: seed, for: 11), seed: seed)
        if Dice(seed: seed, for: 12).chance(250) { inFlightBytes = 4 << 10 }
        // A request of several partitions hands over its parts one by one, and tracking asks for itself.
        if Dice(seed: seed, for: 13).chance(300), partitions == 1, !tracks { queueBytes = 4 << 10 }
    }

    /// What came into the simulator later has dice of its own: the rest of a seed stays as it was.
    private mutating func equip(_ dice: Dice, seed: UInt64) {
        hasOperator = dice.chance(400) && connectors.contains { $0.kind == .endpoint }
        if hasOperator { poison = 100 }
        replays = dice.chance(250) ? dice.number(1...3) : 0
        if seed % 20 == 15 { spend(dice) }
    }

    /// Gives some of twenty seeds a course of their own.
    ///
    /// One has many short lives and then one that ends while old segments go, and one has senders that ask twice at the
    /// same moment and ends while the journal is written. In one segments rot, in one a provider repeats what it said
    /// twenty hours ago, and in one a process dies before the sync of what it has written while the machine lives on,
    /// which loses its power in the next life. In two a sync fails, of a segment or of state, and the power goes after;
    /// in two an operation fails that is seldom, and the service goes on as it can.
    private mutating func specialize(_ dice: Dice, seed: UInt64) {
        switch seed % 20 {
        case 7:
            (partitions, keep, window, repeats) = (1, .seconds(20), .seconds(10), 0)
            let last = lives.removeLast()
            lives = (0..<6).map { _ in
                Life(
                    outlook: .fair,
                    lasts: .seconds(4),
                    requests: 3,
                    keepsPower: true,
                    losesStaging: false,
                    codec: 0,
                    full: nil,
                    clock: nil
                )
            }
            lives[5].lasts = .seconds(70)
            lives[5].keepsPower = false
            lives[5].outlook.endsAmong = "remove \(Self.data)/journal/p000-s"
            lives[5].outlook.endsAtStep = dice.number(4...5)
            lives.append(last)
        case 17:
            decay(dice)
        case 3:
            // Twenty hours pass between the lives: only tracking's own state knows a provider's word that long.
            (tracks, repeats, window, isForgetful) = (true, 0, .seconds(600), true)
            for index in lives.indices.dropLast() {
                lives[index].clock = (.seconds(-72_000), .milliseconds(1))
                lives[index].requests = 24
                lives[index].outlook = .fair
                lives[index].outlook.endsAmong = "write \(Self.data)/tracking.db-wal"
                lives[index].outlook.endsAtStep = dice.number(20...120)
            }
        case 9:
            keep = .seconds(7 * 86_400)
            if lives.count < 3 { lives.insert(lives[0], at: 0) }
            lives[0].outlook = .fair
            lives[0].outlook.endsAmong = "sync \(Self.data)/journal/p"
            lives[0].outlook.endsAtStep = dice.number(2...12)
            (lives[0].full, lives[0].keepsPower, lives[0].requests) = (nil, true, 24)
            (lives[1].outlook, lives[1].full, lives[1].keepsPower) = (.fair, nil, false)
        case 13:
            (partitions, repeats, badEvents, isHasty) = (1, 600, 0, true)
            for index in lives.indices.dropLast() {
                lives[index].outlook.endsAmong = "/journal/p000-s"
                lives[index].outlook.endsAtStep = dice.number(2...16)
                lives[index].keepsPower = false
            }
        case 1: failOne(dice, ["create", "mkdir", "link", "rename", "remove", "sync of folder"], among: "", most: 20)
        case 5: failOne(dice, ["sync"], among: "/staging/", most: 6)
        case 11: failSync(dice, of: ".segment", most: 12, endsAtMost: 120)
        case 19: failSync(dice, of: "/state.db-wal", most: 40, endsAtMost: 1_000)
        default: return
        }
    }

    /// Segments rot, while the service runs and between its lives, and there are some of them.
    ///
    /// Nobody asks again in a later life for what he has not heard of: identities rot too.
    private mutating func decay(_ dice: Dice) {
        (rotsBetween, tracks, repeats) = (dice.number(1...3), false, 0)
        (partitions, segmentBytes, keep) = (1, 192 << 10, .seconds(7 * 86_400))
        (batches, longEvents) = ([1, 4], (500, 6_000))
        if lives.count < 3 { lives.insert(lives[0], at: 0) }
        for index in lives.indices.dropLast() {
            (lives[index].requests, lives[index].lasts) = (60, dice.duration(.seconds(10)...(.seconds(40))))
            (lives[index].full, lives[index].outlook.endsAmong) = (nil, "")
            lives[index].outlook.endsAtStep = dice.chance(700) ? dice.number(300...2_000) : nil
            lives[index].rot = (0..<dice.number(1...4)).map { _ in dice.duration(.seconds(1)...lives[index].lasts) }
        }
    }

    /// One operation fails in each life but the last.
    private mutating func failOne(_ dice: Dice, _ operations: [String], among: String, most: Int) {
        for index in lives.indices.dropLast() {
            lives[index].outlook.failsOperation = dice.pick(operations)
            lives[index].outlook.failsAmong = among
            lives[index].outlook.failsAt = dice.number(1...most)
        }
    }

    /// A sync fails in each life but the last, and soon after it the power.
    private mutating func failSync(_ dice: Dice, of among: String, most: Int, endsAtMost: Int) {
        keep = .seconds(7 * 86_400)
        for index in lives.indices.dropLast() {
            lives[index].outlook = .fair
            lives[index].outlook.failsOperation = "sync"
            lives[index].outlook.failsAmong = among
            lives[index].outlook.failsAt = dice.number(2...most)
            lives[index].outlook.endsAmong = among
            lives[index].outlook.endsAtStep = dice.number(endsAtMost / 6...endsAtMost)
            (lives[index].full, lives[index].keepsPower, lives[index].requests) = (nil, false, 24)
        }
    }

    /// More comes than the disk may hold, while what it is for cannot be reached: intake has to wait, and connectors
    /// that are told so give up what is oldest.
    private mutating func spend(_ dice: Dice) {
        (partitions, segmentBytes, keep, repeats, senders) = (dice.number(1...2), 192 << 10, .seconds(7 * 86_400), 0, 4)
        // As much as a request may have where segments are so small.
        (batches, longEvents) = ([1, 2], (900, 15_000))
        diskBudget = segmentBytes * partitions * dice.number(4...6) + Self.stateBytes
        for index in connectors.indices { connectors[index].givesUp = dice.chance(600) }
        for index in lives.indices.dropLast() {
            lives[index].lasts = .seconds(dice.number(20...60))
            lives[index].requests = 100
            lives[index].outlook.requestsFailing = 1_000
            lives[index].clock = nil
            lives[index].full = nil
            // Not before there is much.
            (lives[index].outlook.endsAmong, lives[index].outlook.endsAtStep) = ("", dice.number(600...2_000))
        }
        lives[lives.count - 1].budgetRaise = Self.logBytes
    }

    private static func connectors(_ dice: Dice) -> [Connector] {
        var kinds: [Connector.Kind] = [.bucket]
        if dice.chance(600) { kinds.append(.folder) }
        if dice.chance(600) { kinds.append(.endpoint) }
        if dice.chance(200) { kinds.append(.bucket) }
        return kinds.enumerated().map { index, kind in
            connector("c\(index)", kind, dice)
        }
    }

    private static func connector(_ name: String, _ kind: Connector.Kind, _ dice: Dice) -> Connector {
        let events = dice.chance(700) ? [] : [dice.pick(["users.messages.email.*", "users.messages.email.Click"])]
        let roll = dice.pick([
            "every: 1s", "every: 5s", "every: 5s, events: \(dice.number(2...30))", "every: 20s, bytes: 64KiB",
        ])
        let prefix = "key: {prefix: \(name)}"
        let files = "codec: {name: CODEC}, roll: {\(roll)}, \(prefix)"
        let destination =
            switch kind {
            case .bucket:
                """
                {type: s3, bucket: lake, region: eu-central-1, endpoint: "http://\(Elsewhere.store)", \
                credentials: container}, \(files)
                """
            case .folder: "{type: local, path: \(folder)}, \(files)"
            case .endpoint:
                """
                {type: http, url: "http://\(Elsewhere.partner)/events", token: partner-token, \
                batch: \(dice.number(1...20))}
                """
            }
        let filter = events.isEmpty ? "" : "events: [\"\(events.joined(separator: "\", \""))\"], "
        return Connector(
            name: name,
            kind: kind,
            events: events,
            yaml: "  \(name): {start: oldest, when_full: FULL, \(filter)destination: \(destination)}"
        )
    }

    /// Among which steps a life ends, and at the latest at which of them: most often at any, and often enough where
    /// something is being made safe.
    private static let endings: [(among: String, most: [Int])] = [
        ("", [20, 200, 1_000, 3_000]), ("", [20, 200, 1_000, 3_000]), ("", [100, 400]), (".segment", [4, 40]),
        ("sync \(data)/journal/p", [4, 20]), ("\(data)/state.db", [50, 400]), (folder, [4, 40]),
        ("/staging/", [10, 60]), ("arrives", [2, 20]), ("remove \(data)/journal/p", [2, 6]),
    ]

    private static func life(_ dice: Dice, isRough: Bool) -> Life {
        var outlook = Weather.Outlook.fair
        if dice.chance(850) {
            let (among, most) = dice.pick(Self.endings)
            (outlook.endsAmong, outlook.endsAtStep) = (among, dice.number(1...dice.pick(most)))
        }
        if isRough {
            outlook.writesFailing = dice.pick([0, 0, 0, 2])
            outlook.readsFailing = dice.pick([0, 0, 3])
            outlook.requestsFailing = dice.pick([0, 50, 300, 800])
            outlook.requestsSlow = dice.pick([0, 0, 50])
        }
        let jump = dice.chance(200) ? Duration.seconds(dice.pick([dice.number(-7_200...1_200), 72_000])) : nil
        return Life(
            outlook: outlook,
            lasts: dice.duration(.seconds(1)...(.seconds(40))),
            requests: dice.number(1...25),
            keepsPower: dice.chance(400),
            losesStaging: dice.chance(200),
            codec: dice.number(0...3),
            full: dice.chance(150)
                ? (dice.duration(.milliseconds(10)...(.seconds(10))), dice.duration(.milliseconds(10)...(.seconds(10))))
                : nil,
            clock: jump.map { ($0, dice.duration(.milliseconds(10)...(.seconds(20)))) }
        )
    }

    func configuration(_ life: Life) throws -> Configuration {
        let yaml = """
            data: \(Self.data)
            journal: {partitions: \(partitions)}
            disk: {reserve: 0}
            duplicates: {memory: 1MiB}
            connectors:
            \(connectors.map { $0.yaml(codec: life.codec) }.joined(separator: "\n"))
            """
        var configuration = try Configuration.read(
            yaml,
            file: "/sim/courant.yaml",
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://\(Elsewhere.credentials)/"],
            glossary: Self.glossary,
            canRead: { _ in true }
        )
        // Below what makes sense for people: what happens once in a long while shall happen often here.
        configuration.journal.segmentBytes = segmentBytes
        configuration.delivery.memoryBytes = memoryBytes
        configuration.journal.keep = keep
        configuration.disk.budgetBytes = diskBudget.map { $0 + life.budgetRaise }
        configuration.duplicates.window = window
        if let queueBytes { configuration.journal.queueBytesMax = queueBytes }
        if let inFlightBytes { configuration.intake.inFlightBytesMax = inFlightBytes }
        // Not in the text: reading it there checks the keys, and costs more than all the rest of it.
        configuration.tracking.sources["default"] = SourceTrackingPart(
            sendGrid: tracks ? SendGridConfiguration(publicKeys: [Reporter.provider.publicKey]) : nil
        )
        return configuration
    }
}
