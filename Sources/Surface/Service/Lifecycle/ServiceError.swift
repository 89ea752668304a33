/// Why the service does not start or cannot go on, and what to do about it.
package struct ServiceError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// Another process works on the data folder.
        case inUse
        /// Journal and state are not of one piece.
        case inconsistent
        /// The data folder cannot be used.
        case dataFolder
        /// It would be reachable from outside with nobody asked for a token.
        case tokenNeeded
        /// Certificate or key cannot be used.
        case tls
        /// The address cannot be listened on.
        case listen
        /// A setting that cannot be carried out.
        case settings
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
