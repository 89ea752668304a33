import Avro
import Testing

struct ResolutionTests {
    /// A value written under one schema, and what the other makes of it.
    struct Evolution: Sendable, CustomTestStringConvertible {
        let about: String
        let writer: String
        let reader: String
        let datum: Datum
        let json: String

        init(_ about: String, _ writer: String, _ reader: String, _ datum: Datum, _ json: String) {
            self.about = about
            self.writer = writer
            self.reader = reader
            self.datum = datum
            self.json = json
        }

        var testDescription: String { about }
    }

    private static func record(_ fields: String, _ more: String = "") -> String {
        #"{"type":"record","name":"R"\#(more),"fields":[\#(fields)]}"#
    }

    private static let ab = record(#"{"name":"a","type":"int"},{"name":"b","type":"string"}"#)
    private static let abDatum = Datum.record([.init("a", .int(7)), .init("b", .string("x"))])
    private static let list = record(#"{"name":"v","type":"int"},{"name":"next","type":["null","R"]}"#)
    private static let abc = #"{"type":"enum","name":"E","symbols":["A","B","C"]}"#

    /// What Apache's Python library leaves out of the specification's resolution; fastavro has it all.
    static let apacheLacks: Set<String> = [
        "int to float", "int to double", "long to float", "long to double", "string to bytes", "bytes to string",
        "a field by its alias", "a record by its alias", "an enum's default", "out of a union", "items promoted",
        "values promoted",
    ]

    static let evolutions: [Evolution] = [
        .init("int to long", "\"int\"", "\"long\"", .int(-5), "-5"),
        .init("int to float", "\"int\"", "\"float\"", .int(3), "3.0"),
        .init("int to double", "\"int\"", "\"double\"", .int(3), "3.0"),
        .init("long to float", "\"long\"", "\"float\"", .long(1 << 40), "1.0995116e+12"),
        .init("long to double", "\"long\"", "\"double\"", .long(1 << 40), "1099511627776.0"),
        .init("float to double", "\"float\"", "\"double\"", .float(0.5), "0.5"),
        .init("string to bytes", "\"string\"", "\"bytes\"", .string("é"), #""\u00c3\u00a9""#),
        .init("bytes to string", "\"bytes\"", "\"string\"", .bytes([0xC3, 0xA9]), "\"é\""),
        .init(
            "fields reordered",
            ab,
            record(#"{"name":"b","type":"string"},{"name":"a","type":"long"}"#),
            abDatum,
            #"{"b":"x","a":7}"#
        ),
        .init("a field removed", ab, record(#"{"name":"b","type":"string"}"#), abDatum, #"{"b":"x"}"#),
        .init(
            "fields added",
            ab,
            record(
                #"{"name":"n","type":["null","int"],"default":null},{"name":"a","type":"int"},"#
                    + #"{"name":"m","type":{"type":"map","values":"double"},"default":{"k":1.5}}"#
            ),
            abDatum,
            #"{"n":null,"a":7,"m":{"k":1.5}}"#
        ),
        .init(
            "a field by its alias",
            ab,
            record(#"{"name":"z","type":"string","aliases":["q","b"]}"#),
            abDatum,
            #"{"z":"x"}"#
        ),
        .init(
            "a record by its alias",
            ab,
            #"{"type":"record","name":"S","aliases":["R"],"fields":[{"name":"a","type":"int"}]}"#,
            abDatum,
            #"{"a":7}"#
        ),
        .init(
            "an enum's default",
            abc,
            #"{"type":"enum","name":"E","symbols":["X","A"],"default":"X"}"#,
            .enumeration("C"),
            "\"X\""
        ),
        .init(
            "an enum reordered",
            abc,
            #"{"type":"enum","name":"E","symbols":["C","B","A"]}"#,
            .enumeration("C"),
            "\"C\""
        ),
        .init("into a union", "\"int\"", #"["null","long"]"#, .int(4), "4"),
        .init("out of a union", #"["null","int"]"#, "\"int\"", .union(1, .int(4)), "4"),
        .init("union to union", #"["int","string"]"#, #"["null","string","long"]"#, .union(0, .int(4)), "4"),
        .init(
            "items promoted",
            #"{"type":"array","items":"int"}"#,
            #"{"type":"array","items":"double"}"#,
            .array([.int(1)]),
            "[1.0]"
        ),
        .init(
            "values promoted",
            #"{"type":"map","values":"float"}"#,
            #"{"type":"map","values":"double"}"#,
            .map([.init("k", .float(2))]),
            #"{"k":2.0}"#
        ),
        .init(
            "a recursive record",
            list,
            record(#"{"name":"next","type":["null","R"]},{"name":"v","type":"long"}"#),
            .record([
                .init("v", .int(1)),
                .init("next", .union(1, .record([.init("v", .int(2)), .init("next", .union(0, .null))]))),
            ]),
            #"{"next":{"next":null,"v":2},"v":1}"#
        ),
    ]

    @Test("values are read under a changed schema", arguments: evolutions)
    func evolution(_ evolution: Evolution) throws {
        let writer = try Schema(json: evolution.writer)
        let resolution = try Resolution(writer: writer, reader: try Schema(json: evolution.reader))
        #expect(try resolution.decode(all: encode(evolution.datum, writer)).json == evolution.json)
    }

    @Test("fields that only the writer has are passed over, whatever they hold")
    func skipped() throws {
        let inner = #"{"type":"record","name":"I","fields":[{"name":"x","type":["null","I"]},{"name":"e","type":"E"}]}"#
        let writer = try Schema(
            json: Self.record(
                #"{"name":"e","type":\#(Self.abc)},{"name":"i","type":{"type":"array","items":\#(inner)}},"#
                    + #"{"name":"k","type":["I","string"]},{"name":"a","type":"int"}"#
            )
        )
        let leaf = Datum.record([.init("x", .union(0, .null)), .init("e", .enumeration("B"))])
        let node = Datum.record([.init("x", .union(1, leaf)), .init("e", .enumeration("C"))])
        let datum = Datum.record([
            .init("e", .enumeration("A")), .init("i", .array([node, leaf])), .init("k", .union(0, node)),
            .init("a", .int(9)),
        ])
        let reader = try Schema(json: Self.record(#"{"name":"a","type":"int"}"#))
        #expect(try Resolution(writer: writer, reader: reader).decode(all: encode(datum, writer)).json == #"{"a":9}"#)
    }

    @Test(
        "schemas that cannot be reconciled are refused before reading",
        arguments: [
            ("\"long\"", "\"int\""), ("\"double\"", "\"float\""), ("\"string\"", "\"int\""),
            ("\"null\"", "\"boolean\""),
            (ab, record(#"{"name":"c","type":"int"}"#)), (ab, record(#"{"name":"a","type":"string"}"#)),
            (ab, #"{"type":"record","name":"S","fields":[]}"#),
            (ab, record(#"{"name":"n","type":"int","default":"x"}"#)),
            (#"{"type":"fixed","name":"F","size":1}"#, #"{"type":"fixed","name":"F","size":2}"#),
            (#"{"type":"array","items":"long"}"#, #"{"type":"array","items":"int"}"#),
            ("\"int\"", #"["null","string"]"#),
        ]
    )
    func refused(writer: String, reader: String) throws {
        let (writer, reader) = (try Schema(json: writer), try Schema(json: reader))
        #expect(throws: AvroError.self) { try Resolution(writer: writer, reader: reader) }
    }

    @Test("what only some values of the writer cannot give is refused at that value")
    func refusedByValue() throws {
        let writer = try Schema(json: #"["null","int"]"#)
        let resolution = try Resolution(writer: writer, reader: .int)
        #expect(try resolution.decode(all: [2, 8]) == .int(4))
        #expect(throws: AvroError.self) { try resolution.decode(all: [0]) }
        let symbols = try Schema(json: Self.abc)
        let fewer = try Schema(json: #"{"type":"enum","name":"E","symbols":["A"]}"#)
        let enums = try Resolution(writer: symbols, reader: fewer)
        #expect(try enums.decode(all: [0]) == .enumeration("A"))
        #expect(throws: AvroError.self) { try enums.decode(all: [2]) }
    }

    @Test("a long stays a long where the reader's union has a double first")
    func closestBranch() throws {
        let resolution = try Resolution(writer: .long, reader: .union([.double, .long]))
        #expect(try resolution.decode(all: [8]) == .union(1, .long(4)))
    }
}
