import Avro
import Testing

/// Whatever stands in a file, reading ends, with values or with an `AvroError`, and in the memory of its limits.
@Suite(.timeLimit(.minutes(2)))
struct HostileTests {
    private static let schema = Schema.record(
        RecordSchema(
            name: SchemaName("R"),
            fields: [
                .init("s", .string), .init("a", .array(.long)), .init("m", .map(.union([.null, .boolean]))),
                .init("n", .union([.null, .reference(SchemaName("R"))])),
            ]
        )
    )

    private static func datum(_ text: String, next: Datum? = nil) -> Datum {
        .record([
            .init("s", .string(text)), .init("a", .array([.long(1), .long(.max)])),
            .init("m", .map([.init("k", .union(1, .boolean(true)))])),
            .init("n", next.map { .union(1, $0) } ?? .union(0, .null)),
        ])
    }

    private static let datums = [datum("one"), datum("two", next: datum("three")), datum("")]

    /// Reads blocks of an int file whose body is given, after its header.
    private func read(
        _ schema: String,
        _ body: [UInt8],
        codec: String = "null",
        limits: ReaderLimits = .init()
    )
        throws(AvroError) -> [Datum]
    {
        let codec = Codec(name: codec) ?? .null
        let header = ContainerHeader(schema: schema, codec: codec, sync: [UInt8](repeating: 0, count: 16))
        return try readAll(header.encoded() + body, limits: limits)
    }

    private func varint(_ value: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        Varint.append(value, to: &bytes)
        return bytes
    }

    /// A block with its count, size and marker.
    private func block(count: Int64, _ bytes: [UInt8]) -> [UInt8] {
        varint(count) + varint(Int64(bytes.count)) + bytes + [UInt8](repeating: 0, count: 16)
    }

    private func code(_ body: () throws(AvroError) -> some Any) -> AvroError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test("a file cut at any byte is an error, but for cuts between blocks", arguments: allCodecs)
    func truncated(codec: Codec) throws {
        let file = try container(Self.datums, Self.schema, codec: codec, blockBytes: 1)
        let header = ContainerHeader(schema: Self.schema.json, codec: codec, sync: Array(repeating: 0xAB, count: 16))
        var ends: [Int] = []
        var reader = try ContainerReader(ArraySource(file))
        while let block = try reader.nextBlock() { ends.append(Int(block.position)) }
        #expect(ends.first == header.encoded().count)
        for count in 0..<file.count {
            let cut = Array(file[..<count])
            if let blocks = ends.firstIndex(of: count) {
                #expect(try readAll(cut) == Array(Self.datums[..<blocks]))
            } else {
                #expect(throws: AvroError.self) { try readAll(cut) }
            }
        }
    }

    @Test(
        "a file with any bit flipped is read or refused; a flipped snappy block is always refused",
        arguments: allCodecs
    )
    func flipped(codec: Codec) throws {
        let file = try container(Self.datums, Self.schema, codec: codec)
        let headerBytes = ContainerHeader(
            schema: Self.schema.json,
            codec: codec,
            sync: Array(repeating: 0xAB, count: 16)
        ).encoded().count
        for bit in 0..<file.count * 8 {
            var bytes = file
            bytes[bit / 8] ^= 1 << (bit % 8)
            let refused = code { () throws(AvroError) in try readAll(bytes) } != nil
            if bit / 8 > headerBytes, case .snappy = codec { #expect(refused, "bit \(bit)") }
        }
    }

    @Test("random bytes are refused or read", arguments: Seeds.fresh(8))
    func randomBytes(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        for _ in 0..<300 {
            let count = generator.below(60)
            let body = generator.bytes(count)
            for codec in allCodecs {
                _ = code { () throws(AvroError) in try read(Self.schema.json, block(count: 2, body), codec: codec.name)
                }
            }
            _ = code { () throws(AvroError) in try read(Self.schema.json, body) }
            _ = code { () throws(AvroError) in try readAll(body) }
        }
    }

    @Test("absurd lengths and counts are refused without believing them")
    func absurdLengths() throws {
        for length in [-1, .min, .max, 1 << 40] as [Int64] {
            #expect(code { () throws(AvroError) in try read("\"int\"", varint(1) + varint(length) + [2]) } != nil)
            #expect(code { () throws(AvroError) in try read("\"int\"", block(count: length, [2])) } != nil)
            #expect(code { () throws(AvroError) in try read("\"string\"", block(count: 1, varint(length))) } != nil)
            let array = #"{"type":"array","items":"int"}"#
            #expect(code { () throws(AvroError) in try read(array, block(count: 1, varint(length) + [2, 0])) } != nil)
            let header = [0x4F, 0x62, 0x6A, 1] + varint(length) + varint(length) + [0x61, 0x62]
            #expect(code { () throws(AvroError) in try readAll(header) } != nil)
            let key = [0x4F, 0x62, 0x6A, 1, 2] + varint(length) + [0x61, 0x62]
            #expect(code { () throws(AvroError) in try readAll(key) } != nil)
        }
        #expect(code { () throws(AvroError) in try read("\"bytes\"", block(count: 1, [0xFF, 0xFF])) } == .truncated)
        let long = [UInt8](repeating: 0xFF, count: 9) + [0x02]
        #expect(code { () throws(AvroError) in try read("\"long\"", block(count: 1, long)) } == .malformed)
        #expect(code { () throws(AvroError) in try read("\"int\"", block(count: 1, varint(1 << 32))) } == .malformed)
        #expect(code { () throws(AvroError) in try read("\"int\"", block(count: 1, [2, 2])) } == .malformed)
        #expect(code { () throws(AvroError) in try read("\"boolean\"", block(count: 1, [2])) } == .malformed)
        #expect(code { () throws(AvroError) in try read("\"string\"", block(count: 1, [2, 0xFF])) } == .malformed)
        let fixed = #"{"type":"fixed","name":"F","size":2147483647}"#
        #expect(code { () throws(AvroError) in try read(fixed, block(count: 1, [2])) } == .truncated)
    }

    @Test("a zstandard block whose first frame is empty or to be skipped is read to its end", arguments: [false, true])
    func framesWithoutBytes(isSkippable: Bool) throws {
        let first: [UInt8] =
            isSkippable
            ? [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4] : [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0]
        let numbers = (0..<50).map { Datum.int($0) }
        let plain = (0..<50).flatMap { varint($0) }
        var compressor = BlockCompressor(.zstandard(level: 1))
        var frame: [UInt8] = []
        try compressor.compress(plain.span, into: &frame)
        #expect(try read("\"int\"", block(count: 50, first + frame), codec: "zstandard") == numbers)
        #expect(try read("\"int\"", block(count: 0, first), codec: "zstandard") == [])
        #expect(code { () throws(AvroError) in try read("\"int\"", block(count: 1, first), codec: "zstandard") } != nil)
    }

    @Test("values that take no bytes cannot be multiplied without end")
    func emptyItems() throws {
        let nulls = #"{"type":"array","items":"null"}"#
        for count in [1 << 60, -(1 << 60)] as [Int64] {
            let body = block(count: 1, varint(count) + [0, 0])
            #expect(code { () throws(AvroError) in try read(nulls, body) } == .limit)
        }
        #expect(code { () throws(AvroError) in try read("\"null\"", block(count: 1 << 60, [])) } == .limit)
        let honest = try read(nulls, block(count: 1, varint(1_000) + [0]))
        #expect(honest == [.array([Datum](repeating: .null, count: 1_000))])
        // Many blocks of an array, each within the allowance.
        let many = [[UInt8]](repeating: varint(60_000), count: 10_000).joined() + [0]
        #expect(code { () throws(AvroError) in try read(nulls, block(count: 1, many)) } == .limit)
        // Records within records, a hundred wide each, without a byte.
        var wide = #"{"type":"record","name":"R0","fields":[]}"#
        for level in 1...6 {
            let fields = (0..<100).map { #"{"name":"f\#($0)","type":\#($0 == 0 ? wide : "\"R\(level - 1)\"")}"# }
            wide = #"{"type":"record","name":"R\#(level)","fields":[\#(fields.joined(separator: ","))]}"#
        }
        #expect(code { () throws(AvroError) in try read(wide, block(count: 1, [])) } == .limit)
    }

    @Test("values that take no bytes are bounded over a whole file, not only within a value")
    func emptyValues() throws {
        var wide = #"{"type":"record","name":"R0","fields":[]}"#
        for level in 1...2 {
            let fields = (0..<95).map { #"{"name":"f\#($0)","type":\#($0 == 0 ? wide : "\"R\(level - 1)\"")}"# }
            wide = #"{"type":"record","name":"R\#(level)","fields":[\#(fields.joined(separator: ","))]}"#
        }
        #expect(code { () throws(AvroError) in try read(wide, block(count: 65_536, [])) } == .limit)
        let blocks = [[UInt8]](repeating: block(count: 65_536, []), count: 1_000)
        #expect(code { () throws(AvroError) in try read("\"null\"", Array(blocks.joined())) } == .limit)
        // The bytes of other values allow for more of them.
        let flags = #"{"type":"record","name":"R","fields":[{"name":"a","type":"null"},{"name":"b","type":"boolean"}]}"#
        let records = try read(flags, block(count: 1_200_000, [UInt8](repeating: 1, count: 1_200_000)))
        #expect(records.count == 1_200_000)
    }

    @Test(
        "tens of thousands of values without bytes in one block are read",
        arguments: ["\"null\"", #"{"type":"record","name":"R","fields":[]}"#, #"{"type":"fixed","name":"F","size":0}"#]
    )
    func manyEmptyValues(schema: String) throws {
        #expect(try read(schema, block(count: 70_000, [])).count == 70_000)
    }

    @Test("one value may be as large as its bytes account for, and a small file makes no large one")
    func largeValues() throws {
        let array = #"{"type":"array","items":"long"}"#
        func body(_ count: Int) -> [UInt8] {
            varint(Int64(count)) + [UInt8](repeating: 2, count: count) + [0]
        }
        let ones = body(1_100_000)
        let expected = [Datum.array([Datum](repeating: .long(1), count: 1_100_000))]
        #expect(try read(array, block(count: 1, ones)) == expected)
        var compressor = BlockCompressor(.zstandard(level: 1))
        var compressed: [UInt8] = []
        try compressor.compress(ones.span, into: &compressed)
        let bomb = block(count: 1, compressed)
        #expect(bomb.count < 1_000)
        #expect(code { () throws(AvroError) in try read(array, bomb, codec: "zstandard") } == .limit)
        var limits = ReaderLimits()
        limits.valuesMax = 1_000_000
        let large = block(count: 1, ones)
        #expect(code { () throws(AvroError) in try read(array, large, limits: limits) } == .limit)
    }

    @Test("an enum of a hundred thousand symbols is read in time that grows with their number")
    func manySymbols() throws {
        let symbols = (0..<100_000).map { "\"S\($0)\"" }.joined(separator: ",")
        let schema = #"{"type":"enum","name":"E","symbols":[\#(symbols)]}"#
        #expect(try read(schema, block(count: 1, varint(99_999))) == [.enumeration("S99999")])
    }

    @Test("a linked list is read and written up to one number of nodes", arguments: [1, 43, 128, 511, 512, 100_000])
    func linkedList(nodes: Int) throws {
        let fields = #"[{"name":"v","type":"int"},{"name":"n","type":["null","L"]}]"#
        let schema = #"{"type":"record","name":"L","fields":\#(fields)}"#
        let bytes: [UInt8] = (0..<nodes).flatMap { node -> [UInt8] in
            varint(Int64(node % 64)) + [node == nodes - 1 ? 0 : 2]
        }
        guard nodes < ReaderLimits().depthMax else {
            #expect(code { () throws(AvroError) in try read(schema, block(count: 1, bytes)) } == .limit)
            guard nodes == ReaderLimits().depthMax else { return }
            var list = Datum.union(0, .null)
            for node in (0..<nodes).reversed() {
                list = .union(1, .record([.init("v", .int(Int32(node % 64))), .init("n", list)]))
            }
            let parsed = try Schema(json: schema)
            #expect(throws: AvroError.self) { try encode(list.unwrapped, parsed) }
            return
        }
        let list = try #require(try read(schema, block(count: 1, bytes)).first)
        #expect(try encode(list, Schema(json: schema)) == bytes)
    }

    @Test("nesting is bounded in values and in schemas")
    func deepNesting() throws {
        let list = #"{"type":"record","name":"L","fields":[{"name":"n","type":["null","L"]}]}"#
        let deep = [UInt8](repeating: 2, count: 1 << 20) + [0]
        #expect(code { () throws(AvroError) in try read(list, block(count: 1, deep)) } == .limit)
        let endless = #"{"type":"record","name":"L","fields":[{"name":"n","type":"L"}]}"#
        #expect(code { () throws(AvroError) in try read(endless, block(count: 1, [])) } == .limit)
        let arrays =
            String(repeating: #"{"type":"array","items":"#, count: 5_000) + "\"int\""
            + String(repeating: "}", count: 5_000)
        #expect(code { () throws(AvroError) in try read(arrays, []) } == .json)
    }

    @Test("a decompression bomb stops at the limit", arguments: allCodecs)
    func bombs(codec: Codec) throws {
        var compressor = BlockCompressor(codec)
        var compressed: [UInt8] = []
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        try compressor.compress(zeros.span, into: &compressed)
        var limits = ReaderLimits()
        limits.decompressedBlockBytesMax = 1 << 20
        let bomb = block(count: 8 << 20, compressed)
        #expect(code { () throws(AvroError) in try read("\"int\"", bomb, codec: codec.name, limits: limits) } == .limit)
        limits.decompressedBlockBytesMax = 8 << 20
        limits.blockBytesMax = compressed.count - 1
        #expect(code { () throws(AvroError) in try read("\"int\"", bomb, codec: codec.name, limits: limits) } == .limit)
    }

    @Test("compressed sizes that lie are refused")
    func lyingSizes() throws {
        // Snappy states 2^32 - 1 bytes; zstandard frames state 2^63 bytes, and no size at all.
        let snappy: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0, 0]
        #expect(code { () throws(AvroError) in try read("\"int\"", block(count: 1, snappy), codec: "snappy") } != nil)
        let zstandard: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0]
        let body = block(count: 1, zstandard)
        #expect(code { () throws(AvroError) in try read("\"int\"", body, codec: "zstandard") } != nil)
        for codec in ["deflate", "snappy", "zstandard"] {
            #expect(code { () throws(AvroError) in try read("\"int\"", block(count: 1, []), codec: codec) } != nil)
        }
        let crc: [UInt8] = [1, 0, 2, 0, 0, 0, 0]
        #expect(
            code { () throws(AvroError) in try read("\"int\"", block(count: 1, crc), codec: "snappy") } == .checksum
        )
    }

    /// Gives a header, then claims nothing more, and remembers the largest piece asked for.
    private struct GreedyCheck: ByteSource {
        var inner: ArraySource

        mutating func read(into buffer: inout [UInt8], atMost count: Int) throws -> Int {
            #expect(count <= 1 << 20, "the reader believed a length before it saw bytes")
            return inner.read(into: &buffer, atMost: min(count, 4_096))
        }
    }

    /// Fails half way.
    private struct BrokenSource: ByteSource {
        struct Torn: Error {}
        var inner: ArraySource

        mutating func read(into buffer: inout [UInt8], atMost count: Int) throws -> Int {
            let taken = inner.read(into: &buffer, atMost: min(count, 10))
            guard taken > 0 else { throw Torn() }
            return taken
        }
    }

    @Test("the reader asks for no more than arrives, says when its source failed, and stays at an error")
    func sources() throws {
        let header = ContainerHeader(schema: "\"int\"", codec: .null, sync: [UInt8](repeating: 0, count: 16)).encoded()
        let claims = header + varint(1) + varint(60 << 20) + [1, 2, 3]
        var reader = try ContainerReader(GreedyCheck(inner: ArraySource(claims)))
        #expect(throws: AvroError.self) { try reader.next() }
        #expect(throws: AvroError.self) { try reader.next() }
        #expect(throws: AvroError.self) { try reader.nextBlock() }
        var broken = try ContainerReader(BrokenSource(inner: ArraySource(header + block(count: 1, [2]))))
        #expect(try broken.next() == .int(1))
        var failure: AvroError?
        do { _ = try broken.next() } catch { failure = error }
        #expect(failure?.code == .source)
        #expect(failure?.cause is BrokenSource.Torn)
    }

    @Test("an unknown codec, a missing schema and a doubled key are named")
    func headers() {
        func header(_ entries: [(String, String)]) -> [UInt8] {
            [0x4F, 0x62, 0x6A, 1] + varint(Int64(entries.count))
                + entries.flatMap {
                    varint(Int64($0.utf8.count)) + Array($0.utf8) + varint(Int64($1.utf8.count)) + Array($1.utf8)
                }
                + [0] + [UInt8](repeating: 0, count: 16)
        }
        let schema = ("avro.schema", "\"int\"")
        #expect(code { () throws(AvroError) in try readAll(header([schema])) } == nil)
        #expect(code { () throws(AvroError) in try readAll(header([schema, ("avro.codec", "xz")])) } == .codec)
        #expect(code { () throws(AvroError) in try readAll(header([("avro.codec", "null")])) } == .header)
        #expect(code { () throws(AvroError) in try readAll(header([schema, schema])) } == .header)
        #expect(code { () throws(AvroError) in try readAll(header([("avro.schema", "\"i")])) } == .json)
        #expect(code { () throws(AvroError) in try readAll(header([("avro.schema", "\"x\"")])) } == .schema)
        #expect(code { () throws(AvroError) in try readAll(Array("PAR1 not avro".utf8)) } == .header)
        // One in composed, one in decomposed form: as texts they are equal, as keys they are two.
        let accents = [("\u{E9}", "1"), ("e\u{301}", "2")]
        #expect(code { () throws(AvroError) in try readAll(header([schema] + accents)) } == nil)
        let noted = #"{"type":"int","\#(accents[0].0)":1,"\#(accents[1].0)":2}"#
        #expect(code { () throws(AvroError) in try readAll(header([("avro.schema", noted)])) } == nil)
        let many = (0..<2_000).map { ("k\($0)", "") }
        #expect(code { () throws(AvroError) in try readAll(header(many)) } == .limit)
    }
}
