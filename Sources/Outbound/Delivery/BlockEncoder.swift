internal import Avro

/// Compresses blocks and puts them into their Avro frame; one for each worker, whose context it keeps.
struct BlockEncoder: ~Copyable {
    private var compressor: BlockCompressor
    private var compressed: [UInt8] = []

    init(_ codec: Codec) {
        compressor = BlockCompressor(codec)
    }

    /// The block as it stands in the file.
    ///
    /// `spilled` are the raw bytes that went to disk before the block's own.
    mutating func encode(
        _ block: StagedFile.FullBlock,
        spilled: [UInt8],
        sync: [UInt8]
    ) throws(DeliveryError) -> [UInt8] {
        compressed.removeAll(keepingCapacity: true)
        do throws(AvroError) {
            if spilled.isEmpty {
                try compressor.compress(block.bytes.span, into: &compressed)
            } else {
                let whole = spilled + block.bytes
                try compressor.compress(whole.span, into: &compressed)
            }
        } catch {
            throw DeliveryError(.staging, "a block of \(block.count) records could not be compressed: \(error)")
        }
        var encoded: [UInt8] = []
        // A count and a size of at most ten bytes each, and the marker.
        encoded.reserveCapacity(compressed.count + 36)
        ContainerBlock.append(count: block.count, compressed: compressed.span, sync: sync.span, to: &encoded)
        return encoded
    }
}
