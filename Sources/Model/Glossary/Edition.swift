/// One dated set of event types.
public struct Edition: Sendable {
    /// Its name, such as `2021`.
    public let name: String
    /// Its types, in the order of the glossary.
    public let types: [EventType]
    private let index: [String: Int]

    /// The same edition with only those of its types, for worlds that need no more.
    package func keeping(_ names: Set<String>) -> Edition {
        Edition(name: name, types: types.filter { names.contains($0.name) })
    }

    init(name: String, types: [EventType]) {
        self.name = name
        self.types = types
        var index: [String: Int] = [:]
        for (position, type) in types.enumerated() {
            for name in [type.name] + type.aliases { index[name] = position }
        }
        self.index = index
    }

    /// The type of that name; aliases are accepted, letter case counts.
    public func type(named name: String) -> EventType? {
        index[name].map { types[$0] }
    }

    /// The types that the filter lets through, in the order of the glossary.
    public func types(matching filter: Filter) -> [EventType] {
        let filter = PreparedFilter(filter)
        return types.filter { filter.matches($0) }
    }
}
