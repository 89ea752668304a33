internal import CDeflate
internal import CSnappy
internal import CZstd

/// Decompresses blocks with one codec into a buffer that never grows past a limit.
///
/// A block's claim about its size is believed only within what its codec can reach; where the size is not known, or is
/// that of the first frame of several, the buffer grows fourfold and the block is decompressed anew, which costs a
/// third at most.
@safe struct BlockDecompressor: ~Copyable {
    /// What a buffer grows from.
    private static let growthBytesMin = 1 << 16

    private let codec: Codec
    private let context: OpaquePointer?

    init(_ codec: Codec) {
        self.codec = codec
        switch codec {
        case .null, .snappy: unsafe context = nil
        case .deflate:
            unsafe context = libdeflate_alloc_decompressor()
            unsafe precondition(context != nil, "no memory for a deflate context")
        case .zstandard:
            unsafe context = ZSTD_createDCtx()
            unsafe precondition(context != nil, "no memory for a zstandard context")
        }
    }

    deinit {
        switch codec {
        case .null, .snappy: break
        case .deflate: unsafe libdeflate_free_decompressor(context)
        case .zstandard: _ = unsafe ZSTD_freeDCtx(context)
        }
    }

    /// Decompresses one block in place of what the output held.
    mutating func decompress(
        _ bytes: Span<UInt8>,
        into output: inout [UInt8],
        bytesMax: Int
    ) throws(AvroError) {
        var capacity = try firstCapacity(bytes, bytesMax: bytesMax)
        while true {
            output.removeAll(keepingCapacity: true)
            switch attempt(bytes, into: &output, capacity: capacity) {
            case .done: return
            case .corrupt(let message): throw AvroError(.compression, message)
            case .checksum: throw AvroError(.checksum, "a block's CRC-32 does not match its bytes")
            case .tooSmall:
                guard capacity < bytesMax else { throw BlockDecompressor.tooLarge(bytesMax) }
                // A first frame may state no bytes at all: growth begins somewhere.
                capacity = min(max(capacity * 4, BlockDecompressor.growthBytesMin), bytesMax)
            }
        }
    }

    private enum Outcome {
        case done
        case tooSmall
        case checksum
        case corrupt(String)
    }

    private static func tooLarge(_ bytesMax: Int) -> AvroError {
        AvroError(.limit, "a block decompresses to more than \(bytesMax) bytes")
    }

    private func firstCapacity(_ bytes: Span<UInt8>, bytesMax: Int) throws(AvroError) -> Int {
        let guess = max(bytes.count * 4, BlockDecompressor.growthBytesMin)
        switch codec {
        case .null:
            guard bytes.count <= bytesMax else { throw BlockDecompressor.tooLarge(bytesMax) }
            return bytes.count
        case .deflate: return min(guess, bytesMax)
        case .snappy:
            guard bytes.count >= 4 else { throw AvroError(.truncated, "a snappy block without its checksum") }
            var size = 0
            let status = unsafe bytes.withUnsafeBufferPointer { source in
                unsafe source.withMemoryRebound(to: CChar.self) { input in
                    unsafe snappy_uncompressed_length(input.baseAddress, input.count - 4, &size)
                }
            }
            // Three bytes make 64 at most.
            guard status == SNAPPY_OK, size <= bytes.count * 32 else {
                throw AvroError(.compression, "a snappy block states a size that it cannot have")
            }
            guard size <= bytesMax else { throw BlockDecompressor.tooLarge(bytesMax) }
            return size
        case .zstandard:
            let stated = unsafe bytes.withUnsafeBufferPointer { source in
                unsafe ZSTD_getFrameContentSize(source.baseAddress, source.count)
            }
            // The two highest values mean "not stated" and "not a frame". One frame of several may be meant, so a
            // size past the limit is found out by decompressing.
            guard stated < UInt64.max - 1 else { return min(guess, bytesMax) }
            return min(Int(clamping: stated), max(bytes.count * 256, BlockDecompressor.growthBytesMin), bytesMax)
        }
    }

    private func attempt(_ bytes: Span<UInt8>, into output: inout [UInt8], capacity: Int) -> Outcome {
        var outcome = Outcome.done
        unsafe bytes.withUnsafeBufferPointer { source in
            output.append(addingCapacity: capacity) { target in
                unsafe target.withUnsafeMutableBufferPointer { buffer, count in
                    let room = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<capacity])
                    outcome = unsafe fill(room, from: source, &count)
                }
            }
        }
        return outcome
    }

    private func fill(
        _ room: UnsafeMutableBufferPointer<UInt8>,
        from source: UnsafeBufferPointer<UInt8>,
        _ count: inout Int
    ) -> Outcome {
        switch codec {
        case .null:
            count = unsafe room.initialize(fromContentsOf: source)
            return .done
        case .deflate:
            // Bytes after the stream's end are passed over: Python's avro leaves three of zlib's checksum there.
            switch unsafe libdeflate_deflate_decompress(
                context,
                source.baseAddress,
                source.count,
                room.baseAddress,
                room.count,
                &count
            )
            {
            case LIBDEFLATE_SUCCESS: return .done
            case LIBDEFLATE_INSUFFICIENT_SPACE: return .tooSmall
            default: return .corrupt("a block is not deflate data")
            }
        case .snappy:
            var size = room.count
            let status = unsafe source.withMemoryRebound(to: CChar.self) { input in
                unsafe room.withMemoryRebound(to: CChar.self) { output in
                    unsafe snappy_uncompress(input.baseAddress, input.count - 4, output.baseAddress, &size)
                }
            }
            guard status == SNAPPY_OK else { return .corrupt("a block is not snappy data") }
            let stored = unsafe source.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard unsafe libdeflate_crc32(0, room.baseAddress, size) == stored else { return .checksum }
            count = size
            return .done
        case .zstandard:
            let size = unsafe ZSTD_decompressDCtx(
                context,
                room.baseAddress,
                room.count,
                source.baseAddress,
                source.count
            )
            guard ZSTD_isError(size) != 0 else {
                count = size
                return .done
            }
            let isTooSmall = ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall
            return isTooSmall ? .tooSmall : .corrupt("a block is not zstandard data")
        }
    }
}
