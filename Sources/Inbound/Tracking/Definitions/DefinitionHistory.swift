/// What one definition was from which time on.
///
/// Versions stand in the order of time, no two neighbours are the same, and the first is no removal.
struct DefinitionHistory<Value: Sendable & Hashable>: Sendable, Hashable {
    struct Version: Sendable, Hashable {
        /// Seconds since 1970.
        let from: Int64
        /// Nil where the definition was removed.
        let value: Value?
    }

    private(set) var versions: [Version] = []

    /// The value in force at `time`; before the first version, the first.
    func value(at time: Int64) -> Value? {
        let version = versions.last { $0.from <= time } ?? versions.first
        return version?.value
    }

    /// The value in force at `time`, or the one that was removed before.
    func lastValue(at time: Int64) -> Value? {
        let version = versions.last { $0.from <= time && $0.value != nil } ?? versions.first
        return version?.value
    }

    func hasBegun(at time: Int64) -> Bool {
        versions.first.map { $0.from <= time } ?? false
    }

    /// Sets what is in force from a time to the next version's; nil removes.
    ///
    /// Answers whether anything changed.
    mutating func set(_ value: Value?, from time: Int64) -> Bool {
        guard self.value(at: time) != value else { return false }
        var changed = versions.filter { $0.from != time }
        let index = changed.firstIndex { $0.from > time } ?? changed.endIndex
        changed.insert(Version(from: time, value: value), at: index)
        changed = Self.settled(changed)
        defer { versions = changed }
        return changed != versions
    }

    /// Drops the versions that ended before `time`, and the whole where it was removed before.
    mutating func forget(endedBefore time: Int64) {
        let kept = versions.indices.filter { index in
            guard index + 1 < versions.endIndex else { return true }
            return versions[index + 1].from >= time
        }
        versions = Self.settled(kept.map { versions[$0] })
    }

    private static func settled(_ versions: [Version]) -> [Version] {
        var settled: [Version] = []
        for version in versions where version.value != settled.last?.value { settled.append(version) }
        let surplus = settled.count - DefinitionLimits.versionsMax
        guard surplus > 0 else { return settled }
        return Array(settled.dropFirst(surplus).drop { $0.value == nil })
    }
}
