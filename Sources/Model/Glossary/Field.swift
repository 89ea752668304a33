/// One property of an event type.
public struct Field: Hashable, Sendable {
    /// Its name in the record.
    public let name: String
    /// The type of its values.
    public let type: FieldType
    /// Whether a record must have it; otherwise it is nullable, with null as its default.
    public let isRequired: Bool
    /// Which of the three parts of an event it belongs to.
    public let group: FieldGroup
    /// Whether it holds personal data.
    public let isPersonal: Bool
    /// What it means, in this type.
    public let description: String
    /// The position in which people are shown it, from 0.
    public let page: Int
    /// The rule that its values should keep, if there is one.
    public let rule: FieldRule?
}

/// The types that a field's values can have.
public enum FieldType: Hashable, Sendable {
    /// Text.
    case string
    /// A 32-bit integer.
    case int
    /// A 64-bit integer.
    case long
    /// A 32-bit floating-point number.
    case float
    /// A 64-bit floating-point number.
    case double
    /// True or false.
    case boolean
    /// A list of texts, in which nulls may stand or not.
    case stringArray(nullableItems: Bool)

    /// The name of the type in the glossary's text and in the documentation.
    public var name: String {
        switch self {
        case .string: "string"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .boolean: "boolean"
        case .stringArray(let nullableItems): nullableItems ? "array<string?>" : "array<string>"
        }
    }

    init?(name: Substring) {
        switch name {
        case "string": self = .string
        case "int": self = .int
        case "long": self = .long
        case "float": self = .float
        case "double": self = .double
        case "boolean": self = .boolean
        case "array<string>": self = .stringArray(nullableItems: false)
        case "array<string?>": self = .stringArray(nullableItems: true)
        default: return nil
        }
    }

    /// Whether the values are integers.
    public var isInteger: Bool { self == .int || self == .long }
}

/// The three parts of an event.
public enum FieldGroup: String, Hashable, Sendable, CaseIterable {
    /// Who it concerns and when it happened.
    case user
    /// The campaign or canvas behind it.
    case tracking
    /// What is particular to this type of event.
    case event

    /// The heading of the part.
    public var title: String {
        switch self {
        case .user: "User-specific properties"
        case .tracking: "Campaign and canvas tracking properties"
        case .event: "Event-specific properties"
        }
    }
}
