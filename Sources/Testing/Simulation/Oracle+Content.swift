internal import Delivery
internal import StoreDoubles

extension Oracle {
    /// A record is what was sent under its id: its type, and all fields that its sender knows of.
    mutating func judgeContent(
        _ fields: [String: String],
        _ type: String,
        of id: String,
        in connector: Scenario.Connector
    ) {
        guard let event = places[id].map({ events[$0] }), !event.isBad else { return }
        let names = event.isWhole ? Set(fields.keys).union(event.fields.keys) : Set(event.fields.keys)
        var wrong = names.filter { fields[$0] != event.fields[$0] }.sorted()
        if type != event.type { wrong.insert("event_type", at: 0) }
        guard let name = wrong.first else { return }
        let (there, sent) = name == "event_type" ? (type, event.type) : (fields[name], event.fields[name])
        failures.append(
            "\(connector.name): \(event.id) is not what was sent: \(name) is \(Self.shown(there)), "
                + "not \(Self.shown(sent))"
        )
    }

    private static func shown(_ value: String?) -> String {
        value.map { String($0.prefix(50)) } ?? "missing"
    }

    /// Each event comes to the endpoint for the first time in the order of its partition.
    ///
    /// The order is that of files in which it stands too, by type, and that of its request. What was refused once comes
    /// whenever an operator wants it; who gives up the oldest may have it arrive late, as may what is passed over since
    /// it has rotted; and a replay delivers what it is asked for beside all else, before it or behind.
    mutating func judgeOrder(atEndpoint connector: Scenario.Connector) {
        guard !connector.givesUp, !books.replays.contains(where: { $0.connector == connector.name }) else { return }
        var seen: Set<String> = []
        var last: [String: (place: Int, id: String)] = [:]
        for event in world.elsewhere.endpoint.events {
            let id = Self.id(event.id, event.type, event.user)
            guard seen.insert(id).inserted, !id.hasSuffix(SentEvents.poisonEnding), !world.rot.hasHit(id) else {
                continue
            }
            var lines: [(name: String, place: Int)] = []
            let stands = landedPlaces[id]
            if let stands { lines.append(("\(event.type) \(stands.partition)", stands.place)) }
            let partition = scenario.partitions == 1 ? 0 : stands?.partition
            if let partition, let place = places[event.id] {
                lines.append(("request \(events[place].request) \(partition)", place))
            }
            for line in lines {
                if let before = last[line.name], before.place > line.place {
                    failures.append("\(connector.name): \(id) first came behind \(before.id), which follows it")
                }
                last[line.name] = (line.place, id)
            }
        }
    }

    /// Where what files have stands in the order of its type and partition.
    mutating func notePlaces(_ objects: [LandedObject]) {
        for object in objects {
            for (index, record) in object.records.enumerated() {
                // Offsets may have gaps, and a file has far fewer records than this.
                let place = Int(object.first) << 20 + index
                landedPlaces[id(of: record, in: object)] = (object.partition, place)
            }
        }
    }
}
