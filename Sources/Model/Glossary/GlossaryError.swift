/// What is wrong with a glossary's text, where, and what was expected instead.
public struct GlossaryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of faults.
    public enum Code: Hashable, Sendable {
        /// The line is not of the form that its first word asks for.
        case malformed
        /// A name stands twice where it may stand once.
        case doubled
        /// Something that must be there is not.
        case missing
        /// A limit of the format is passed.
        case tooLarge
    }

    /// The kind of fault.
    public let code: Code
    /// The number of the line, from 1.
    public let line: Int
    /// What was found and what was expected.
    public let message: String

    /// The line and the message.
    public var description: String { "line \(line): \(message)" }
}
