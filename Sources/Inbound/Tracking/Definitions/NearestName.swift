/// The known name that a mistyped one was probably meant to be.
enum NearestName {
    /// At most one slip in three characters; nil where no known name is so near.
    static func of(_ name: String, among known: [String]) -> String? {
        // A long name is no slip, and the comparison is quadratic.
        guard name.utf8.count <= DefinitionLimits.idBytesMax else { return nil }
        let wanted = Array(name.lowercased().utf8)
        let ranked = known.map { (distance: slips(wanted, Array($0.lowercased().utf8)), name: $0) }
        guard let best = ranked.min(by: { $0 < $1 }), best.distance <= max(1, wanted.count / 3) else { return nil }
        return best.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
    private static func slips(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
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
