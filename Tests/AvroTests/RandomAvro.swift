import Avro

/// Random schemas and values of every kind.
///
/// Unions hold only branches that Python tells apart by the value alone, since its writers choose the branch so.
struct RandomAvro {
    var generator: SeededGenerator
    private var names = 0
    /// All names have a namespace or none has: Apache avro gives a nested name without one its parent's.
    private let namespaces: [String]

    init(seed: UInt64) {
        generator = SeededGenerator(seed)
        namespaces = generator.below(3) == 0 ? [""] : ["a", "a.b", "c_1.d"]
    }

    // MARK: Schemas

    mutating func record(depth: Int = 3) -> Schema {
        let name = freshName("R")
        var fields: [RecordSchema.Field] = []
        for index in 0..<generator.below(6) + (depth == 3 ? 1 : 0) {
            let schema = schema(depth: depth - 1)
            fields.append(
                .init(
                    "f\(index)",
                    schema,
                    default: generator.below(2) == 0 ? RandomAvro.defaultValue(of: schema) : nil,
                    aliases: generator.below(4) == 0 ? ["g\(index)", "h\(index)"] : [],
                    attributes: generator.below(4) == 0
                        ? [.init("order", .string("ignore")), .init("doc", .string(text()))] : []
                )
            )
        }
        if generator.below(3) == 0 {
            fields.append(.init("next", .union([.null, .reference(name)]), default: .null))
        }
        return noted(.record(RecordSchema(name: name, aliases: aliases(of: name), fields: fields)))
    }

    /// Sometimes with a doc and an attribute that nobody knows.
    private mutating func noted(_ schema: Schema) -> Schema {
        guard generator.below(3) == 0 else { return schema }
        let note = JSONValue.object([.init("type", .number("1")), .init("name", .array([.string("x")]))])
        return .annotated(schema, [.init("doc", .string(text())), .init("note", note)])
    }

    private mutating func aliases(of name: SchemaName) -> [SchemaName] {
        guard generator.below(3) == 0 else { return [] }
        let (old, older) = ("Old\(name.simple)", "Older\(name.simple)")
        return [SchemaName(old, in: name.namespace), SchemaName(older, in: "else.where")]
    }

    /// A default of the kind that Avro had from the start: of a union's first branch.
    private static func defaultValue(of schema: Schema) -> JSONValue? {
        switch schema.base {
        case .null: .null
        case .boolean: .boolean(true)
        case .int, .long: .number("-7")
        case .float, .double: .number("0.5")
        case .bytes: .string("\u{0}\u{FF}")
        case .string: .string("\"grüße\"")
        case .array: .array([])
        case .map: .object([])
        case .enumeration(let enumeration): .string(enumeration.symbols[0])
        case .fixed(let fixed): .string(String(repeating: "\u{7F}", count: fixed.size))
        case .union(let branches): branches.first.flatMap { defaultValue(of: $0) }
        case .record, .reference, .annotated: nil
        }
    }

    /// A type that says how its values are meant; the bytes are those of the type beneath.
    private mutating func logical() -> Schema {
        func named(_ name: String, _ schema: Schema, _ more: [JSONValue.Member] = []) -> Schema {
            .annotated(schema, [.init("logicalType", .string(name))] + more)
        }
        let decimal: [JSONValue.Member] = [.init("precision", .number("9")), .init("scale", .number("2"))]
        return switch generator.below(8) {
        case 0: named("date", .int)
        case 1: named("time-millis", .int)
        case 2: named("timestamp-millis", .long)
        case 3: named("timestamp-micros", .long)
        case 4: named("uuid", .string)
        case 5: named("decimal", .bytes, decimal)
        case 6: named("duration", .fixed(FixedSchema(name: freshName("F"), size: 12)))
        default: named("of-nobody", .double)
        }
    }

    private mutating func freshName(_ prefix: String) -> SchemaName {
        names += 1
        return SchemaName("\(prefix)\(names)", in: generator.pick(namespaces))
    }

    private mutating func schema(depth: Int) -> Schema {
        switch generator.below(depth > 0 ? 17 : 12) {
        case 0: .null
        case 1: .boolean
        case 2: .int
        case 3: .long
        case 4: .float
        case 5: .double
        case 6: .bytes
        case 7: .string
        case 8: enumeration()
        case 9: fixed()
        case 10, 11: logical()
        case 12: .array(schema(depth: depth - 1))
        case 13: .map(schema(depth: depth - 1))
        case 14: record(depth: depth - 1)
        default: union(depth: depth - 1)
        }
    }

    private mutating func enumeration() -> Schema {
        let name = freshName("E")
        let symbols = (0...generator.below(4)).map { "S\($0)" }
        let fallback = generator.below(2) == 0 ? symbols.last : nil
        let aliases = aliases(of: name)
        return noted(.enumeration(EnumSchema(name: name, aliases: aliases, symbols: symbols, default: fallback)))
    }

    private mutating func fixed() -> Schema {
        let name = freshName("F")
        return noted(.fixed(FixedSchema(name: name, aliases: aliases(of: name), size: generator.below(20))))
    }

    private mutating func union(depth: Int) -> Schema {
        var branches: [Schema] = []
        if generator.below(4) > 0 { branches.append(.null) }
        branches.append(generator.pick([.boolean, .int, .long, .float, .double]))
        if generator.below(2) == 0 { branches.append(.string) }
        // fastavro takes bytes for an array of numbers: never both.
        let hasBytes = generator.below(2) == 0
        if hasBytes { branches.append(.bytes) }
        if depth > 0 {
            branches.append(hasBytes || generator.below(2) == 0 ? record(depth: 0) : .array(schema(depth: 0)))
        }
        // Any order: a random rotation.
        let turn = generator.below(branches.count)
        return .union(Array(branches[turn...] + branches[..<turn]))
    }

    // MARK: Values

    mutating func datum(_ schema: Schema, root: Schema, depth: Int = 6) -> Datum {
        switch schema {
        case .null: return .null
        case .boolean: return .boolean(generator.below(2) == 0)
        case .int: return .int(Int32(truncatingIfNeeded: whole()))
        case .long: return .long(whole())
        case .float: return .float(float())
        case .double:
            return .double(generator.pick([0, -0.5, 1e300, .leastNonzeroMagnitude, .infinity, 0.1, Double(whole())]))
        case .bytes: return .bytes(bytes())
        case .string: return .string(text())
        case .array(let item):
            return .array((0..<length(depth)).map { _ in datum(item, root: root, depth: depth - 1) })
        case .map(let value):
            return .map(
                (0..<length(depth)).map { .init("k\($0)" + text(), datum(value, root: root, depth: depth - 1)) }
            )
        case .record(let record):
            return .record(record.fields.map { .init($0.name, datum($0.schema, root: root, depth: depth - 1)) })
        case .enumeration(let enumeration): return .enumeration(generator.pick(enumeration.symbols))
        case .fixed(let fixed): return .fixed(generator.bytes(fixed.size))
        case .union(let branches):
            var branch = generator.below(branches.count)
            if depth <= 0, let null = branches.firstIndex(of: .null) { branch = null }
            return .union(branch, datum(branches[branch], root: root, depth: depth - 1))
        case .annotated(let inner, _): return datum(inner, root: root, depth: depth)
        case .reference(let name): return datum(RandomAvro.find(name, in: root) ?? .null, root: root, depth: depth)
        }
    }

    private static func find(_ name: SchemaName, in schema: Schema) -> Schema? {
        switch schema {
        case .record(let record):
            if record.name == name { return schema }
            return record.fields.lazy.compactMap { find(name, in: $0.schema) }.first
        case .array(let inner), .map(let inner), .annotated(let inner, _): return find(name, in: inner)
        case .union(let branches): return branches.lazy.compactMap { find(name, in: $0) }.first
        case .enumeration, .fixed: return schema.name == name ? schema : nil
        default: return nil
        }
    }

    private mutating func length(_ depth: Int) -> Int { depth > 0 ? generator.below(4) : 0 }

    private mutating func whole() -> Int64 {
        generator.pick([
            0, -1, 63, 64, -64, -65, .max, .min, Int64(bitPattern: generator.next()) >> generator.below(64),
        ])
    }

    private mutating func float() -> Float {
        generator.pick([
            0, 0.1, -1.5, 3.402_823_5e38, .leastNonzeroMagnitude, -.infinity, Float(generator.below(1_000)) / 7,
        ])
    }

    private mutating func bytes() -> [UInt8] {
        let count = generator.below(9)
        return generator.bytes(count)
    }

    private mutating func text() -> String {
        generator.pick([
            "", "a", "\"\\\n\t\u{01}", "grüße", "日本語", "👩‍👩‍👧", "x\u{0}y", String(repeating: "long ", count: 40),
        ])
    }
}

extension Datum {
    /// The value as JSON with each float in full double precision, which is how Python shows what it reads.
    var wideJSON: String { widened.json }

    private var widened: Datum {
        switch self {
        case .float(let value): .double(Double(value))
        case .array(let items): .array(items.map(\.widened))
        case .map(let entries): .map(entries.map { .init($0.name, $0.value.widened) })
        case .record(let entries): .record(entries.map { .init($0.name, $0.value.widened) })
        case .union(let branch, let inner): .union(branch, inner.widened)
        default: self
        }
    }
}
