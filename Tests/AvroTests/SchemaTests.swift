import Avro
import Testing

struct SchemaTests {
    /// Fingerprints that the specification's own test data and every implementation agree on.
    @Test(
        "primitives have their known fingerprints",
        arguments: [
            ("null", 0x63DD_24E7_CC25_8F8A), ("boolean", 0x9F42_FC78_A4D4_F764), ("int", 0x7275_D51A_3F39_5C8F),
            ("long", 0xD054_E144_93F4_1DB7), ("float", 0x4D7C_02CB_3EA8_D790), ("double", 0x8E75_35C0_32AB_957E),
            ("bytes", 0x4FC0_16DA_C320_1965), ("string", 0x8F01_4872_6345_03C7),
        ] as [(String, UInt64)]
    )
    func primitiveFingerprints(name: String, fingerprint: UInt64) throws {
        #expect(try Schema(json: "\"\(name)\"").fingerprint.rawValue == fingerprint)
        #expect(try Schema(json: "{\"type\":\"\(name)\",\"doc\":\"x\"}").fingerprint.rawValue == fingerprint)
    }

    @Test("a fingerprint's bytes are little-endian and its text is sixteen digits")
    func fingerprintForms() {
        let fingerprint = SchemaFingerprint(rawValue: 0x0102_0304_0506_0708)
        #expect(fingerprint.littleEndianBytes == [8, 7, 6, 5, 4, 3, 2, 1])
        #expect(fingerprint.description == "0102030405060708")
        #expect(SchemaFingerprint(of: []).rawValue == 0xC15D_213A_A4D7_A795)
    }

    static let everything = """
        {"type":"record","name":"Top","namespace":"x.y","aliases":["Old","z.Older"],"doc":"d","custom":[1,{"a":null}],
         "fields":[
          {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"],"default":"A"},"default":"B","doc":"e"},
          {"name":"f","type":{"type":"fixed","name":"q.F","size":16,"logicalType":"decimal","precision":9}},
          {"name":"m","type":{"type":"map","values":"E"},"order":"ignore"},
          {"name":"u","type":["null",{"type":"array","items":"q.F"},"Top"],"default":null,"aliases":["v"]},
          {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"},"default":-1},
          {"name":"n","type":{"type":"record","name":"N","namespace":"","fields":[{"name":"i","type":"int"}]}}]}
        """

    @Test("a schema goes through parsing and writing unchanged: logical types, defaults, aliases and extras kept")
    func roundTrip() throws {
        let schema = try Schema(json: SchemaTests.everything)
        #expect(try Schema(json: schema.json) == schema)
        #expect(schema.attributes.map(\.key) == ["doc", "custom"])
        let fields = try #require(schema.recordSchema?.fields)
        #expect(fields[1].schema.logicalType == "decimal")
        #expect(fields[4].schema.logicalType == "timestamp-millis")
        #expect(fields[4].defaultValue == .number("-1"))
        #expect(fields[3].aliases == ["v"])
        #expect(fields[2].attributes == [.init("order", .string("ignore"))])
        #expect(schema.recordSchema?.aliases.map(\.full) == ["x.y.Old", "z.Older"])
    }

    @Test("the canonical form strips, orders and spells out names")
    func canonicalForm() throws {
        #expect(
            try Schema(json: SchemaTests.everything).canonicalForm
                == #"{"name":"x.y.Top","type":"record","fields":["#
                + #"{"name":"e","type":{"name":"x.y.E","type":"enum","symbols":["A","B"]}},"#
                + #"{"name":"f","type":{"name":"q.F","type":"fixed","size":16}},"#
                + #"{"name":"m","type":{"type":"map","values":"x.y.E"}},"#
                + #"{"name":"u","type":["null",{"type":"array","items":"q.F"},"x.y.Top"]},"#
                + #"{"name":"t","type":"long"},"#
                + #"{"name":"n","type":{"name":"N","type":"record","fields":[{"name":"i","type":"int"}]}}]}"#
        )
    }

    @Test(
        "what is no schema is refused",
        arguments: [
            "1", "\"unknown\"", "{}", #"{"type":"record","fields":[]}"#, #"{"type":"record","name":"R"}"#,
            #"{"type":"record","name":"1R","fields":[]}"#, #"{"type":"record","name":"a..R","fields":[]}"#,
            #"{"type":"record","name":"int","fields":[]}"#, #"{"type":"record","name":"R","fields":[{"name":"a"}]}"#,
            #"{"type":"record","name":"R","fields":[{"name":"a-b","type":"int"}]}"#,
            #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            #"[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]"#,
            #"{"type":"fixed","name":"F","size":-1}"#, #"{"type":"fixed","name":"F","size":2147483648}"#,
            #"{"type":"fixed","name":"F"}"#, #"{"type":"enum","name":"E","symbols":["A","A"]}"#,
            #"{"type":"enum","name":"E","symbols":["A",1]}"#, #"{"type":"enum","name":"E","symbols":["a b"]}"#,
            #"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#, #"{"type":"array"}"#, #"{"type":"map"}"#,
            #"["int","int"]"#, #"["int",["null"]]"#,
            #"[{"type":"array","items":"int"},{"type":"array","items":"long"}]"#,
        ]
    )
    func refused(json: String) {
        #expect(throws: AvroError.self) { try Schema(json: json) }
    }

    @Test("names of other people's files are taken as they are when asked")
    func anyNames() throws {
        let json = #"{"type":"record","name":"","fields":[{"name":"a b","type":"int"}]}"#
        #expect(throws: AvroError.self) { try Schema(json: json) }
        #expect(try Schema(json: json, names: .any).recordSchema?.fields.first?.name == "a b")
    }

    @Test("random schemas go through their JSON text unchanged", arguments: Seeds.fresh(40))
    func randomRoundTrip(seed: UInt64) throws {
        var random = RandomAvro(seed: seed)
        let schema = random.record()
        #expect(try Schema(json: schema.json) == schema)
        #expect(try Schema(json: schema.canonicalForm).canonicalForm == schema.canonicalForm)
    }
}
