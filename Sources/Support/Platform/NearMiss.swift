/// The names that a mistyped one was probably meant to be.
package enum NearMiss {
    /// Bytes of a name that are compared: what is longer is no slip, and the comparison is quadratic.
    private static let comparedMax = 200

    /// The nearest of `candidates`, if it is near enough to be meant.
    package static func suggestion(for name: String, among candidates: [String]) -> String? {
        likely(name, among: candidates).first
    }

    /// The nearest of `candidates`, where they are near enough to be meant.
    ///
    /// None where more than `countMax` are as near: that would be no hint.
    package static func suggestions(for name: String, among candidates: [String], countMax: Int = 3) -> [String] {
        let found = likely(name, among: candidates)
        return found.count <= countMax ? found : []
    }

    /// All that are as near as the nearest, if that has one slip in three characters at most.
    private static func likely(_ name: String, among candidates: [String]) -> [String] {
        let limit = max(1, min(name.utf8.count, comparedMax) / 3)
        let ranked = ranking(of: candidates, by: name, within: limit)
        guard let best = ranked.first, best.distance <= limit, best.name != name else { return [] }
        return ranked.prefix { $0.distance == best.distance }.map(\.name)
    }

    /// The candidates that begin or end with all words of `name`, or it with theirs: `email_address` for `email`, and
    /// `name` for `event_name`.
    ///
    /// None where there are more than `countMax`, or where an `id` is all that is shared: that would be no hint.
    package static func sharing(_ name: String, among candidates: [String], countMax: Int = 3) -> [String] {
        let name = name.lowercased()
        guard !name.isEmpty, name != "id", name.utf8.count <= comparedMax else { return [] }
        let found = candidates.filter { $0 != "id" }.filter { candidate in
            candidate.hasPrefix("\(name)_") || candidate.hasSuffix("_\(name)")
                || name.hasPrefix("\(candidate)_") || name.hasSuffix("_\(candidate)")
        }
        return found.count <= countMax ? found : []
    }

    /// Up to `countMax` candidates, the nearest first, whatever their distance.
    package static func nearest(to name: String, among candidates: [String], countMax: Int = 3) -> [String] {
        ranking(of: candidates, by: name).prefix(countMax).map(\.name)
    }

    /// By the whole name, and by as many of its last parts as were written.
    ///
    /// So `email.clik` is near `users.messages.email.Click`. How far those are that are not `within` the limit is not
    /// counted.
    private static func ranking(
        of candidates: [String],
        by name: String,
        within limit: Int = .max
    ) -> [(name: String, distance: Int)] {
        let wanted = Array(name.lowercased().utf8.prefix(comparedMax))
        let dot = UInt8(ascii: ".")
        let parts = wanted.count { $0 == dot } + 1
        let ranked = candidates.map { candidate in
            let whole = Array(candidate.lowercased().utf8)
            let tail = Array(whole.split(separator: dot).suffix(parts).joined(separator: [dot]))
            let apart = distance(wanted, whole, limit)
            return (name: candidate, distance: tail == whole ? apart : min(apart, distance(wanted, tail, limit)))
        }
        return ranked.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
    }

    /// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other; where these must be
    /// more than `limit`, the difference in length.
    private static func distance(_ left: [UInt8], _ right: [UInt8], _ limit: Int) -> Int {
        let difference = abs(left.count - right.count)
        guard !left.isEmpty, !right.isEmpty, difference <= limit else { return difference }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row]
            for column in 1...right.count {
                let same = left[row - 1] == right[column - 1]
                var cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0 : 1))
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    cost = min(cost, beforeLast[column - 2] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
