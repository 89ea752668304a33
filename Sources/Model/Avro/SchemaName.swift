/// The full name of a record, enum or fixed: a namespace, which may be empty, and a simple name.
public struct SchemaName: Sendable, Hashable, CustomStringConvertible {
    /// Everything before the last dot.
    public let namespace: String
    /// Everything after it.
    public let simple: String

    /// Takes a name as a schema writes it: with dots it is full, without it belongs to the enclosing namespace.
    public init(_ text: String, in namespace: String = "") {
        if let dot = text.lastIndex(of: ".") {
            self.namespace = String(text[..<dot])
            self.simple = String(text[text.index(after: dot)...])
        } else {
            self.namespace = namespace
            self.simple = text
        }
    }

    /// Namespace and simple name with a dot between them.
    public var full: String { namespace.isEmpty ? simple : namespace + "." + simple }

    /// The full name.
    public var description: String { full }

    /// Whether every part is a letter or underscore followed by letters, digits and underscores.
    var isValid: Bool {
        full.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { SchemaName.isIdentifier($0) }
    }

    static func isIdentifier(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
            default: false
            }
        }
    }
}
