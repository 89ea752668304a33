extension EventType {
    /// The flat JSON record as a JSON Schema (draft 2020-12), with descriptions.
    ///
    /// It says what is always checked: required fields and JSON types. What only a strict source checks stands in
    /// the descriptions, because lenient sources take what breaks it.
    public func jsonSchema() -> String {
        var text = "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":"
        JSONText.append("urn:courant:glossary:\(edition):\(name)", to: &text)
        text += ",\"title\":"
        JSONText.append(title, to: &text)
        text += ",\"description\":"
        JSONText.append(occurs, to: &text)
        text += ",\"type\":\"object\",\"properties\":{\"event_type\":{\"enum\":\(JSONText.array([name] + aliases))}"
        for field in fields {
            text += ","
            JSONText.append(field.name, to: &text)
            text += ":{\"type\":\(field.jsonTypes),\"description\":"
            JSONText.append(field.sentences, to: &text)
            text += field.jsonBounds
            text += ",\"x-courant-group\":\"\(field.group.rawValue)\",\"x-courant-personal\":\(field.isPersonal)}"
        }
        let required = ["event_type"] + fields.filter(\.isRequired).map(\.name)
        text += "},\"required\":\(JSONText.array(required))}"
        return text
    }

    /// The type as one JSON object, with or without its fields: what the glossary's routes and commands show.
    public func json(withFields: Bool) -> String {
        var text = "{\"name\":"
        JSONText.append(name, to: &text)
        text += ",\"title\":"
        JSONText.append(title, to: &text)
        text += ",\"edition\":"
        JSONText.append(edition, to: &text)
        text += ",\"section\":"
        JSONText.append(section, to: &text)
        text += ",\"channels\":\(JSONText.array(channels.map(\.title)))"
        text += ",\"actions\":\(JSONText.array(actions.map(\.title)))"
        text += ",\"aliases\":\(JSONText.array(aliases)),\"occurs\":"
        JSONText.append(occurs, to: &text)
        if withFields {
            text += ",\"fields\":[" + fields.map(\.json).joined(separator: ",") + "]"
        }
        text += "}"
        return text
    }
}

extension Field {
    /// The description, and the rule's sentence when there is one.
    var sentences: String {
        rule.map { "\(description) \($0.rule.sentence)" } ?? description
    }

    fileprivate var json: String {
        var text = "{\"name\":"
        JSONText.append(name, to: &text)
        text += ",\"type\":\"\(type.name)\",\"required\":\(isRequired),\"group\":\"\(group.rawValue)\""
        text += ",\"personal\":\(isPersonal)"
        if let rule { text += ",\"rule\":\"\(rule.rule.code)\"" }
        text += ",\"description\":"
        JSONText.append(description, to: &text)
        text += "}"
        return text
    }

    fileprivate var jsonTypes: String {
        let type =
            switch type {
            case .string: "\"string\""
            case .int, .long: "\"integer\""
            case .float, .double: "\"number\""
            case .boolean: "\"boolean\""
            case .stringArray: "\"array\""
            }
        return isRequired ? type : "[\(type),\"null\"]"
    }

    /// The bounds outside of which a value cannot be stored.
    fileprivate var jsonBounds: String {
        switch type {
        case .int: ",\"minimum\":\(Int32.min),\"maximum\":\(Int32.max)"
        case .long: ",\"minimum\":\(Int64.min),\"maximum\":\(Int64.max)"
        case .stringArray(let nullableItems):
            nullableItems ? ",\"items\":{\"type\":[\"string\",\"null\"]}" : ",\"items\":{\"type\":\"string\"}"
        case .string, .float, .double, .boolean: ""
        }
    }
}
