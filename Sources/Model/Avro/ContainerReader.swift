/// Reads an object container file value by value or block by block, in bounded memory.
///
/// A file may be hostile: whatever is in it, each call returns, or throws an ``AvroError`` within the limits. After
/// an error the reader stays at that error.
public struct ContainerReader<Source: ByteSource>: ~Copyable {
    /// A block, decompressed.
    public struct Block: Sendable {
        /// How many values it says it has.
        public let count: Int
        /// The values, encoded.
        public let bytes: [UInt8]
        /// Bytes of the block as stored.
        public let compressedBytes: Int
        /// Where it begins in the file.
        public let position: Int64
    }

    /// The file's header.
    public let header: ContainerHeader
    /// The schema of the file.
    public let writerSchema: Schema
    /// How values are read.
    public let resolution: Resolution
    private let limits: ReaderLimits
    private var window: SourceWindow<Source>
    private var decompressor: BlockDecompressor
    private var block: [UInt8] = []
    private var valuesLeft = 0
    /// Bytes of the present block as stored.
    private var storedBytes = 0
    private var decoder: BinaryDecoder
    private var failure: AvroError?

    /// Reads the header.
    ///
    /// Values are read under the reader's schema if there is one, else under the file's.
    public init(
        _ source: Source,
        limits: ReaderLimits = .init(),
        as readerSchema: Schema? = nil
    ) throws(AvroError) {
        var window = SourceWindow(source)
        let header = try ContainerHeader(from: &window, limits: limits)
        let writerSchema = try Schema(json: header.schema, names: .any)
        resolution = try Resolution(writer: writerSchema, reader: readerSchema)
        decoder = BinaryDecoder(forBlocksWithin: limits)
        decompressor = BlockDecompressor(header.codec)
        self.window = window
        self.header = header
        self.writerSchema = writerSchema
        self.limits = limits
    }

    /// The next value, or nil at the end of the file.
    public mutating func next() throws(AvroError) -> Datum? {
        if let failure { throw failure }
        do throws(AvroError) {
            while valuesLeft == 0 {
                guard let (count, compressedBytes, _) = try loadBlock() else { return nil }
                (valuesLeft, storedBytes) = (count, compressedBytes)
            }
            let block = block
            let datum = try resolution.decode(block.span, &decoder, storedBytes: storedBytes)
            valuesLeft -= 1
            if valuesLeft == 0, decoder.position != block.count {
                throw decoder.failure(.malformed, "bytes are left over in the block after its values")
            }
            return datum
        } catch {
            failure = error
            throw error
        }
    }

    /// The next block, or nil at the end of the file; what ``next()`` left of the present block is passed over.
    public mutating func nextBlock() throws(AvroError) -> Block? {
        if let failure { throw failure }
        do throws(AvroError) {
            valuesLeft = 0
            guard let (count, compressedBytes, position) = try loadBlock() else { return nil }
            return Block(count: count, bytes: block, compressedBytes: compressedBytes, position: position)
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func loadBlock() throws(AvroError) -> (count: Int, compressedBytes: Int, position: Int64)? {
        guard try !window.isAtEnd() else { return nil }
        let position = window.position
        let count = try window.readLong(for: "a block's count")
        let size = try window.readLength(for: "a block", max: limits.blockBytesMax)
        try window.need(size + ContainerHeader.syncBytes, for: "a block")
        let stored = window.available.lowerBound..<window.available.lowerBound + size
        guard window.bytes[stored.upperBound...].starts(with: header.sync) else {
            throw AvroError(.checksum, "the sync marker after a block is not the file's", at: position)
        }
        do throws(AvroError) {
            let bytes = window.bytes
            let span = bytes.span.extracting(stored)
            try decompressor.decompress(span, into: &block, bytesMax: limits.decompressedBlockBytesMax)
            window.advance(size + ContainerHeader.syncBytes)
            decoder.beginBlock(of: block.count)
            return (try decoder.admit(count, block.span), size, position)
        } catch {
            throw AvroError(error.code, error.message, at: position)
        }
    }
}
