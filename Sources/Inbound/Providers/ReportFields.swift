internal import Avro

/// Fields of an event type as a provider knows them; what it does not say is left out.
struct ReportFields: Sendable {
    private(set) var members: [JSONValue.Member] = []

    mutating func set(_ name: String, _ text: String?) {
        guard let text, !text.isEmpty else { return }
        members.append(.init(name, .string(text)))
    }

    mutating func set(_ name: String, number: Int64?) {
        guard let number else { return }
        members.append(.init(name, .number("\(number)")))
    }

    mutating func set(_ name: String, flag: Bool) {
        members.append(.init(name, .boolean(flag)))
    }
}

/// Providers write numbers as text and text as numbers; each is read either way.
extension JSONValue {
    /// The text of a string, number or truth value; nil where it is empty.
    var scalarText: String? {
        switch self {
        case .string(let text), .number(let text): text.isEmpty ? nil : text
        case .boolean(let value): value ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// A whole number, a fraction cut off.
    var wholeNumber: Int64? {
        switch self {
        case .string(let text), .number(let text):
            Int64(text) ?? Double(text).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
        case .null, .boolean, .array, .object: nil
        }
    }

    var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}
