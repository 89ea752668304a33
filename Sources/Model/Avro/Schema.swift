/// An Avro schema as a tree of values.
///
/// A named type stands in full where it is first used and as a ``reference(_:)`` afterwards, as in the JSON form;
/// that is how a recursive type is a finite value.
public indirect enum Schema: Sendable, Hashable {
    case null
    case boolean
    case int
    case long
    case float
    case double
    case bytes
    case string
    case array(Schema)
    case map(Schema)
    case union([Schema])
    case record(RecordSchema)
    case enumeration(EnumSchema)
    case fixed(FixedSchema)
    /// A named type that stands in full elsewhere in the same schema.
    case reference(SchemaName)
    /// A schema with attributes that do not change its encoding: `logicalType` and its parameters, `doc`, others.
    case annotated(Schema, [JSONValue.Member])

    /// The schema without attributes around it.
    public var base: Schema {
        var schema = self
        while case .annotated(let inner, _) = schema { schema = inner }
        return schema
    }

    /// The attributes around the schema, such as `doc`.
    public var attributes: [JSONValue.Member] {
        guard case .annotated(let inner, let members) = self else { return [] }
        return members + inner.attributes
    }

    /// The logical type, such as `timestamp-millis`.
    ///
    /// Values are read and written as their underlying type.
    public var logicalType: String? { attributes.first { $0.key == "logicalType" }?.value.string }

    /// The record, if the schema is one.
    public var recordSchema: RecordSchema? {
        guard case .record(let record) = base else { return nil }
        return record
    }

    /// The full name of a record, enum, fixed or reference.
    public var name: SchemaName? {
        switch base {
        case .record(let record): record.name
        case .enumeration(let enumeration): enumeration.name
        case .fixed(let fixed): fixed.name
        case .reference(let name): name
        default: nil
        }
    }

    /// The word for the kind of schema, such as `int` or `record`.
    public var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .bytes: "bytes"
        case .string: "string"
        case .array: "array"
        case .map: "map"
        case .union: "union"
        case .record: "record"
        case .enumeration: "enum"
        case .fixed: "fixed"
        case .reference(let name): name.full
        case .annotated(let inner, _): inner.kind
        }
    }
}

/// A record: named fields in the order in which they are encoded.
public struct RecordSchema: Sendable, Hashable {
    /// One field of a record.
    public struct Field: Sendable, Hashable {
        /// The field's name.
        public var name: String
        /// What it holds.
        public var schema: Schema
        /// What a reader takes where the writer had no such field.
        public var defaultValue: JSONValue?
        /// Other names under which a writer may have it.
        public var aliases: [String]
        /// Other attributes, such as `doc` and `order`.
        public var attributes: [JSONValue.Member]

        /// Makes a field.
        public init(
            _ name: String,
            _ schema: Schema,
            default defaultValue: JSONValue? = nil,
            aliases: [String] = [],
            attributes: [JSONValue.Member] = []
        ) {
            self.name = name
            self.schema = schema
            self.defaultValue = defaultValue
            self.aliases = aliases
            self.attributes = attributes
        }
    }

    /// The record's full name.
    public var name: SchemaName
    /// Other full names under which a writer may have it.
    public var aliases: [SchemaName]
    /// The fields in the order of the encoding.
    public var fields: [Field]

    /// Makes a record.
    public init(name: SchemaName, aliases: [SchemaName] = [], fields: [Field]) {
        self.name = name
        self.aliases = aliases
        self.fields = fields
    }
}

/// An enum: one of a list of symbols, encoded as its number.
public struct EnumSchema: Sendable, Hashable {
    /// The enum's full name.
    public var name: SchemaName
    /// Other full names under which a writer may have it.
    public var aliases: [SchemaName]
    /// The symbols in the order of their numbers.
    public var symbols: [String]
    /// What a reader takes for a writer's symbol that it does not have.
    public var defaultSymbol: String?

    /// Makes an enum.
    public init(name: SchemaName, aliases: [SchemaName] = [], symbols: [String], default defaultSymbol: String? = nil) {
        self.name = name
        self.aliases = aliases
        self.symbols = symbols
        self.defaultSymbol = defaultSymbol
    }
}

/// A fixed: always the same number of bytes.
public struct FixedSchema: Sendable, Hashable {
    /// The full name.
    public var name: SchemaName
    /// Other full names under which a writer may have it.
    public var aliases: [SchemaName]
    /// How many bytes.
    public var size: Int

    /// Makes a fixed.
    public init(name: SchemaName, aliases: [SchemaName] = [], size: Int) {
        self.name = name
        self.aliases = aliases
        self.size = size
    }
}

/// The named types of one schema, looked up when a reference is met.
struct NamedSchemas: Sendable {
    private var schemas: [SchemaName: Schema] = [:]

    init(of schema: Schema) {
        collect(schema)
    }

    subscript(name: SchemaName) -> Schema? { schemas[name] }

    /// The schema itself, or what a reference stands for; without attributes.
    func resolve(_ schema: Schema) throws(AvroError) -> Schema {
        let base = schema.base
        guard case .reference(let name) = base else { return base }
        guard let found = schemas[name] else { throw AvroError(.schema, "nothing is named '\(name)'") }
        return found
    }

    private mutating func collect(_ schema: Schema) {
        switch schema {
        case .record(let record):
            schemas[record.name] = schema
            for field in record.fields { collect(field.schema) }
        case .enumeration(let enumeration): schemas[enumeration.name] = schema
        case .fixed(let fixed): schemas[fixed.name] = schema
        case .array(let inner), .map(let inner), .annotated(let inner, _): collect(inner)
        case .union(let branches): for branch in branches { collect(branch) }
        default: break
        }
    }
}
