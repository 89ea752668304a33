import Synchronization

/// Whether the disk has room for more records: what journal, staging and state may hold together, and what must stay
/// free on the disk whatever happens.
///
/// The slow figures (staging, state, free space) are measured now and then; the journal's own size is given with each
/// question, so that between two measurements intake cannot run past the budget.
final class DiskBudget: Sendable {
    struct Measurement: Sendable, Hashable {
        var journal: Int64
        var staging: Int64
        var state: Int64
        var free: Int64
    }

    let budget: Int64?
    let reserve: Int64
    private let latest = Mutex<Measurement?>(nil)

    /// An eighth of the budget is kept free where it can be, but of a large one no more than this.
    private static let headroomMax = Int64(1) << 30

    /// The room that is to be kept ahead of intake: two turns of the journal's files at least.
    static func headroom(_ disk: Configuration.DiskPart, _ journal: Configuration.JournalPart) -> Int64 {
        let turns = Int64(journal.segmentBytes * journal.partitions * 2)
        return max(turns, min(Int64(disk.budgetBytes ?? 0) / 8, headroomMax))
    }

    init(_ settings: Configuration.DiskPart) {
        budget = settings.budgetBytes.map { Int64($0) }
        reserve = Int64(settings.reserveBytes)
    }

    var measurement: Measurement? {
        latest.withLock { $0 }
    }

    func record(_ measurement: Measurement) {
        latest.withLock { $0 = measurement }
    }

    /// The journal's question before each hand-over.
    func admits(journal: Int64) -> Bool {
        room(journal: journal) > 0
    }

    /// The bytes that may still be written; at or below zero intake answers 503.
    func room(journal: Int64) -> Int64 {
        guard let measured = latest.withLock({ $0 }) else { return .max }
        let growth = journal - measured.journal
        let onDisk = measured.free - growth - reserve
        guard let budget else { return onDisk }
        return min(onDisk, budget - journal - measured.staging - measured.state)
    }
}
