/// What is wrong with a definition or a report, at which member, and what would be right.
package struct DefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A member that must be there is not.
        case missing
        /// The value is of another JSON type.
        case wrongType = "wrong_type"
        /// The value is of the right type, and not one that may stand there.
        case wrongValue = "wrong_value"
        /// There is no such member.
        case unknownMember = "unknown_member"
        /// Something stands twice where it may stand once.
        case doubled
        /// More than a limit allows.
        case tooMany = "too_many"
        /// Another definition has it already.
        case taken
    }

    package let code: Code
    /// The member as `variations[1].share`; empty for the body as a whole.
    package let path: String
    package let message: String

    init(_ code: Code, at path: String, _ message: String) {
        self.code = code
        self.path = path
        self.message = message
    }

    package var description: String { "\(path.isEmpty ? "the body" : path) \(message)" }
}
