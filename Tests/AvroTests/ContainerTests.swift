import Avro
import Testing

/// All codecs, with the levels that Courant uses.
let allCodecs: [Codec] = [.null, .deflate(level: 6), .snappy, .zstandard(level: 1)]

/// A whole file in memory.
func container(
    _ datums: [Datum],
    _ schema: Schema,
    codec: Codec = .null,
    blockBytes: Int = 1 << 16,
    metadata: [(key: String, value: [UInt8])] = []
) throws -> [UInt8] {
    var writer = ContainerWriter(
        schema: schema,
        codec: codec,
        metadata: metadata,
        sync: Array(repeating: 0xAB, count: 16),
        blockBytes: blockBytes
    )
    var file: [UInt8] = []
    for datum in datums {
        try writer.append(datum)
        file += writer.drain()
    }
    return file + (try writer.finish())
}

/// All values of a file.
func readAll(
    _ file: [UInt8],
    pieceBytes: Int = .max,
    limits: ReaderLimits = .init(),
    as schema: Schema? = nil
) throws(AvroError) -> [Datum] {
    var reader = try ContainerReader(ArraySource(file, pieceBytes: pieceBytes), limits: limits, as: schema)
    var datums: [Datum] = []
    while let datum = try reader.next() { datums.append(datum) }
    return datums
}

struct ContainerTests {
    private static let schema = Schema.record(
        RecordSchema(name: SchemaName("a.R"), fields: [.init("n", .int), .init("s", .string)])
    )

    private static func datum(_ number: Int) -> Datum {
        .record([.init("n", .int(Int32(number))), .init("s", .string(String(repeating: "text \(number) ", count: 5)))])
    }

    @Test("a file has the specification's bytes, schema and codec first")
    func goldenBytes() throws {
        let file = try container([.int(1), .int(-1)], .int, metadata: [(key: "z", value: [7])])
        let expected: [UInt8] =
            [0x4F, 0x62, 0x6A, 1, 6] + [22] + Array("avro.schema".utf8) + [10] + Array("\"int\"".utf8)
            + [20] + Array("avro.codec".utf8) + [8] + Array("null".utf8) + [2, 0x7A, 2, 7, 0]
            + Array(repeating: 0xAB, count: 16) + [4, 4, 2, 1] + Array(repeating: 0xAB, count: 16)
        #expect(file == expected)
    }

    @Test("values come back in order through many blocks, whatever the pieces they arrive in", arguments: allCodecs)
    func roundTrip(codec: Codec) throws {
        let datums = (0..<500).map(Self.datum)
        let file = try container(datums, Self.schema, codec: codec, blockBytes: 1_000)
        for pieceBytes in [1, 7, 4_096, .max] { #expect(try readAll(file, pieceBytes: pieceBytes) == datums) }
        var reader = try ContainerReader(ArraySource(file))
        var counts: [Int] = []
        while let block = try reader.nextBlock() { counts.append(block.count) }
        #expect(counts.reduce(0, +) == 500)
        #expect(counts.count > 10)
        #expect(reader.header.codec.name == codec.name)
    }

    @Test("a file without values is a header", arguments: allCodecs)
    func empty(codec: Codec) throws {
        let file = try container([], Self.schema, codec: codec)
        #expect(try readAll(file).isEmpty)
        #expect(
            file
                == ContainerHeader(schema: Self.schema.json, codec: codec, sync: Array(repeating: 0xAB, count: 16))
                .encoded()
        )
    }

    @Test("metadata comes back in order, without schema and codec")
    func metadata() throws {
        let file = try container([], .int, metadata: [(key: "z", value: [1]), (key: "courant.plan", value: [])])
        let reader = try ContainerReader(ArraySource(file))
        #expect(reader.header.metadata.map(\.key) == ["z", "courant.plan"])
        #expect(reader.header.metadata.map(\.value) == [[1], []])
        #expect(reader.header.schema == "\"int\"")
    }

    @Test("a file is read under another schema")
    func resolved() throws {
        let file = try container([Self.datum(3)], Self.schema)
        let reader = try Schema(json: #"{"type":"record","name":"R","fields":[{"name":"n","type":"double"}]}"#)
        #expect(try readAll(file, as: reader).map(\.json) == [#"{"n":3.0}"#])
    }

    @Test("blocks put together from compressed bytes make the writer's file", arguments: allCodecs)
    func blocksByHand(codec: Codec) throws {
        let sync = [UInt8](repeating: 0xAB, count: 16)
        var file = ContainerHeader(schema: Self.schema.json, codec: codec, sync: sync).encoded()
        var compressor = BlockCompressor(codec)
        var compressed: [UInt8] = []
        for number in 0..<3 {
            compressed.removeAll(keepingCapacity: true)
            let block = try encode(Self.datum(number), Self.schema)
            try compressor.compress(block.span, into: &compressed)
            ContainerBlock.append(count: 1, compressed: compressed.span, sync: sync.span, to: &file)
        }
        #expect(file == (try container((0..<3).map(Self.datum), Self.schema, codec: codec, blockBytes: 1)))
        #expect(try readAll(file) == (0..<3).map(Self.datum))
    }

    @Test("a compressor appends, and needs no more room for a block it has seen", arguments: allCodecs)
    func compressorKeepsItsRoom(codec: Codec) throws {
        var compressor = BlockCompressor(codec)
        let block = Array(String(repeating: "the same text again ", count: 5_000).utf8)
        var output: [UInt8] = [1, 2, 3]
        try compressor.compress(block.span, into: &output)
        #expect(output.starts(with: [1, 2, 3]))
        let (first, capacity) = (Array(output[3...]), output.capacity)
        for _ in 0..<5 {
            output.removeAll(keepingCapacity: true)
            try compressor.compress(block.span, into: &output)
            #expect(output == first)
            #expect(output.capacity == capacity)
        }
    }

    @Test("codecs have names and levels")
    func codecs() {
        #expect(allCodecs.map(\.name) == ["null", "deflate", "snappy", "zstandard"])
        for codec in allCodecs { #expect(Codec(name: codec.name, level: codec.level) == codec) }
        #expect(Codec(name: "bzip2") == nil)
        #expect(Codec(name: "deflate", level: 13) == nil)
        #expect(Codec(name: "zstandard", level: 23) == nil)
        #expect(Codec(name: "snappy", level: 1) == nil)
    }

    @Test("random records survive a file of each codec", arguments: Seeds.fresh(10))
    func randomRoundTrip(seed: UInt64) throws {
        var random = RandomAvro(seed: seed)
        let schema = random.record()
        let datums = (0..<20).map { _ in random.datum(schema, root: schema) }
        for codec in allCodecs {
            let file = try container(datums, schema, codec: codec, blockBytes: 64)
            #expect(try readAll(file, pieceBytes: 13) == datums)
        }
    }
}
