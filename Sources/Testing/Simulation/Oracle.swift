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
    /// Acknowledged events that are not there, by connector.
    private var missing: [String: Int] = [:]

    init(_ scenario: Scenario, _ world: World, _ events: [SentEvents.Event], _ books: Books) {
        self.scenario = scenario
        self.world = world
        self.events = events
        self.books = books
    }

    /// Everything that is wrong, the worst first.
    ///
    /// `replaysTaken` are the ids of replays that the service has said it takes on.
    mutating func judge(replaysTaken: [String]) -> [String] {
        for id in Set(replaysTaken).sorted() where !books.replays.contains(where: { $0.id == id }) {
            failures.append("replay \(id) was begun and is forgotten")
        }
        for connector in scenario.connectors {
            switch connector.kind {
            case .bucket, .folder:
                let objects = objects(under: connector.name, of: connector)
                judge(objects, of: connector)
                for replay in books.replays where replay.connector == connector.name {
                    judge(replay, against: objects, of: connector)
                }
            case .endpoint: judgeStream(of: connector)
            }
            judgeBalance(of: connector)
        }
        for balance in books.sources where !balance.isBalanced {
            failures.append("the balance of source \(balance.source) is \(balance)")
        }
        failures += world.elsewhere.bucket.complaints + world.elsewhere.endpoint.complaints
        return failures
    }

    /// What the sender calls it: events of reports have ids that the service makes.
    func id(of record: LandedObject.Record, in object: LandedObject) -> String {
        record.user.hasPrefix(Reporter.userStart) ? Reporter.id(object.type, record.user) : record.id
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
        judgeOrder(in: objects, of: connector)
        judgeHours(of: objects)
        for balance in balances(of: connector) {
            let count = objects.filter { $0.type == balance.type }.reduce(0) { $0 + $1.records.count }
            let counted = balance.counts.landed
            guard count != counted else { continue }
            failures.append("\(connector.name): \(counted) of \(balance.type) count as landed, not \(count)")
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
        } else if count == 0, event.fate == .acknowledged {
            missing[connector.name, default: 0] += 1
            if scenario.rots { return }
            failures.append("\(connector.name): \(event.id) was acknowledged and is lost")
        } else if count > most {
            failures.append("\(connector.name): \(event.id) stands there \(count) times")
        }
    }

    /// Events of one request keep their order within a partition.
    mutating func judgeOrder(in objects: [LandedObject], of connector: Scenario.Connector) {
        let places = Dictionary(uniqueKeysWithValues: events.enumerated().map { ($0.element.id, $0.offset) })
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
            let id = event.user.hasPrefix(Reporter.userStart) ? Reporter.id(event.type, event.user) : event.id
            times[id, default: 0] += 1
            if times[id] == 1 { kinds[event.type, default: 0] += 1 }
        }
        let types = types(of: connector)
        for event in events {
            let count = times.removeValue(forKey: event.id) ?? 0
            if world.elsewhere.refuses(event.id) {
                if count > 0 { failures.append("\(connector.name): \(event.id) was taken by who refuses it") }
                continue
            }
            judge(event, count, isCarried: types.contains(event.type), most: .max, in: connector)
        }
        for id in times.keys.sorted() { failures.append("\(connector.name): nobody sent \(id)") }
        // Where segments rot, what was delivered and not booked counts as lost.
        for balance in scenario.rots ? [] : balances(of: connector) {
            let (count, counted) = (kinds[balance.type] ?? 0, balance.counts.landed)
            guard count != counted else { continue }
            failures.append("\(connector.name): \(counted) of \(balance.type) count as delivered, not \(count)")
        }
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
        if let missing = missing[connector.name], missing > lost {
            failures.append("\(connector.name): \(missing) acknowledged events are gone, and \(lost) count as lost")
        }
        for balance in balances {
            let counts = balance.counts
            guard counts.isBalanced, counts.pending == 0, counts.lost == 0 || scenario.rots else {
                failures.append("\(connector.name): the balance of \(balance.type) is \(counts)")
                continue
            }
            let mayRefuse = connector.kind == .endpoint && !scenario.hasOperator
            guard counts.setAside > 0, !mayRefuse else { continue }
            failures.append("\(connector.name): \(counts.setAside) of \(balance.type) were set aside")
        }
    }
}
