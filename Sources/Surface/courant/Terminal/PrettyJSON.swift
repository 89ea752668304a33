import Avro

/// JSON for people: two blanks for each level. Members keep their order, numbers their digits, neither of which
/// Foundation's writer does.
extension JSONValue {
    var pretty: String {
        var text = ""
        appendPretty(to: &text, indent: "")
        return text
    }

    static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { Member($0.key, $0.value) })
    }

    static func number(_ value: Int) -> JSONValue { .number(String(value)) }

    /// The string, or null where there is none.
    static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

    /// What this program or a server of its own wrote; as a string if it is no JSON after all.
    static func parsed(_ text: String) -> JSONValue { (try? JSONValue(parsing: text)) ?? .string(text) }

    private func appendPretty(to text: inout String, indent: String) {
        let inner = indent + "  "
        switch self {
        case .array(let items) where !items.isEmpty:
            text += "["
            for (index, item) in items.enumerated() {
                text += (index == 0 ? "\n" : ",\n") + inner
                item.appendPretty(to: &text, indent: inner)
            }
            text += "\n\(indent)]"
        case .object(let members) where !members.isEmpty:
            text += "{"
            for (index, member) in members.enumerated() {
                text += (index == 0 ? "\n" : ",\n") + inner + JSONValue.string(member.key).text + ": "
                member.value.appendPretty(to: &text, indent: inner)
            }
            text += "\n\(indent)}"
        default: text += self.text
        }
    }
}
