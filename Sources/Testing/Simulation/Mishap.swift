internal import Synchronization

/// What can go wrong in a run because its seed wants it so.
package enum Mishap: String, Sendable, CaseIterable {
    // How lives end.
    case endBefore = "ends before a step"
    case endDuring = "ends in the midst of a step"
    case endAfter = "ends behind a step"
    case endAtOpen = "ends at an open of what is there"
    case processDeath = "processes end, and their machine lives on"
    case powerLoss = "machines lose their power"
    case stagingLoss = "lives that begin without what was staged"
    case clockJump = "clocks are put elsewhere"

    // The disk.
    case cutWrite = "writes cut by the end of a process"
    case tornPage = "pages of which a power loss leaves some sectors"
    case lostPage = "unsynced pages that a power loss takes"
    case failedRead = "reads fail"
    case failedLook = "opens, sizes, lists and locks fail"
    case failedWrite = "writes and cuts fail"
    case failedName = "names that cannot be made, changed or removed"
    case failedFolderSync = "syncs of folders fail"
    case failedSegmentSync = "syncs of segments fail"
    case failedStateSync = "syncs of databases fail"
    case failedSync = "syncs of other files fail"
    case fullWrite = "writes meet a full disk"
    case fullName = "new names meet a full disk"

    // Segments.
    case rotInFrame = "rot in a frame"
    case rotInHead = "rot in a head"
    case rotInSeal = "rot in a seal"
    case rotInTrailer = "rot in a trailer"
    case rotAtWork = "rot while the service runs"
    case rotBetween = "rot between two lives"
    case rotLoss = "acknowledged events that rot took from a connector, all counted"

    // Elsewhere.
    case refusedConnection = "connections refused"
    case lostRequest = "connections reset before the request"
    case lostAnswer = "connections reset before the answer"
    case busy = "requests answered with 503"
    case denied = "requests denied"
    case delayed = "requests that hang and come later"
    case expired = "credentials that run out"
    case straggler = "requests that come when nobody waits for them"
    case alien = "keys that strangers take"

    /// The mishap that it is where an operation of the disk fails.
    init(of operation: String, _ path: String) {
        self =
            switch operation {
            case "read": .failedRead
            case "open", "stat", "list", "lock": .failedLook
            case "write", "truncate": .failedWrite
            case "sync of folder": .failedFolderSync
            case "sync" where path.hasSuffix(".segment"): .failedSegmentSync
            case "sync" where path.contains(".db"): .failedStateSync
            case "sync": .failedSync
            default: .failedName
            }
    }
}

/// How often each mishap has come about.
final class Mishaps: Sendable {
    private let counts = Mutex<[Mishap: Int]>([:])

    var all: [Mishap: Int] { counts.withLock { $0 } }

    func count(_ mishap: Mishap) {
        counts.withLock { $0[mishap, default: 0] += 1 }
    }
}
