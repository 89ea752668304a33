package import Journal

/// Every failure of the room.
package struct TrackingError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The state's database failed: nothing may go on, the process ends.
        case state
        /// The state belongs to another journal, or one of them is missing.
        case otherJournal = "other_journal"
        /// The journal took nothing.
        case journal
        /// A report that cannot be carried out; the sender's fault.
        case report
        /// A report that makes more than the journal takes in one record, however often it comes.
        case tooLarge = "too_large"
        /// Nothing is taken at present.
        case unavailable
    }

    package let code: Code
    package let message: String
    /// Where it is the journal that takes nothing: why.
    package let refusal: JournalRefusal?

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
        refusal = nil
    }

    init(_ refusal: JournalRefusal) {
        code = .unavailable
        message = "\(refusal.message); try again"
        self.refusal = refusal
    }

    package var description: String { message }
}
