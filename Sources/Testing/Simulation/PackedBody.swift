internal import CDeflate
internal import CZstd
internal import Intake

/// A body as a sender puts it on the wire.
enum PackedBody {
    /// Names of encodings as headers have them; nil: as it is.
    static let encodings: [String?] = ["gzip", "deflate", "zstd", nil]

    private static let level: Int32 = 1
    /// More than a small body can grow by.
    private static let growth = 256

    static func pack(_ text: [UInt8], _ encoding: String?) -> Body {
        guard let encoding else { return Body(text) }
        var packed = [UInt8](repeating: 0, count: text.count + text.count / 8 + growth)
        let room = packed.count
        let count = unsafe packed.withUnsafeMutableBytes { out in
            unsafe text.withUnsafeBytes { text in
                if encoding == "zstd" {
                    return unsafe ZSTD_compress(out.baseAddress, room, text.baseAddress, text.count, level)
                }
                guard let compressor = unsafe libdeflate_alloc_compressor(level) else { return 0 }
                defer { unsafe libdeflate_free_compressor(compressor) }
                let compress =
                    unsafe encoding == "gzip" ? libdeflate_gzip_compress : libdeflate_zlib_compress
                return unsafe compress(compressor, text.baseAddress, text.count, out.baseAddress, room)
            }
        }
        precondition((1...room).contains(count), "a small body can be packed")
        return Body(packed[..<count])
    }
}
