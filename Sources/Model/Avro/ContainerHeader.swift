/// The head of an object container file.
///
///     'O' 'b' 'j' 01                                             magic
///     count, { key length, key, value length, value } × count, 0 metadata, an Avro map of bytes
///     16 bytes                                                   sync marker
public struct ContainerHeader: Sendable {
    static let magic: [UInt8] = [0x4F, 0x62, 0x6A, 0x01]
    /// Bytes of a sync marker.
    public static let syncBytes = 16

    /// The schema's JSON text.
    public var schema: String
    /// How the blocks are compressed.
    public var codec: Codec
    /// The metadata but for `avro.schema` and `avro.codec`, in order.
    public var metadata: [(key: String, value: [UInt8])]
    /// What stands after the header and after each block.
    public var sync: [UInt8]

    /// Makes a header; the marker has ``syncBytes`` bytes, which the caller draws at random.
    public init(schema: String, codec: Codec, metadata: [(key: String, value: [UInt8])] = [], sync: [UInt8]) {
        precondition(sync.count == ContainerHeader.syncBytes, "a sync marker has 16 bytes")
        self.schema = schema
        self.codec = codec
        self.metadata = metadata
        self.sync = sync
    }

    /// The header's bytes: schema and codec first, then the metadata in order.
    public func encoded() -> [UInt8] {
        let entries = [("avro.schema", Array(schema.utf8)), ("avro.codec", Array(codec.name.utf8))] + metadata
        var output = ContainerHeader.magic
        Varint.append(Int64(entries.count), to: &output)
        for (key, value) in entries {
            Varint.append(Int64(key.utf8.count), to: &output)
            output.append(contentsOf: key.utf8)
            Varint.append(Int64(value.count), to: &output)
            output.append(contentsOf: value)
        }
        output.append(0)
        output.append(contentsOf: sync)
        return output
    }

    /// Reads a header.
    init<Source: ByteSource>(from window: inout SourceWindow<Source>, limits: ReaderLimits) throws(AvroError) {
        guard try window.fill(ContainerHeader.magic.count),
            window.bytes[window.available].starts(with: ContainerHeader.magic)
        else { throw AvroError(.header, "not an Avro object container file: it does not begin with 'Obj' 01", at: 0) }
        window.advance(ContainerHeader.magic.count)
        var schema: [UInt8]?
        var codec: [UInt8]?
        metadata = []
        for (key, value) in try ContainerHeader.entries(from: &window, limits: limits) {
            switch key {
            case "avro.schema": schema = value
            case "avro.codec": codec = value
            default: metadata.append((key, value))
            }
        }
        sync = try window.readBytes(ContainerHeader.syncBytes, for: "the header's sync marker")
        guard let text = schema.flatMap({ String(validating: $0, as: UTF8.self) }) else {
            throw AvroError(.header, "the header has no 'avro.schema' in UTF-8")
        }
        self.schema = text
        let name = String(decoding: codec ?? Array("null".utf8), as: UTF8.self)
        guard let known = Codec(name: name) else { throw AvroError(.codec, "the codec '\(name)' is not known") }
        self.codec = known
    }

    private static func entries<Source: ByteSource>(
        from window: inout SourceWindow<Source>,
        limits: ReaderLimits
    ) throws(AvroError) -> [(key: String, value: [UInt8])] {
        var entries: [(key: String, value: [UInt8])] = []
        // By their bytes: keys that differ only by Unicode normalisation are two.
        var keys: Set<[UInt8]> = []
        func bytesLeft() -> Int { max(0, limits.headerBytesMax - Int(window.position)) }
        while true {
            var count = try window.readLong(for: "the header")
            if count == 0 { return entries }
            if count < 0 {
                count = count == .min ? .max : -count
                _ = try window.readLong(for: "the header")
            }
            guard count <= Int64(limits.headerEntriesMax - entries.count) else {
                throw AvroError(.limit, "the header has more than \(limits.headerEntriesMax) entries")
            }
            for _ in 0..<count {
                let keyBytes = try window.readLength(for: "a key of the header", max: bytesLeft())
                let keyText = try window.readBytes(keyBytes, for: "the header")
                let key = String(decoding: keyText, as: UTF8.self)
                guard keys.insert(keyText).inserted else { throw AvroError(.header, "the header has '\(key)' twice") }
                let valueBytes = try window.readLength(for: "'\(key)' in the header", max: bytesLeft())
                entries.append((key, try window.readBytes(valueBytes, for: "the header")))
            }
        }
    }
}
