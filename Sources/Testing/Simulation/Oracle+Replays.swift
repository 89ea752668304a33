internal import Delivery
internal import Glossary
internal import Journal

extension Oracle {
    /// What a replay has landed, against what its connector has landed before.
    ///
    /// Each record stands there once at most, and none that the connector has not; once it has finished, all that the
    /// connector landed of frames of its time, and nothing of other frames. What the journal has no more at the end is
    /// passed over: the replay may have come before or after it went.
    mutating func judge(_ replay: Replay, against live: [LandedObject], of connector: Scenario.Connector) {
        let name = "replay \(replay.id) of \(connector.name)"
        let objects = objects(under: "\(connector.name).replay/\(replay.id)", of: connector)
        var times: [String: Int] = [:]
        for object in objects { for record in object.records { times[id(of: record, in: object), default: 0] += 1 } }
        for (id, count) in times.sorted(by: { $0.key < $1.key }) where count > 1 {
            failures.append("\(name): \(id) stands there \(count) times")
        }
        judgeRecords(of: objects, in: connector)
        judgeOrder(in: objects, of: connector)
        judgeHours(of: objects)
        let known = Set(live.flatMap { object in object.records.map { id(of: $0, in: object) } })
        if let id = times.keys.filter({ !known.contains($0) }).min(), !world.rot.hasHitRecords, !connector.givesUp {
            failures.append("\(name): \(id) stands there, and not in what is live")
        }
        guard replay.state == .finished else { return }
        let counts = replay.counts
        // A replay gives up where the disk is full: it can be asked for again.
        let mayLose = world.rot.hasHitRecords || scenario.diskBudget != nil
        guard counts.isBalanced, counts.pending == 0, counts.setAside == 0, counts.lost == 0 || mayLose else {
            return failures.append("\(name): its balance is \(counts)")
        }
        let records = objects.reduce(0) { $0 + $1.records.count }
        guard (0...(mayLose ? counts.lost : 0)).contains(records - counts.landed) else {
            return failures.append("\(name): \(counts.landed) count as landed, not \(records)")
        }
        guard counts.lost == 0, !world.rot.hasHitRecords else { return }
        var filter = Filter()
        filter.events = replay.events
        let types = Set(Scenario.glossary.editions[0].types(matching: filter).map(\.name))
        for object in live {
            guard let isCovered = covers(replay, object) else { continue }
            let isWanted = isCovered && types.contains(object.type)
            for id in object.records.map({ id(of: $0, in: object) }) where (times[id] != nil) != isWanted {
                failures.append("\(name): \(id) \(isWanted ? "is missing" : "is of another time or type")")
            }
        }
    }

    /// Whether all frames that a file is made of belong to a replay, or none; nil where some do, or some are gone.
    private func covers(_ replay: Replay, _ object: LandedObject) -> Bool? {
        let range = object.first..<object.last + 1
        let frames = books.frames.filter { $0.partition == object.partition && $0.offsets.overlaps(range) }
        guard let first = frames.map(\.offsets.lowerBound).min(), first <= object.first else { return nil }
        let bounds = replay.bounds[Int(object.partition)]
        let belong = frames.map { frame in
            bounds.contains(Offset(frame.offsets.lowerBound)) && replay.from <= frame.time && frame.time < replay.to
        }
        return belong.allSatisfy { $0 == belong[0] } ? belong[0] : nil
    }
}
