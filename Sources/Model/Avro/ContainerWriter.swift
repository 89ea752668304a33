/// Writes an object container file, block by block.
///
/// The writer does no I/O: finished bytes gather inside it until they are drained, so a file of any length needs
/// the memory of a block.
public struct ContainerWriter: ~Copyable {
    /// The header that was written.
    public let header: ContainerHeader
    /// The schema that values are written under.
    public let schema: Schema
    private let named: NamedSchemas
    private let blockBytes: Int
    private var compressor: BlockCompressor
    private var block: BinaryEncoder
    private var compressed: [UInt8] = []
    private var blockCount = 0
    private var output: [UInt8]

    /// Begins a file.
    ///
    /// A block is closed once it holds `blockBytes` before compression; the marker has 16 bytes.
    public init(
        schema: Schema,
        codec: Codec = .null,
        metadata: [(key: String, value: [UInt8])] = [],
        sync: [UInt8],
        blockBytes: Int = 1 << 16
    ) {
        self.schema = schema
        self.blockBytes = blockBytes
        named = NamedSchemas(of: schema)
        header = ContainerHeader(schema: schema.json, codec: codec, metadata: metadata, sync: sync)
        compressor = BlockCompressor(codec)
        block = BinaryEncoder(capacity: blockBytes)
        output = header.encoded()
    }

    /// Finished bytes that were not drained yet.
    public var pendingBytes: Int { output.count }

    /// Adds a value.
    ///
    /// When this throws, the value is not in the file and the writer goes on.
    public mutating func append(_ datum: Datum) throws(AvroError) {
        try block.encode(datum, as: schema, named: named)
        try didAppend()
    }

    /// Adds a value that is encoded under the writer's schema already.
    public mutating func append(encoded bytes: Span<UInt8>) throws(AvroError) {
        block.writeRaw(bytes)
        try didAppend()
    }

    private mutating func didAppend() throws(AvroError) {
        blockCount += 1
        if block.count >= blockBytes { try closeBlock() }
    }

    /// Closes the block that is being filled, if it has any value.
    public mutating func closeBlock() throws(AvroError) {
        guard blockCount > 0 else { return }
        compressed.removeAll(keepingCapacity: true)
        try block.withBytes { (bytes) throws(AvroError) in try compressor.compress(bytes, into: &compressed) }
        let (bytes, sync) = (compressed, header.sync)
        ContainerBlock.append(count: blockCount, compressed: bytes.span, sync: sync.span, to: &output)
        block.removeAll()
        blockCount = 0
    }

    /// Takes the finished bytes, to be written where the file goes.
    public mutating func drain() -> [UInt8] {
        defer { output = [] }
        return output
    }

    /// Closes the last block and takes the rest of the file's bytes.
    public mutating func finish() throws(AvroError) -> [UInt8] {
        try closeBlock()
        return drain()
    }
}
