extension Datum {
    /// Makes the value of a field's default, which the schema holds as JSON.
    ///
    /// A default of a union may belong to any branch (to the first one only, before Avro 1.12).
    init(
        default json: JSONValue,
        as schema: Schema,
        named: NamedSchemas,
        depth: Int = ReaderLimits().depthMax
    ) throws(AvroError) {
        guard depth > 0 else { throw AvroError(.limit, "a default is nested too deeply") }
        let base = try named.resolve(schema)
        switch (base, json) {
        case (.union(let branches), _):
            for (index, branch) in branches.enumerated() {
                if let value = try? Datum(default: json, as: branch, named: named, depth: depth) {
                    self = .union(index, value)
                    return
                }
            }
            throw Datum.mismatch(json, base)
        case (.array(let inner), .array(let items)):
            var values: [Datum] = []
            for item in items { values.append(try Datum(default: item, as: inner, named: named, depth: depth - 1)) }
            self = .array(values)
        case (.map(let inner), .object(let members)):
            var entries: [Entry] = []
            for member in members {
                let value = try Datum(default: member.value, as: inner, named: named, depth: depth - 1)
                entries.append(Entry(member.key, value))
            }
            self = .map(entries)
        case (.record(let record), .object):
            var entries: [Entry] = []
            for field in record.fields {
                guard let value = json[field.name] ?? field.defaultValue else { throw Datum.mismatch(json, base) }
                let datum = try Datum(default: value, as: field.schema, named: named, depth: depth - 1)
                entries.append(Entry(field.name, datum))
            }
            self = .record(entries)
        default:
            guard let value = Datum.scalar(json, as: base) else { throw Datum.mismatch(json, base) }
            self = value
        }
    }

    private static func mismatch(_ json: JSONValue, _ schema: Schema) -> AvroError {
        AvroError(.datum, "the default \(json.text) does not fit '\(schema.name?.full ?? schema.kind)'")
    }

    private static func scalar(_ json: JSONValue, as schema: Schema) -> Datum? {
        switch (schema, json) {
        case (.null, .null): .null
        case (.boolean, .boolean(let value)): .boolean(value)
        case (.int, .number(let text)): Int32(text).map { .int($0) }
        case (.long, .number(let text)): Int64(text).map { .long($0) }
        case (.float, .number(let text)): Float(text).map { .float($0) }
        case (.double, .number(let text)): Double(text).map { .double($0) }
        case (.string, .string(let text)): .string(text)
        case (.bytes, .string(let text)): latin1(text).map { .bytes($0) }
        case (.fixed(let fixed), .string(let text)):
            latin1(text).flatMap { $0.count == fixed.size ? .fixed($0) : nil }
        case (.enumeration(let enumeration), .string(let symbol)):
            enumeration.symbols.contains(symbol) ? .enumeration(symbol) : nil
        default: nil
        }
    }

    /// The bytes of a string whose characters stand for one byte each.
    private static func latin1(_ text: String) -> [UInt8]? {
        let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        return bytes.count == text.unicodeScalars.count ? bytes : nil
    }
}
