/// One value under a schema.
public enum Datum: Sendable, Hashable {
    case null
    case boolean(Bool)
    case int(Int32)
    case long(Int64)
    case float(Float)
    case double(Double)
    case bytes([UInt8])
    case string(String)
    case array([Datum])
    case map([Entry])
    case enumeration(String)
    case fixed([UInt8])
    case record([Entry])
    /// The branch's number in the union, and its value.
    indirect case union(Int, Datum)

    /// A key or field name with its value.
    public struct Entry: Sendable, Hashable {
        /// The map's key or the field's name.
        public var name: String
        /// What stands under it.
        public var value: Datum

        /// Makes an entry.
        public init(_ name: String, _ value: Datum) {
            self.name = name
            self.value = value
        }
    }

    /// The value under a field name or map key, out of its union; nil where there is none.
    public subscript(name: String) -> Datum? {
        switch self {
        case .record(let entries), .map(let entries): entries.first { $0.name == name }?.value.unwrapped
        case .union(_, let inner): inner[name]
        default: nil
        }
    }

    /// The value without the unions around it.
    public var unwrapped: Datum {
        guard case .union(_, let inner) = self else { return self }
        return inner.unwrapped
    }

    /// The word for the kind of value, as in schemas.
    public var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .bytes: "bytes"
        case .string: "string"
        case .array: "array"
        case .map: "map"
        case .enumeration: "enum"
        case .fixed: "fixed"
        case .record: "record"
        case .union: "union"
        }
    }
}
