/// What went wrong at a destination, and what may be done about it.
package struct DestinationError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// No connection, no answer, or an answer that says to come again.
        case unreachable
        /// Credentials or permissions do not suffice.
        case denied
        /// The bucket, container or folder is not there.
        case missing
        /// No room, or a quota is spent.
        case full
        /// Something that is not ours stands under the key.
        case conflict
        /// The staged file is gone or does not have its bytes: it has to be made again.
        case stagedFileDamaged = "staged_file_damaged"
        /// The destination refuses the content.
        case refused
        /// The task was cancelled.
        case cancelled
    }

    package enum Remedy: Sendable, Hashable {
        /// Comes right by itself; not before `after`, if the destination said so.
        case retry(after: Duration?)
        /// Somebody has to change something; it is tried again now and then.
        case waitForChange
        /// This content is refused for ever, the rest can go on.
        case setAside
    }

    package let code: Code
    package let message: String
    package let remedy: Remedy

    package init(_ code: Code, _ message: String, remedy: Remedy) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package static var cancelled: DestinationError {
        DestinationError(.cancelled, "cancelled", remedy: .retry(after: nil))
    }

    package static func conflict(key: String, found: String) -> DestinationError {
        DestinationError(
            .conflict,
            "\(key) exists and is not this plan's: \(found). Nothing was overwritten. Move the object away, or forget "
                + "the plan, then resume the connector",
            remedy: .waitForChange
        )
    }

    package static func damaged(_ path: String, _ reason: String) -> DestinationError {
        DestinationError(.stagedFileDamaged, "staged file \(path): \(reason)", remedy: .retry(after: nil))
    }

    package var description: String { message }
}
