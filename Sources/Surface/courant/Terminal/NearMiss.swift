/// What somebody probably meant who wrote an unknown name.
enum NearMiss {
    /// The nearest names, at most three: by edits, without regard to letter case, and by as many last parts as were
    /// written, since `email.Clik` and `Click` should both find `users.messages.email.Click`.
    static func names(near wanted: String, among names: [String]) -> [String] {
        let needle = wanted.lowercased()
        var found: [(distance: Int, order: Int, name: String)] = []
        for (order, name) in names.enumerated() {
            let candidate = name.lowercased()
            let parts = needle.split(separator: ".").count
            let tail = candidate.split(separator: ".").suffix(max(1, parts)).joined(separator: ".")
            let distance = min(edits(needle, candidate), edits(needle, tail))
            if distance <= (needle.count < 4 ? 1 : needle.count < 12 ? 2 : 3) {
                found.append((distance, order, name))
            }
        }
        found.sort { ($0.distance, $0.order) < ($1.distance, $1.order) }
        let best = found.first?.distance ?? 0
        return found.filter { $0.distance == best }.prefix(3).map(\.name)
    }

    /// The Levenshtein distance.
    static func edits(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
