internal import Avro

/// Compresses blocks and puts them into their Avro frame; one for each worker, whose context it keeps.
struct BlockEncoder: ~Copyable {
    private var compressor: BlockCompressor
    private var compressed: [UInt8] = []

    init(_ codec: Codec) {
        compressor = BlockCompressor(codec)
    }

    /// Appends the block as it stands in the file.
    ///
    /// `spilled` are the raw bytes that went to disk before the block's own.
    mutating func encode(
        _ block: borrowing StagedFile.FullBlock,
        spilled: [UInt8],
        sync: [UInt8],
        into output: inout [UInt8]
    ) throws(DeliveryError) {
        let whole = spilled.isEmpty ? block.bytes : spilled + block.bytes
        guard compressor.codec != .null else {
            return append(count: block.count, whole, sync: sync, to: &output)
        }
        compressed.removeAll(keepingCapacity: true)
        do throws(AvroError) {
            try compressor.compress(whole.span, into: &compressed)
        } catch {
            throw DeliveryError(.staging, "a block of \(block.count) records could not be compressed: \(error)")
        }
        append(count: block.count, compressed, sync: sync, to: &output)
    }

    private func append(count: Int, _ bytes: [UInt8], sync: [UInt8], to output: inout [UInt8]) {
        // A count and a size of at most ten bytes each, and the marker.
        output.reserveCapacity(output.count + bytes.count + 2 * Varint.bytesMax + sync.count)
        ContainerBlock.append(count: count, compressed: bytes.span, sync: sync.span, to: &output)
    }
}
