package import Platform

/// What went wrong in the journal, and what to do about it.
package struct JournalError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The journal was made with another number of partitions, or by a later version.
        case settingsDiffer
        /// `journal.meta` is broken, or missing beside segments.
        case metaBroken
        /// A record that no segment could hold.
        case recordTooLarge
        /// The journal has stopped, or is stopping.
        case closed
        /// There is no room for a new segment.
        case noSpace
        /// A write or sync of the journal failed: nothing after it can be trusted, the process must end.
        case writeFailed
        case readFailed
    }

    package let code: Code
    package let message: String
    package let cause: FileError?

    package init(_ code: Code, _ message: String, cause: FileError? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        cause.map { "\(message) (\($0))" } ?? message
    }
}
