/// Single-object encoding: a value that names its schema.
///
///     C3 01        marker
///     8 bytes      CRC-64-AVRO fingerprint of the writer's schema, little-endian
///     the value    in the binary encoding
public enum SingleObject {
    /// The two bytes that begin it.
    public static let marker: [UInt8] = [0xC3, 0x01]
    /// Bytes before the value.
    public static let headBytes = 10

    /// Encodes a value with its schema's fingerprint.
    public static func encode(_ datum: Datum, as schema: Schema) throws(AvroError) -> [UInt8] {
        var encoder = BinaryEncoder()
        try encoder.encode(datum, as: schema)
        return marker + schema.fingerprint.littleEndianBytes + encoder.bytes
    }

    /// The fingerprint of the schema that a value was written under.
    public static func fingerprint(of bytes: Span<UInt8>) throws(AvroError) -> SchemaFingerprint {
        guard bytes.count >= headBytes else { throw AvroError(.truncated, "a single object has at least 10 bytes") }
        guard bytes[0] == marker[0], bytes[1] == marker[1] else {
            throw AvroError(.malformed, "a single object begins with C3 01")
        }
        let value = (2..<headBytes).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
        return SchemaFingerprint(rawValue: value)
    }

    /// Decodes a value, with the store to find its schema.
    public static func decode(
        _ bytes: Span<UInt8>,
        with store: SchemaStore,
        limits: ReaderLimits = .init()
    ) throws(AvroError) -> Datum {
        let fingerprint = try fingerprint(of: bytes)
        guard let resolution = store.resolution(for: fingerprint) else {
            throw AvroError(.fingerprint, "no known schema has the fingerprint \(fingerprint)")
        }
        return try resolution.decode(bytes.extracting(headBytes..<bytes.count), limits: limits)
    }
}

/// Writers' schemas by fingerprint, and how their values are read.
public struct SchemaStore: Sendable {
    private var resolutions: [SchemaFingerprint: Resolution] = [:]

    /// Makes an empty store.
    public init() {}

    /// Adds a writer's schema, read under the reader's if one is given, and returns its fingerprint.
    @discardableResult
    public mutating func add(_ schema: Schema, as reader: Schema? = nil) throws(AvroError) -> SchemaFingerprint {
        let fingerprint = schema.fingerprint
        resolutions[fingerprint] = try Resolution(writer: schema, reader: reader)
        return fingerprint
    }

    /// How values with a fingerprint are read, if their schema is known.
    public func resolution(for fingerprint: SchemaFingerprint) -> Resolution? { resolutions[fingerprint] }
}
