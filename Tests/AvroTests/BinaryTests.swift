import Avro
import Testing

struct BinaryTests {
    @Test(
        "numbers have the specification's bytes",
        arguments: [
            (0, [0]), (-1, [1]), (1, [2]), (-2, [3]), (-64, [0x7F]), (64, [0x80, 0x01]), (8192, [0x80, 0x80, 0x01]),
            (.max, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
            (.min, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
        ] as [(Int64, [UInt8])]
    )
    func varints(value: Int64, bytes: [UInt8]) throws {
        #expect(try encode(.long(value), .long) == bytes)
        #expect(Varint.size(value) == bytes.count)
        var appended: [UInt8] = []
        Varint.append(value, to: &appended)
        #expect(appended == bytes)
        #expect(try Resolution(writer: .long).decode(all: bytes) == .long(value))
    }

    @Test("each kind of value has the specification's bytes")
    func goldenBytes() throws {
        let fixed = Schema.fixed(FixedSchema(name: SchemaName("F"), size: 2))
        let symbols = Schema.enumeration(EnumSchema(name: SchemaName("E"), symbols: ["A", "B", "C"]))
        let record = Schema.record(
            RecordSchema(name: SchemaName("test"), fields: [.init("a", .long), .init("b", .string)])
        )
        let cases: [(Datum, Schema, [UInt8])] = [
            (.null, .null, []), (.boolean(true), .boolean, [1]), (.boolean(false), .boolean, [0]),
            (.int(-65), .int, [0x81, 0x01]), (.float(1.5), .float, [0, 0, 0xC0, 0x3F]),
            (.double(-2), .double, [0, 0, 0, 0, 0, 0, 0, 0xC0]), (.bytes([9, 8]), .bytes, [4, 9, 8]),
            (.string("foo"), .string, [6, 0x66, 0x6F, 0x6F]), (.string(""), .string, [0]),
            (.fixed([7, 6]), fixed, [7, 6]), (.enumeration("C"), symbols, [4]),
            (.array([.long(3), .long(27)]), .array(.long), [4, 6, 0x36, 0]), (.array([]), .array(.long), [0]),
            (.map([.init("a", .int(1))]), .map(.int), [2, 2, 0x61, 2, 0]), (.map([]), .map(.int), [0]),
            (.union(0, .null), .union([.null, .string]), [0]),
            (.union(1, .string("a")), .union([.null, .string]), [2, 2, 0x61]),
            (.record([.init("a", .long(27)), .init("b", .string("foo"))]), record, [0x36, 6, 0x66, 0x6F, 0x6F]),
        ]
        for (datum, schema, bytes) in cases {
            #expect(try encode(datum, schema) == bytes)
            #expect(try Resolution(writer: schema).decode(all: bytes) == datum)
        }
    }

    @Test("blocks of arrays and maps may come with their size, and in pieces")
    func sizedBlocks() throws {
        let bytes: [UInt8] = [3, 4, 2, 4, 2, 6, 0]  // -2 items in 2 bytes, then 1 item
        #expect(try Resolution(writer: .array(.int)).decode(all: bytes) == .array([.int(1), .int(2), .int(3)]))
    }

    @Test("fields are taken by name, missing ones from defaults; a bare value finds its branch of a union")
    func encodeByName() throws {
        let schema = try Schema(
            json: #"""
                {"type":"record","name":"R","fields":[{"name":"a","type":"int"},
                 {"name":"b","type":["null","string"],"default":null},
                 {"name":"c","type":["string","null"],"default":"x"},
                 {"name":"d","type":{"type":"array","items":"int"},"default":[1]}]}
                """#
        )
        #expect(
            try encode(.record([.init("b", .string("s")), .init("a", .int(1))]), schema)
                == [2, 2, 2, 0x73, 0, 2, 0x78, 2, 2, 0]
        )
        for wrong: [Datum.Entry] in [
            [], [.init("a", .long(1))], [.init("a", .int(1)), .init("z", .null)],
            [.init("a", .int(1)), .init("b", .int(1))], [.init("a", .int(1)), .init("b", .union(2, .null))],
        ] {
            var encoder = BinaryEncoder()
            encoder.writeByte(42)
            var isRefused = false
            do { try encoder.encode(.record(wrong), as: schema) } catch { isRefused = error.code == .datum }
            #expect(isRefused)
            #expect(encoder.bytes == [42], "a refused value leaves nothing behind")
        }
    }

    @Test("a single object carries marker and fingerprint")
    func singleObject() throws {
        let schema = try Schema(json: #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#)
        let datum = Datum.record([.init("a", .int(-1))])
        let bytes = try SingleObject.encode(datum, as: schema)
        #expect(bytes == [0xC3, 0x01] + schema.fingerprint.littleEndianBytes + [1])
        var store = SchemaStore()
        #expect(throws: AvroError.self) { try SingleObject.decode(bytes.span, with: store) }
        try store.add(schema)
        #expect(try SingleObject.decode(bytes.span, with: store) == datum)
        for count in 0..<bytes.count {
            let cut = Array(bytes[..<count])
            #expect(throws: AvroError.self) { try SingleObject.decode(cut.span, with: store) }
        }
    }

    @Test("random values survive encoding and decoding", arguments: Seeds.fresh(40))
    func randomRoundTrip(seed: UInt64) throws {
        var random = RandomAvro(seed: seed)
        let schema = random.record()
        let resolution = try Resolution(writer: schema)
        for _ in 0..<10 {
            let datum = random.datum(schema, root: schema)
            #expect(try resolution.decode(all: encode(datum, schema)) == datum)
        }
    }
}

/// The bytes of one value.
func encode(_ datum: Datum, _ schema: Schema) throws -> [UInt8] {
    var encoder = BinaryEncoder()
    try encoder.encode(datum, as: schema)
    return encoder.bytes
}

extension Resolution {
    /// Decodes the one value of an array.
    func decode(all bytes: [UInt8]) throws(AvroError) -> Datum { try decode(bytes.span) }
}
