import ArgumentParser
import Avro
import Platform

/// `courant inspect`: what an Avro file is, without its records.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show an Avro file's schema, codec, blocks, counts, sizes and plan.",
        discussion: """
            Reads and decompresses every block, so damage to the file is found; the
            records in the blocks are read by `courant cat`. Works on any Avro object
            container file with the codec null, deflate, snappy or zstandard, with
            blocks of up to 512 MiB.

            Example:
              courant inspect part.avro --json
            """
    )

    @Argument(help: ArgumentHelp("An Avro file, or - for standard input.", valueName: "file"))
    var file: String

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() throws {
        let source = try AvroFileSource(path: file)
        let reader = try RecordReader(source)
        var blocks = BlockSums()
        while let block = try reader.nextBlock() {
            blocks.add(count: block.count, plain: block.bytes.count, compressed: block.compressedBytes)
        }
        var output = StandardOutput()
        if json {
            try output.line(Self.description(reader, blocks, fileBytes: source.position).pretty)
        } else {
            for line in Self.page(reader, blocks, file: source.path, fileBytes: source.position) {
                try output.line(line)
            }
        }
        try output.flush()
    }

    /// What the blocks of a file come to.
    struct BlockSums {
        var blocks = 0
        var records = 0
        var plainBytes = 0
        var compressedBytes = 0

        mutating func add(count: Int, plain: Int, compressed: Int) {
            blocks += 1
            records += count
            plainBytes += plain
            compressedBytes += compressed
        }
    }

    private static let planKey = "courant.plan"

    private static func page(_ reader: RecordReader, _ blocks: BlockSums, file: String, fileBytes: Int) -> [String] {
        let header = reader.header
        var table = Table()
        table.row("file", file)
        table.row("record", reader.recordName)
        if let eventType = reader.eventType { table.row("event type", eventType) }
        table.row("codec", header.codec.name)
        table.row("records", Figures.count(blocks.records))
        table.row("blocks", Figures.count(blocks.blocks))
        table.row("size", "\(Figures.bytes(fileBytes)) (\(Figures.count(fileBytes)) bytes)")
        let ratio = blocks.compressedBytes > 0 ? Double(blocks.plainBytes) / Double(blocks.compressedBytes) : 1
        table.row(
            "data",
            "\(Figures.bytes(blocks.plainBytes)) in \(Figures.bytes(blocks.compressedBytes)), "
                + "\(Figures.decimal(ratio, places: 2)) to 1"
        )
        table.row("sync", Hex.text(header.sync))
        table.row("fingerprint", reader.fingerprint)
        for entry in header.metadata where !isReserved(entry.key) {
            table.row(entry.key, String(decoding: entry.value, as: UTF8.self))
        }
        return table.lines + ["", "schema", header.schema]
    }

    private static func description(_ reader: RecordReader, _ blocks: BlockSums, fileBytes: Int) -> JSONValue {
        let header = reader.header
        var metadata: [JSONValue.Member] = []
        var plan = JSONValue.null
        for entry in header.metadata where !isReserved(entry.key) {
            let text = String(decoding: entry.value, as: UTF8.self)
            if entry.key == planKey {
                plan = .parsed(text)
            } else {
                metadata.append(JSONValue.Member(entry.key, .string(text)))
            }
        }
        return .object([
            "record": .string(reader.recordName),
            "event_type": .text(reader.eventType),
            "codec": .string(header.codec.name),
            "records": .number(blocks.records),
            "blocks": .number(blocks.blocks),
            "file_bytes": .number(fileBytes),
            "data_bytes": .number(blocks.plainBytes),
            "compressed_bytes": .number(blocks.compressedBytes),
            "sync": .string(Hex.text(header.sync)),
            "fingerprint": .string(reader.fingerprint),
            "plan": plan,
            "metadata": .object(metadata),
            "schema": .parsed(header.schema),
        ])
    }

    private static func isReserved(_ key: String) -> Bool {
        key == "avro.schema" || key == "avro.codec"
    }
}
