package import Avro
import Glossary

/// Fields of the glossary with their values, as an event or a message's context holds them.
package struct Fields: Sendable, Hashable {
    private var values: [String: JSONValue]

    package init(_ members: [JSONValue.Member] = []) {
        values = [:]
        for member in members { self[member.key] = member.value }
    }

    /// Reads what `text` wrote; nil where it is something else.
    package init?(text: String) {
        guard case .object(let members) = try? JSONValue(parsing: text) else { return nil }
        self.init(members)
    }

    /// Null is as good as nothing.
    package subscript(_ name: String) -> JSONValue? {
        get { values[name] }
        set { values[name] = newValue == .null ? nil : newValue }
    }

    package func string(_ name: String) -> String? { values[name]?.string }

    package mutating func set(_ name: String, _ text: String?) {
        if let text { values[name] = .string(text) }
    }

    /// Adds what is not there yet.
    package mutating func fill(from other: Fields) {
        values.merge(other.values) { own, _ in own }
    }

    package func filled(from other: Fields) -> Fields {
        var filled = self
        filled.fill(from: other)
        return filled
    }

    package func only(_ names: Set<String>) -> Fields {
        var picked = self
        picked.values = values.filter { names.contains($0.key) }
        return picked
    }

    /// In the order of the names.
    package var members: [JSONValue.Member] {
        values.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, $0.value) }
    }

    package var text: String { JSONValue.object(members).text }

    /// The flat JSON of an event of that type, with the fields that the type has.
    func event(_ type: EventType) -> JSONValue {
        var members = [JSONValue.Member("event_type", .string(type.name))]
        for field in type.fields {
            guard let value = values[field.name] else { continue }
            members.append(JSONValue.Member(field.name, value))
        }
        return .object(members)
    }
}
