/// A way to be wrong, which the simulator must find: the service as it is, with one of its cares undone.
///
/// Most are undone at a seam: the disk that does not sync, the transport that leaves a header out, the journal that
/// answers too early, the state that says something else.
package enum BrokenVariant: String, Sendable, CaseIterable {
    // The disk.
    /// Frames are not synced before their senders are answered.
    case skipsSegmentSync = "skips-segment-sync"
    /// Readers see a frame before it is synced; the senders do not (schedule 1).
    case showsUnsynced = "shows-unsynced"
    /// A sync of a segment that failed is tried again, and its success believed (schedule 3).
    case retriesSegmentSync = "retries-segment-sync"
    /// The same with a sync of state.
    case retriesStateSync = "retries-state-sync"
    /// Frames are read without a look at their checksums.
    case believesRot = "believes-rot"
    /// State's commits are not synced.
    case skipsStateSync = "skips-state-sync"
    /// New names in the data folder are not made durable.
    case skipsFolderSync = "skips-folder-sync"
    /// The data folder itself is not made durable.
    case skipsOuterSync = "skips-outer-sync"
    /// Landed files are not synced.
    case skipsLandingSync = "skips-landing-sync"
    /// Segments are removed without order (a hole in the journal after a power loss).
    case removesWithoutOrder = "removes-without-order"
    /// Frames are written before the ones before them are synced, and recovery ends at the first that is not whole and
    /// writes on in place, over it: what stands behind comes back from the dead (schedule 8).
    case appendsOverTear = "appends-over-tear"
    /// Recovery leaves the segment that was being written as it is, torn and not synced, and goes on behind it.
    case keepsTornSegment = "keeps-torn-segment"
    /// A file that has landed is put in its place once more.
    case rewritesLanded = "rewrites-landed"

    // The journal.
    /// Senders are answered before the journal has their records (schedule 2).
    case answersBeforeWrite = "answers-before-write"
    /// A repeat is answered before its first copy is durable (schedule 2).
    case answersRepeatsEarly = "answers-repeats-early"
    /// What failed is taken for a repeat when it comes again (schedule 2).
    case remembersFailed = "remembers-failed"
    /// Repeats are not recognised.
    case forgetsRepeats = "forgets-repeats"
    /// Events of one request change places.
    case reordersRequests = "reorders-requests"
    /// Retention takes what connectors still need (schedule 6).
    case removesNeeded = "removes-needed"
    /// Fields change on their way into the journal.
    case altersFields = "alters-fields"
    /// Repeats are recognised, and counted and answered as new ones.
    case callsRepeatsNew = "calls-repeats-new"

    /// The journal's work does not end after a stop.
    case neverEnds = "never-ends"

    /// A task leaves the executor for any thread: so that the hooks which tell of it are known to be set.
    case escapes = "escapes"
    /// One sleeps by the runtime's clock: its waking comes from another thread.
    case escapesAsleep = "escapes-asleep"
    /// A job of the main actor.
    case escapesToMain = "escapes-to-main"
    /// The journal traps: so that a seed which ends its process is known to be told of.
    case traps = "traps"

    // State.
    /// Staging begins again at what has landed, not at what is planned (schedule 5).
    case resumesAtLanded = "resumes-at-landed"
    /// The cursor moves before the plan is safe.
    case movesCursorFirst = "moves-cursor-first"
    /// The plan is safe before the cursor moves.
    case movesCursorLater = "moves-cursor-later"
    /// What is landed is counted twice.
    case countsTwice = "counts-twice"
    /// A type that never occurs holds the journal's retention back (schedule 6).
    case holdsForIdleTypes = "holds-for-idle-types"
    /// What is given up counts as landed.
    case hidesLosses = "hides-losses"

    // Limits.
    /// Open blocks stay in memory, whatever the budget.
    case ignoresMemory = "ignores-memory"
    /// Records are taken though the disk budget is spent, and nobody gives up any for it.
    case ignoresDisk = "ignores-disk"
    /// Bodies are taken, however many bytes of others are being worked on.
    case ignoresInFlight = "ignores-in-flight"

    /// Batches are handed over, however many bytes wait for the journal.
    case ignoresQueue = "ignores-queue"

    // Books.
    /// A source's books count twice what was refused as a whole: it goes through intake once more, and nobody is told.
    case miscountsSource = "miscounts-source"

    /// What is bad is taken: senders make it good on its way, and hold it for bad.
    case acceptsRejected = "accepts-rejected"

    // Dead letters.
    /// What a destination refused goes through intake again, which takes it for a repeat (schedule 7).
    case replaysThroughIntake = "replays-through-intake"
    /// The same as something new, for all destinations (schedule 7).
    case replaysAnew = "replays-anew"

    // Tracking.
    /// What was journalled of reports and had not reached tracking's state is forgotten (schedule 10).
    case forgetsChanges = "forgets-changes"
    /// Ids are drawn, not made from a report's key: a repeated report makes others (schedule 11).
    case drawsKeys = "draws-keys"

    /// A clock that steps back over the hour does not close the open files (schedule 9).
    case keepsHour = "keeps-hour"

    // The destinations.
    /// Files are put without the condition that nothing stands there.
    case overwrites = "overwrites"
    /// What stands there already is taken for ours without a look.
    case believesAlreadyThere = "believes-already-there"
    /// No answer is taken for a success.
    case believesSilence = "believes-silence"
    /// A file is recognised by its bytes alone, not by its plan (schedule 4).
    case knowsBytesOnly = "knows-bytes-only"
    /// What stands under a file's key is deleted to make room for it.
    case clearsTheWay = "clears-the-way"
    /// The events of one request to an endpoint change places.
    case reordersEndpoint = "reorders-endpoint"

    /// Whether a trap is how it is found; with any other a trap says nothing of the oracle.
    package var endsInTrap: Bool { self == .traps }

    /// What the complaint has in it by which it is to be found: that of the check which it is there to try.
    ///
    /// Empty where it ends in a trap.
    package var sign: String {
        switch self {
        case .skipsSegmentSync, .showsUnsynced, .retriesSegmentSync, .skipsFolderSync, .skipsOuterSync,
            .keepsTornSegment, .answersBeforeWrite, .answersRepeatsEarly, .remembersFailed, .removesNeeded,
            .movesCursorFirst, .replaysThroughIntake, .believesAlreadyThere, .believesSilence:
            "was acknowledged and is lost"
        case .appendsOverTear: "stands there 2 times"
        case .forgetsRepeats, .replaysAnew, .forgetsChanges, .drawsKeys: "stands there 2 times"
        case .skipsStateSync, .retriesStateSync: "fails although nothing does"
        case .resumesAtLanded, .movesCursorLater: "ends although nothing fails"
        case .skipsLandingSync: "is broken"
        case .removesWithoutOrder: "The journal has rotted"
        case .knowsBytesOnly: "has not landed all: conflict"
        case .countsTwice: "count as landed, not"
        case .hidesLosses: "count as landed, not"
        case .rewritesLanded: "a landed file"
        case .altersFields, .believesRot: "is not what was sent"
        case .callsRepeatsNew: "as accepted in all lives"
        case .holdsForIdleTypes: "of which nobody needs"
        case .reordersRequests: "stands behind"
        case .reordersEndpoint: "first came behind"
        case .keepsHour: "has records of"
        case .clearsTheWay: "was deleted"
        case .overwrites: "was overwritten"
        case .acceptsRejected: "which is bad"
        case .miscountsSource: "events rejected and not"
        case .ignoresInFlight: "bytes of bodies"
        case .ignoresQueue: "bytes wait for the journal"
        case .ignoresMemory: "open blocks held"
        case .ignoresDisk: "are what all may have"
        case .neverEnds: "a life does not end"
        case .escapes: "a task without an executor"
        case .escapesAsleep: "came from other threads"
        case .escapesToMain: "a job of the main actor"
        case .traps: ""
        }
    }
}
