internal import Journal

/// How far a stream's worker has come in its partition.
///
/// It promises that what is committed never passes a record which was begun and not settled: a worker that would read
/// on behind one ends the process instead of losing it.
struct StreamCursor: Sendable, Hashable {
    private(set) var scanned: Offset
    /// The first record that was begun and is not settled.
    private(set) var open: Offset?

    init(scanned: Offset) {
        self.scanned = scanned
    }

    /// A record is taken up for delivery.
    mutating func begin(_ record: Offset) {
        precondition(record >= scanned, "a record before the cursor was settled or passed")
        open = open ?? record
    }

    /// Every record before `offset` has been acknowledged or set aside.
    mutating func settle(upTo offset: Offset) {
        open = nil
        scanned = max(scanned, offset)
    }

    /// Nothing before `offset` is carried, or it is lost.
    mutating func pass(to offset: Offset) {
        precondition(open == nil, "a cursor does not pass a record that was not delivered")
        scanned = max(scanned, offset)
    }
}
