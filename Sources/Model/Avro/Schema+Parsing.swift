extension Schema {
    /// How strictly names are taken.
    public enum NameRule: Sendable {
        /// By the specification: letters, digits and underscores.
        case strict
        /// As other people's files have them: polars writes records with an empty name.
        case any
    }

    /// Parses a schema's JSON text and checks it: names known and unique, unions and enums well formed.
    ///
    /// Defaults are kept as they stand and checked when they are used.
    public init(json: String, names: NameRule = .strict) throws(AvroError) {
        var parser = SchemaParser(names: names)
        self = try parser.schema(try JSONValue(parsing: json), in: "")
    }
}

private struct SchemaParser {
    let names: Schema.NameRule
    var known: Set<SchemaName> = []

    init(names: Schema.NameRule) {
        self.names = names
    }

    mutating func schema(_ json: JSONValue, in namespace: String) throws(AvroError) -> Schema {
        switch json {
        case .string(let name): return try named(name, in: namespace)
        case .array(let branches): return try union(branches, in: namespace)
        case .object(let members): return try complex(json, members, in: namespace)
        default: throw AvroError(.schema, "a schema is a string, an array or an object, not \(json.text)")
        }
    }

    private func named(_ text: String, in namespace: String) throws(AvroError) -> Schema {
        if let primitive = SchemaParser.primitive(text) { return primitive }
        let candidates = [SchemaName(text, in: namespace), SchemaName(text)]
        guard let name = candidates.first(where: { known.contains($0) }) else {
            throw AvroError(.schema, "nothing is named '\(text)' here")
        }
        return .reference(name)
    }

    private static func primitive(_ text: String) -> Schema? {
        switch text {
        case "null": .null
        case "boolean": .boolean
        case "int": .int
        case "long": .long
        case "float": .float
        case "double": .double
        case "bytes": .bytes
        case "string": .string
        default: nil
        }
    }

    private mutating func union(_ branches: [JSONValue], in namespace: String) throws(AvroError) -> Schema {
        var schemas: [Schema] = []
        var kinds: Set<String> = []
        for branch in branches {
            let parsed = try schema(branch, in: namespace)
            if case .union = parsed.base { throw AvroError(.schema, "a union stands directly in a union") }
            guard kinds.insert(parsed.name?.full ?? parsed.kind).inserted else {
                throw AvroError(.schema, "a union has '\(parsed.kind)' twice")
            }
            schemas.append(parsed)
        }
        return .union(schemas)
    }

    private mutating func complex(
        _ json: JSONValue,
        _ members: [JSONValue.Member],
        in namespace: String
    ) throws(AvroError) -> Schema {
        guard let type = json["type"] else { throw AvroError(.schema, "an object without 'type': \(json.text)") }
        var used: Set<String> = ["type"]
        let schema: Schema
        switch type.string {
        case nil: schema = try self.schema(type, in: namespace)
        case "array": (schema, used) = (.array(try inner(json, "items", in: namespace)), ["type", "items"])
        case "map": (schema, used) = (.map(try inner(json, "values", in: namespace)), ["type", "values"])
        case "record":
            schema = .record(try record(json, in: namespace))
            used = ["type", "name", "namespace", "aliases", "fields"]
        case "enum":
            schema = .enumeration(try enumeration(json, in: namespace))
            used = ["type", "name", "namespace", "aliases", "symbols", "default"]
        case "fixed":
            schema = .fixed(try fixed(json, in: namespace))
            used = ["type", "name", "namespace", "aliases", "size"]
        case let name?: schema = try named(name, in: namespace)
        }
        let attributes = members.filter { !used.contains($0.key) }
        return attributes.isEmpty ? schema : .annotated(schema, attributes)
    }

    private mutating func inner(_ json: JSONValue, _ key: String, in namespace: String) throws(AvroError) -> Schema {
        guard let inner = json[key] else { throw AvroError(.schema, "'\(key)' is missing in \(json.text)") }
        return try schema(inner, in: namespace)
    }

    private mutating func record(_ json: JSONValue, in namespace: String) throws(AvroError) -> RecordSchema {
        let name = try define(json, in: namespace)
        guard let list = json["fields"]?.array else {
            throw AvroError(.schema, "the record '\(name)' has no list 'fields'")
        }
        var fields: [RecordSchema.Field] = []
        var taken: Set<String> = []
        for item in list {
            guard case .object(let members) = item, let fieldName = item["name"]?.string, let type = item["type"] else {
                throw AvroError(.schema, "a field of '\(name)' has no name or no type")
            }
            guard names == .any || SchemaName.isIdentifier(fieldName) else {
                throw AvroError(.schema, "'\(fieldName)' in '\(name)' is not a field name")
            }
            guard taken.insert(fieldName).inserted else {
                throw AvroError(.schema, "the record '\(name)' has the field '\(fieldName)' twice")
            }
            let schema = try schema(type, in: name.namespace)
            let attributes = members.filter { !["name", "type", "default", "aliases"].contains($0.key) }
            let aliases = item["aliases"]?.array?.compactMap(\.string) ?? []
            fields.append(.init(fieldName, schema, default: item["default"], aliases: aliases, attributes: attributes))
        }
        return RecordSchema(name: name, aliases: aliases(json, of: name), fields: fields)
    }

    private mutating func enumeration(_ json: JSONValue, in namespace: String) throws(AvroError) -> EnumSchema {
        let name = try define(json, in: namespace)
        guard let list = json["symbols"]?.array else {
            throw AvroError(.schema, "the enum '\(name)' has no list 'symbols'")
        }
        let symbols = list.compactMap(\.string)
        guard symbols.count == list.count, Set(symbols).count == symbols.count,
            names == .any || symbols.allSatisfy({ SchemaName.isIdentifier($0) })
        else { throw AvroError(.schema, "the enum '\(name)' has a symbol twice, or one that is no name") }
        let fallback = json["default"]?.string
        guard fallback.map(symbols.contains) ?? (json["default"] == nil) else {
            throw AvroError(.schema, "the default of the enum '\(name)' is none of its symbols")
        }
        return EnumSchema(name: name, aliases: aliases(json, of: name), symbols: symbols, default: fallback)
    }

    private mutating func fixed(_ json: JSONValue, in namespace: String) throws(AvroError) -> FixedSchema {
        let name = try define(json, in: namespace)
        guard let size = json["size"]?.integer, let bytes = Int32(exactly: size), bytes >= 0 else {
            throw AvroError(.schema, "the fixed '\(name)' has no size of at most 2^31 - 1")
        }
        return FixedSchema(name: name, aliases: aliases(json, of: name), size: Int(bytes))
    }

    private mutating func define(_ json: JSONValue, in namespace: String) throws(AvroError) -> SchemaName {
        guard let text = json["name"]?.string else { throw AvroError(.schema, "a named type has no name") }
        let name = SchemaName(text, in: json["namespace"]?.string ?? namespace)
        guard names == .any || name.isValid else { throw AvroError(.schema, "'\(name)' is not an Avro name") }
        guard SchemaParser.primitive(name.full) == nil else {
            throw AvroError(.schema, "'\(name)' is the name of a primitive type")
        }
        guard known.insert(name).inserted else { throw AvroError(.schema, "'\(name)' is defined twice") }
        return name
    }

    private func aliases(_ json: JSONValue, of name: SchemaName) -> [SchemaName] {
        (json["aliases"]?.array ?? []).compactMap(\.string).map { SchemaName($0, in: name.namespace) }
    }
}
