/// Which subscription groups have, or had, a number, a messaging service or a provider's id.
struct GroupIndex: Sendable, Hashable {
    enum Key: Sendable, Hashable {
        case number(String)
        case service(String)
        case provider(String, id: String)
    }

    /// The groups' ids in order, so that an answer never hangs on the order in which they came.
    private var ids: [Key: [String]] = [:]

    func groups(for key: Key) -> [String] { ids[key] ?? [] }

    mutating func add(_ group: SubscriptionGroup) {
        for key in Self.keys(of: group) {
            var held = ids[key] ?? []
            let place = held.firstIndex { $0 >= group.id } ?? held.endIndex
            guard place == held.endIndex || held[place] != group.id else { continue }
            held.insert(group.id, at: place)
            ids[key] = held
        }
    }

    static func keys(of group: SubscriptionGroup) -> [Key] {
        group.numbers.map(Key.number) + group.messagingServices.map(Key.service)
            + group.providerGroups.flatMap { groups in groups.ids.map { Key.provider(groups.provider, id: $0) } }
    }
}
