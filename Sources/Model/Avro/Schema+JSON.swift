extension Schema {
    /// The schema as JSON text: attributes, defaults and aliases kept, names shortened inside their namespace.
    public var json: String { jsonValue(in: "").text }

    fileprivate func jsonValue(in namespace: String) -> JSONValue {
        switch self {
        case .reference(let name):
            return .string(name.namespace == namespace ? name.simple : name.full)
        case .array(let items):
            return .object([.init("type", .string("array")), .init("items", items.jsonValue(in: namespace))])
        case .map(let values):
            return .object([.init("type", .string("map")), .init("values", values.jsonValue(in: namespace))])
        case .union(let branches):
            return .array(branches.map { $0.jsonValue(in: namespace) })
        case .record(let record):
            let fields = record.fields.map { $0.jsonValue(in: record.name.namespace) }
            return named(record.name, record.aliases, in: namespace, [.init("fields", .array(fields))])
        case .enumeration(let enumeration):
            var members = [JSONValue.Member("symbols", .array(enumeration.symbols.map { .string($0) }))]
            if let symbol = enumeration.defaultSymbol { members.append(.init("default", .string(symbol))) }
            return named(enumeration.name, enumeration.aliases, in: namespace, members)
        case .fixed(let fixed):
            return named(fixed.name, fixed.aliases, in: namespace, [.init("size", .number("\(fixed.size)"))])
        case .annotated(let inner, let attributes):
            let value = inner.jsonValue(in: namespace)
            guard case .object(let members) = value else {
                return .object([.init("type", value)] + attributes)
            }
            return .object(members + attributes.filter { value[$0.key] == nil })
        default:
            return .string(kind)
        }
    }

    private func named(
        _ name: SchemaName,
        _ aliases: [SchemaName],
        in namespace: String,
        _ rest: [JSONValue.Member]
    ) -> JSONValue {
        var members: [JSONValue.Member] = [.init("type", .string(kind)), .init("name", .string(name.simple))]
        if name.namespace != namespace { members.append(.init("namespace", .string(name.namespace))) }
        if !aliases.isEmpty { members.append(.init("aliases", .array(aliases.map { .string($0.full) }))) }
        return .object(members + rest)
    }
}

extension RecordSchema.Field {
    fileprivate func jsonValue(in namespace: String) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("name", .string(name)), .init("type", schema.jsonValue(in: namespace)),
        ]
        if let defaultValue { members.append(.init("default", defaultValue)) }
        if !aliases.isEmpty { members.append(.init("aliases", .array(aliases.map { .string($0) }))) }
        return .object(members + attributes)
    }
}
