import CDeflate
import CZstd

/// What a sender does to a body; `raw` is deflate without its header.
enum Packing {
    static func pack(_ text: [UInt8], _ encoding: String) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: text.count + 4096)
        let room = out.count
        let count = unsafe out.withUnsafeMutableBytes { out in
            unsafe text.withUnsafeBytes { text in
                if encoding == "zstd" {
                    return unsafe ZSTD_compress(out.baseAddress, room, text.baseAddress, text.count, 3)
                }
                guard let compressor = unsafe libdeflate_alloc_compressor(6) else { return 0 }
                defer { unsafe libdeflate_free_compressor(compressor) }
                switch encoding {
                case "gzip":
                    return unsafe libdeflate_gzip_compress(
                        compressor,
                        text.baseAddress,
                        text.count,
                        out.baseAddress,
                        room
                    )
                case "deflate":
                    return unsafe libdeflate_zlib_compress(
                        compressor,
                        text.baseAddress,
                        text.count,
                        out.baseAddress,
                        room
                    )
                default:
                    return unsafe libdeflate_deflate_compress(
                        compressor,
                        text.baseAddress,
                        text.count,
                        out.baseAddress,
                        room
                    )
                }
            }
        }
        return Array(out[0..<count])
    }
}
