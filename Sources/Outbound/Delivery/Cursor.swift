package import Journal

/// Where a connector stands in one partition, as state keeps it.
package struct CursorSnapshot: Sendable, Hashable {
    /// Everything before it has been read, and every type without a `next` is dealt with up to it.
    package var scanned: Offset
    /// The first offset that no plan covers, only for types with staged records; in order of the types' names.
    package var next: [TypeOffset]

    package init(scanned: Offset, next: [TypeOffset] = []) {
        self.scanned = scanned
        self.next = next
    }

    /// The first offset that is still needed.
    package var floor: Offset {
        next.reduce(scanned) { min($0, $1.offset) }
    }
}

package struct TypeOffset: Sendable, Hashable {
    package var type: String
    package var offset: Offset

    package init(type: String, offset: Offset) {
        self.type = type
        self.offset = offset
    }
}

/// The cursor of one partition while a reader works on it.
///
/// Staging is rebuilt from the journal, so a start reads again what had been read but not planned. Until the reader
/// passes the `scanned` that was committed, types without a `next` must not be taken a second time and the committed
/// `scanned` must not fall back; types with one are taken from their `next` on. Each type is a number here, its index
/// among the carried types.
struct Cursor: Sendable {
    /// `scanned` as it was committed when the reader started.
    let resumed: Offset
    /// The next offset that the reader gives.
    private(set) var position: Offset
    private let types: [String]
    private let resumeAt: [Offset?]

    /// Types that are carried no longer lose their `next`; a newly carried one has none and starts at `scanned`.
    init(resuming snapshot: CursorSnapshot, types: [String]) {
        self.types = types
        resumed = snapshot.scanned
        var resumeAt = [Offset?](repeating: nil, count: types.count)
        for entry in snapshot.next {
            guard let index = types.firstIndex(of: entry.type) else { continue }
            resumeAt[index] = entry.offset
        }
        self.resumeAt = resumeAt
        position = resumeAt.reduce(snapshot.scanned) { min($0, $1 ?? $0) }
    }

    /// Whether the reader is still below what was committed.
    var isReadingAgain: Bool { position < resumed }

    /// The first offset of a type that is taken.
    func threshold(ofType index: Int) -> Offset {
        resumeAt[index] ?? resumed
    }

    mutating func advance(to offset: Offset) {
        precondition(offset >= position, "a reader goes forward")
        position = offset
    }

    /// What may be committed now, given the first staged record of each type that no plan covers.
    func snapshot(firstStaged: (Int) -> Offset?) -> CursorSnapshot {
        var next: [TypeOffset] = []
        for index in types.indices {
            if let offset = firstStaged(index) {
                next.append(TypeOffset(type: types[index], offset: offset))
            } else if isReadingAgain, let resumeAt = resumeAt[index], resumeAt < resumed {
                // Planned up to here; what lies between here and the committed `scanned` is still to be read again.
                next.append(TypeOffset(type: types[index], offset: max(resumeAt, position)))
            }
        }
        next.sort { $0.type < $1.type }
        return CursorSnapshot(scanned: max(position, resumed), next: next)
    }
}
