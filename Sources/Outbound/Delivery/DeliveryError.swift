/// Every failure of the room that is not a destination's.
package struct DeliveryError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A setting that cannot be carried out.
        case settings
        /// The state database failed: nothing may go on, the process ends.
        case state
        /// Somebody else has taken the state over.
        case ownerLost = "owner_lost"
        /// The state belongs to another journal.
        case otherJournal = "other_journal"
        /// The location changed while plans are open.
        case plansOpen = "plans_open"
        /// The connector is paused.
        case paused
        /// What was asked for did not happen in time.
        case timeout
        /// Staging could not be written or read.
        case staging
        /// The journal could not be read.
        case journal
        /// The connector is not there, or is there twice.
        case connector
    }

    package let code: Code
    package let message: String
    /// What had not landed when time ran out.
    package let pending: PendingCounts?

    package init(_ code: Code, _ message: String, pending: PendingCounts? = nil) {
        self.code = code
        self.message = message
        self.pending = pending
    }

    package var description: String { message }
}

/// What is on its way and has not landed.
package struct PendingCounts: Sendable, Hashable {
    package var stagedRecords = 0
    package var plannedRecords = 0
    package var plannedFiles = 0

    package init(stagedRecords: Int = 0, plannedRecords: Int = 0, plannedFiles: Int = 0) {
        self.stagedRecords = stagedRecords
        self.plannedRecords = plannedRecords
        self.plannedFiles = plannedFiles
    }
}
