internal import Delivery
internal import Glossary
internal import Intake
internal import Journal
internal import Platform
internal import PlatformTesting
internal import StoreDoubles

/// Whether what is left of a run keeps the promises.
struct Oracle {
    /// What the service said of itself when all had landed.
    struct Books: Sendable {
        var connectors: [ConnectorStatus]
        var sources: [SourceBalance]
        var replays: [Replay] = []
        /// The journal's frames, as far as they are still there.
        var frames: [Frame] = []
    }

    struct Frame: Sendable {
        let partition: Int64
        let offsets: Range<Int64>
        let time: Timestamp

        var hour: String { Hour(of: time).text }
    }

    let scenario: Scenario
    let world: World
    let events: [SentEvents.Event]
    let books: Books
    var failures: [String] = []
    /// Of each event that stands in a file: its partition, and what orders it among those of its type there.
    var landedPlaces: [String: (partition: Int64, place: Int)] = [:]
    /// Where each event stands among all that were sent, by its id.
    let places: [String: Int]
    /// What the partner still refuses, by type.
    private var poisoned: [String: Missing] = [:]
    /// Good events that are not there, by connector and type.
    private var missing: [String: [String: Missing]] = [:]

    private struct Missing {
        var acknowledged = 0
        /// Of unknown fate: they may be in the journal or not.
        var unknown = 0
    }

    init(_ scenario: Scenario, _ world: World, _ events: [SentEvents.Event], _ books: Books) {
        self.scenario = scenario
        self.world = world
        self.events = events
        self.books = books
        places = Dictionary(uniqueKeysWithValues: events.enumerated().map { ($0.element.id, $0.offset) })
    }

    /// Everything that is wrong, the worst first.
    ///
    /// `replaysTaken` are the ids of replays that the service has said it takes on.
    mutating func judge(replaysTaken: [String]) -> [String] {
        for id in Set(replaysTaken).sorted() where !books.replays.contains(where: { $0.id == id }) {
            failures.append("replay \(id) was begun and is forgotten")
        }
        for connector in scenario.connectors where connector.kind != .endpoint {
            let objects = objects(under: connector.name, of: connector)
            judge(objects, of: connector)
            notePlaces(objects)
            for replay in books.replays where replay.connector == connector.name {
                judge(replay, against: objects, of: connector)
            }
            judgeBalance(of: connector)
        }
        for connector in scenario.connectors where connector.kind == .endpoint {
            judgeStream(of: connector)
            judgeOrder(atEndpoint: connector)
            judgeBalance(of: connector)
        }
        for balance in books.sources where !balance.isBalanced {
            failures.append("the balance of source \(balance.source) is \(balance)")
        }
        failures += world.elsewhere.complaints
        return failures
    }

    /// What the sender calls it: events of reports have ids that the service makes.
    func id(of record: LandedObject.Record, in object: LandedObject) -> String {
        Self.id(record.id, object.type, record.user)
    }

    static func id(_ id: String, _ type: String, _ user: String) -> String {
        user.hasPrefix(Reporter.userStart) ? Reporter.id(type, user) : id
    }

    func types(of connector: Scenario.Connector) -> Set<String> {
        var filter = Filter()
        filter.events = connector.events
        return Set(Scenario.glossary.editions[0].types(matching: filter).map(\.name))
    }

    /// What a connector has landed in a folder.
    mutating func objects(under folder: String, of connector: Scenario.Connector) -> [LandedObject] {
        let files: [(key: String, bytes: [UInt8])]
        switch connector.kind {
        case .bucket:
            files = world.elsewhere.bucket.objects.filter { $0.key.hasPrefix(folder + "/") }
                .map { ($0.key, $0.value.bytes) }.sorted { $0.key < $1.key }
        default:
            files = world.disk.paths(under: "\(Scenario.folder)/\(folder)/")
                .map { ($0, world.disk.content($0) ?? []) }
        }
        var objects: [LandedObject] = []
        for file in files {
            do throws(SimulationError) {
                objects.append(try LandedObject(file.bytes, key: file.key))
            } catch {
                failures.append("\(connector.name): \(error)")
            }
        }
        return objects.sorted { ($0.type, $0.partition, $0.first) < ($1.type, $1.partition, $1.first) }
    }

    private mutating func judge(_ objects: [LandedObject], of connector: Scenario.Connector) {
        var times: [String: Int] = [:]
        for object in objects { for record in object.records { times[id(of: record, in: object), default: 0] += 1 } }
        let types = types(of: connector)
        for event in events {
            let count = times.removeValue(forKey: event.id) ?? 0
            judge(event, count, isCarried: types.contains(event.type), most: 1, in: connector)
        }
        for (id, count) in times.sorted(by: { $0.key < $1.key }) {
            failures.append("\(connector.name): \(id) stands there \(count) times, and nobody sent it")
        }
        judgeRecords(of: objects, in: connector)
        judgeOrder(in: objects, of: connector)
        judgeHours(of: objects)
        var counts: [String: Int] = [:]
        for object in objects { counts[object.type, default: 0] += object.records.count }
        judgeLanded(counts, of: connector)
    }

    /// Records are what was sent.
    mutating func judgeRecords(of objects: [LandedObject], in connector: Scenario.Connector) {
        for object in objects {
            for record in object.records {
                judgeContent(record.fields, object.type, of: id(of: record, in: object), in: connector)
            }
        }
    }

    /// What counts as landed or delivered is there, and nothing else.
    ///
    /// A file that arrives after it was given up is there and counts as lost; and of what is lost so, nothing else is.
    private mutating func judgeLanded(_ there: [String: Int], of connector: Scenario.Connector) {
        for balance in balances(of: connector) {
            let (count, counts) = (there[balance.type] ?? 0, balance.counts)
            let (late, missing) = (count - counts.landed, missing[connector.name]?[balance.type] ?? Missing())
            guard connector.givesUp ? late < 0 || late > counts.lost : late != 0 else {
                // What was set aside at the end is not there either.
                let gone = counts.lost + counts.setAside - late
                guard connector.givesUp, gone < missing.acknowledged || gone > missing.acknowledged + missing.unknown
                else { continue }
                failures.append(
                    "\(connector.name): \(missing.acknowledged) to \(missing.acknowledged + missing.unknown) of "
                        + "\(balance.type) are gone, and \(gone) count as lost"
                )
                continue
            }
            failures.append("\(connector.name): \(counts.landed) of \(balance.type) count as landed, not \(count)")
        }
    }

    private mutating func judge(
        _ event: SentEvents.Event,
        _ count: Int,
        isCarried: Bool,
        most: Int,
        in connector: Scenario.Connector
    ) {
        if event.isBad || !isCarried {
            guard count > 0 else { return }
            let what = event.isBad ? "bad" : "not carried"
            failures.append("\(connector.name): \(event.id) stands there, which is \(what)")
        } else if count == 0 {
            let isAcknowledged = event.fate == .acknowledged
            let path: WritableKeyPath<Missing, Int> = isAcknowledged ? \.acknowledged : \.unknown
            missing[connector.name, default: [:]][event.type, default: Missing()][keyPath: path] += 1
            guard isAcknowledged, !connector.givesUp else { return }
            guard !world.rot.hasHit(event.id) else { return world.weather.mishaps.count(.rotLoss) }
            failures.append("\(connector.name): \(event.id) was acknowledged and is lost")
        } else if count > most {
            failures.append("\(connector.name): \(event.id) stands there \(count) times")
        }
    }

    /// Events of one request keep their order within a partition.
    mutating func judgeOrder(in objects: [LandedObject], of connector: Scenario.Connector) {
        var last: [String: Int] = [:]
        for object in objects {
            for record in object.records {
                guard let place = places[record.id] else { continue }
                let line = "\(object.type) \(object.partition) \(events[place].request)"
                if let before = last[line], before > place {
                    failures.append("\(connector.name): \(record.id) stands behind \(events[before].id), sent after it")
                }
                last[line] = place
            }
        }
    }

    /// A file has one hour: that of the frames that its records stand in.
    mutating func judgeHours(of objects: [LandedObject]) {
        for object in objects {
            let frames = books.frames.filter { frame in
                frame.partition == object.partition
                    && (frame.offsets.contains(object.first) || frame.offsets.contains(object.last))
            }
            for frame in frames where !object.key.contains("/date=\(frame.hour)/") {
                failures.append("\(object.key) has records of \(frame.hour)")
            }
        }
    }

    private mutating func judgeStream(of connector: Scenario.Connector) {
        var times: [String: Int] = [:]
        var kinds: [String: Int] = [:]
        for event in world.elsewhere.endpoint.events {
            let id = Self.id(event.id, event.type, event.user)
            judgeContent(event.fields, event.type, of: id, in: connector)
            times[id, default: 0] += 1
            if times[id] == 1 { kinds[event.type, default: 0] += 1 }
        }
        let types = types(of: connector)
        for event in events {
            let count = times.removeValue(forKey: event.id) ?? 0
            if world.elsewhere.refuses(event.id) {
                if count > 0 { failures.append("\(connector.name): \(event.id) was taken by who refuses it") }
                if !event.isBad, types.contains(event.type) {
                    let isAcknowledged = event.fate == .acknowledged
                    let path: WritableKeyPath<Missing, Int> = isAcknowledged ? \.acknowledged : \.unknown
                    poisoned[event.type, default: Missing()][keyPath: path] += 1
                }
                // Where an operator is about, only what was given up before it was refused is still refused at the end.
                if !scenario.hasOperator, !connector.givesUp { continue }
            }
            judge(event, count, isCarried: types.contains(event.type), most: .max, in: connector)
        }
        for id in times.keys.sorted() { failures.append("\(connector.name): nobody sent \(id)") }
        // Where frames rot, what was delivered and not booked counts as lost.
        if !world.rot.hasHitRecords { judgeLanded(kinds, of: connector) }
    }

    private func balances(of connector: Scenario.Connector) -> [NamedCounts] {
        books.connectors.first { $0.name == connector.name }?.balances ?? []
    }

    private mutating func judgeBalance(of connector: Scenario.Connector) {
        let balances = balances(of: connector)
        if balances.isEmpty { failures.append("\(connector.name) has no books") }
        let status = books.connectors.first { $0.name == connector.name }
        let gaps = status?.partitions.reduce(0) { $0 + $1.gapOffsets } ?? 0
        let lost = balances.reduce(gaps) { $0 + $1.counts.lost }
        let missing = missing[connector.name]?.values.reduce(0) { $0 + $1.acknowledged } ?? 0
        // Of who gives up it is told by type, and exactly.
        if missing > lost, !connector.givesUp {
            failures.append("\(connector.name): \(missing) acknowledged events are gone, and \(lost) count as lost")
        }
        if lost > world.rot.records, !connector.givesUp {
            failures.append("\(connector.name): \(lost) count as lost, and \(world.rot.records) have rotted")
        }
        for balance in balances {
            let counts = balance.counts
            let mayLose = world.rot.hasHitRecords || connector.givesUp
            guard counts.isBalanced, counts.pending == 0, counts.lost == 0 || mayLose else {
                failures.append("\(connector.name): the balance of \(balance.type) is \(counts)")
                continue
            }
            let mayRefuse = connector.kind == .endpoint && !scenario.hasOperator
            let refused = mayRefuse ? poisoned[balance.type] ?? Missing() : Missing()
            let least = mayLose ? 0 : refused.acknowledged
            let most = refused.acknowledged + refused.unknown
            guard !(least...most).contains(counts.setAside) else { continue }
            failures.append(
                "\(connector.name): \(counts.setAside) of \(balance.type) were set aside, and \(least) to \(most) are "
                    + "refused"
            )
        }
    }
}
