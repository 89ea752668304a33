/// Why something could not be read or written as Avro.
///
/// Every failure of this room is one of these, also for hostile input: nothing here traps on what a file says.
public struct AvroError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, for callers that branch.
    public enum Code: String, Sendable, CaseIterable {
        /// Text that is not JSON, or JSON past its limits.
        case json
        /// JSON that is not an Avro schema.
        case schema
        /// A value that does not fit the schema it is written with, or a default that does not fit its field.
        case datum
        /// The bytes end too early.
        case truncated
        /// Bytes that mean nothing under their schema.
        case malformed
        /// A named limit of ``ReaderLimits`` was passed.
        case limit
        /// Writer's and reader's schema cannot be reconciled.
        case unresolvable
        /// Not an object container file.
        case header
        /// A codec that is not known here.
        case codec
        /// Compressed bytes that do not decompress.
        case compression
        /// A checksum or sync marker that does not match.
        case checksum
        /// A single-object fingerprint that no known schema has.
        case fingerprint
        /// The byte source itself failed; see `cause`.
        case source
    }

    /// The kind of failure.
    public let code: Code
    /// A sentence for a person.
    public let message: String
    /// Where in the bytes it was noticed, if there is such a place.
    public var position: Int64?
    /// What the byte source threw.
    public var cause: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, at position: Int64? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.position = position
        self.cause = cause
    }

    /// Code, message and place in one line.
    public var description: String {
        "avro \(code.rawValue): \(message)" + (position.map { " (at byte \($0))" } ?? "")
    }
}
