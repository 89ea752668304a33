internal import CDeflate
internal import CSnappy
internal import CZstd

/// Compresses blocks with one codec and keeps the codec's context between them.
///
/// Nothing is allocated for a block once the caller's output has grown to its size; snappy alone takes a table of at
/// most 32 KiB from the C heap for each.
///
/// No lock stands behind `@unchecked Sendable`: it cannot be copied, so its one owner alone reaches the context.
@safe public struct BlockCompressor: ~Copyable, @unchecked Sendable {
    /// The codec.
    public let codec: Codec
    private let context: OpaquePointer?

    /// Makes a compressor.
    ///
    /// Levels beyond the codec's range are taken as its nearest.
    public init(_ codec: Codec) {
        self.codec = codec
        switch codec {
        case .null, .snappy: unsafe context = nil
        case .deflate(let level):
            unsafe context = libdeflate_alloc_compressor(Int32(min(max(level, 0), 12)))
            unsafe precondition(context != nil, "no memory for a deflate context")
        case .zstandard(let level):
            unsafe context = ZSTD_createCCtx()
            unsafe precondition(context != nil, "no memory for a zstandard context")
            // zstd itself clamps the level.
            _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(clamping: level))
        }
    }

    deinit {
        switch codec {
        case .null, .snappy: break
        case .deflate: unsafe libdeflate_free_compressor(context)
        case .zstandard: _ = unsafe ZSTD_freeCCtx(context)
        }
    }

    /// Compresses one block and appends it to the output.
    public mutating func compress(_ bytes: Span<UInt8>, into output: inout [UInt8]) throws(AvroError) {
        let bound = bound(bytes.count)
        var failure: AvroError?
        unsafe bytes.withUnsafeBufferPointer { source in
            output.append(addingCapacity: bound) { target in
                unsafe target.withUnsafeMutableBufferPointer { buffer, count in
                    let room = unsafe UnsafeMutableBufferPointer(rebasing: buffer[count...])
                    if let written = unsafe fill(room, from: source) {
                        count += written
                    } else {
                        failure = AvroError(.compression, "\(codec.name) could not compress a block")
                    }
                }
            }
        }
        if let failure { throw failure }
    }

    private func bound(_ count: Int) -> Int {
        switch codec {
        case .null: count
        case .deflate: unsafe libdeflate_deflate_compress_bound(context, count)
        case .snappy: snappy_max_compressed_length(count) + 4
        case .zstandard: ZSTD_compressBound(count)
        }
    }

    private func fill(
        _ room: UnsafeMutableBufferPointer<UInt8>,
        from source: UnsafeBufferPointer<UInt8>
    ) -> Int? {
        switch codec {
        case .null:
            return unsafe room.initialize(fromContentsOf: source)
        case .deflate:
            let written = unsafe libdeflate_deflate_compress(
                context,
                source.baseAddress,
                source.count,
                room.baseAddress,
                room.count
            )
            return written > 0 ? written : nil
        case .snappy:
            var written = room.count
            let status = unsafe source.withMemoryRebound(to: CChar.self) { input in
                unsafe room.withMemoryRebound(to: CChar.self) { output in
                    unsafe snappy_compress(input.baseAddress, input.count, output.baseAddress, &written)
                }
            }
            guard status == SNAPPY_OK else { return nil }
            let sum = unsafe libdeflate_crc32(0, source.baseAddress, source.count)
            for index in 0..<4 { unsafe room[written + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * index)) }
            return written + 4
        case .zstandard:
            let written = unsafe ZSTD_compress2(
                context,
                room.baseAddress,
                room.count,
                source.baseAddress,
                source.count
            )
            return ZSTD_isError(written) == 0 ? written : nil
        }
    }
}
