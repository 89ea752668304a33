package import Avro

/// A condition on one property of a custom event.
package struct PropertyFilter: Sendable, Hashable {
    package enum Operator: String, Sendable, CaseIterable {
        case equal = "is"
        /// The opposite of `is`: it holds where the property is not there, too.
        case notEqual = "is_not"
        /// Numbers only, as is `less_than`.
        case moreThan = "more_than"
        case lessThan = "less_than"
        /// The property is there and not null.
        case exists
    }

    package let property: String
    package let `operator`: Operator
    /// A text, a number, true or false; null with `exists`.
    package let value: JSONValue

    package init(_ property: String, _ operator: Operator, _ value: JSONValue = .null) {
        self.property = property
        self.operator = `operator`
        self.value = value
    }

    init(reading json: JSONValue, at path: String) throws(DefinitionError) {
        let known = ["property", "operator", "value"]
        let reader = try MemberReader(json, at: path, of: "a filter", known: known)
        property = try reader.text("property", bytesMax: DefinitionLimits.nameBytesMax)
        let word = try reader.choice("operator", of: Operator.self)
        `operator` = word
        switch word {
        case .exists:
            try reader.refuse(["value"], "has no meaning with the operator exists; leave it out")
            value = .null
        case .moreThan, .lessThan:
            value = try Self.number(reader)
        case .equal, .notEqual:
            value = try Self.scalar(reader)
        }
    }

    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("property", .string(property)), .init("operator", .string(`operator`.rawValue)),
        ]
        if value != .null { members.append(.init("value", value)) }
        return .object(members)
    }

    /// Whether the properties of an event, an object, fulfil it.
    package func holds(for properties: JSONValue) -> Bool {
        let found = properties[property] ?? .null
        return switch `operator` {
        case .equal: Self.isSame(found, value)
        case .notEqual: !Self.isSame(found, value)
        case .moreThan: JSONNumber.order(found, value) == 1
        case .lessThan: JSONNumber.order(found, value) == -1
        case .exists: found != .null
        }
    }

    /// Numbers by value, so that 1 and 1.0 are the same; all else as it stands.
    private static func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        left == right || JSONNumber.order(left, right) == 0
    }

    private static func number(_ reader: MemberReader) throws(DefinitionError) -> JSONValue {
        _ = try reader.number("value", JSONNumber.finite, rule: "a number with this operator")
        return try scalar(reader)
    }

    private static func scalar(_ reader: MemberReader) throws(DefinitionError) -> JSONValue {
        let rule = "a text, a number, true or false"
        guard let value = reader.value("value") else { throw reader.missing("value", rule) }
        switch value {
        case .boolean: break
        case .number(let text), .string(let text):
            // Each conversion by this filter carries it.
            guard text.utf8.count <= DefinitionLimits.nameBytesMax else {
                let message = "must have at most \(DefinitionLimits.nameBytesMax) bytes"
                throw DefinitionError(.wrongValue, at: reader.path(of: "value"), message)
            }
            if value.string == nil { _ = try reader.number("value", JSONNumber.finite, rule: rule) }
        case .null, .array, .object: throw reader.wrongType("value", rule, value)
        }
        return value
    }
}
