import CDeflate
import CZstd
import Platform

/// Why a body could not be read at all.
struct BodyError: Error {
    let status: Int
    let code: String
    let message: String
    /// Seconds after which trying again makes sense.
    var retryAfter: Int?

    static func tooLarge(_ max: Int, compressed: Bool) -> BodyError {
        BodyError(
            status: 413,
            code: "body_too_large",
            message: compressed
                ? "the body is more than \(max) bytes once decompressed; send fewer events at a time"
                : "the body is more than \(max) bytes; send fewer events at a time"
        )
    }

    static func tooManyEvents(_ max: Int) -> BodyError {
        BodyError(
            status: 413,
            code: "too_many_events",
            message: "the body has more than \(max) events; send fewer at a time"
        )
    }

    static func notJSON(_ why: String) -> BodyError {
        BodyError(status: 400, code: "not_json", message: why)
    }

    /// What is wrong now and may be right in a second.
    static func again(_ status: Int, _ code: String, _ message: String) -> BodyError {
        BodyError(status: status, code: code, message: message, retryAfter: 1)
    }

    static let memoryShort = again(503, "memory_short", "no memory to read the body with; try again")
}

/// Undoes a body's Content-Encoding: gzip, deflate or zstd, up to a limit.
enum BodyDecoder {
    /// The largest window a zstd body may ask for: 8 MiB, which RFC 8878 tells senders over HTTP to keep to.
    private static let windowLogMax: Int32 = 23

    /// Holds the bytes of the decoded body, and takes them before it makes room for them.
    static func decode(
        _ body: consuming Body,
        encoding: String?,
        max: Int,
        holding held: inout InFlight
    ) throws(BodyError) -> Body {
        switch encoding?.lowercased() {
        case nil, "", "identity":
            try held.hold(body.count)
            return body
        case "gzip", "x-gzip":
            return unsafe try inflate(body, max: max, &held) { unsafe libdeflate_gzip_decompress_ex }
        case "deflate":
            // RFC 9110 means the zlib format; some senders leave its two bytes of header out.
            let isZlib = unsafe body.text.count >= 2 && body.text[0] & 0x0F == 8 && isZlibHeader(body.text)
            return unsafe isZlib
                ? try inflate(body, max: max, &held) { unsafe libdeflate_zlib_decompress_ex }
                : try inflate(body, max: max, &held) { unsafe libdeflate_deflate_decompress_ex }
        case "zstd": return try unpackZstd(body, max: max, &held)
        case let other?:
            throw BodyError(
                status: 415,
                code: "encoding_unsupported",
                message: "Content-Encoding \(other.quotedCut) is not taken; gzip, deflate and zstd are"
            )
        }
    }

    private static func isZlibHeader(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        unsafe (Int(text[0]) << 8 | Int(text[1])) % 31 == 0
    }

    private typealias Inflate =
        @convention(c) (
            OpaquePointer?, UnsafeRawPointer?, Int, UnsafeMutableRawPointer?, Int, UnsafeMutablePointer<Int>?,
            UnsafeMutablePointer<Int>?
        ) -> libdeflate_result

    /// Inflates each member of the body; libdeflate wants the whole output to fit, so room is doubled up to the limit.
    private static func inflate(
        _ body: borrowing Body,
        max: Int,
        _ held: inout InFlight,
        _ function: () -> Inflate
    ) throws(BodyError) -> Body {
        guard let decompressor = unsafe libdeflate_alloc_decompressor() else { throw .memoryShort }
        defer { unsafe libdeflate_free_decompressor(decompressor) }
        let inflate = unsafe function()
        let input = unsafe body.text
        var output = Body()
        var read = 0
        var room = min(max, Swift.max(4096, input.count * 4))
        while read < input.count {
            var used = 0
            var result = LIBDEFLATE_BAD_DATA
            try held.hold(output.capacity(for: room))
            unsafe output.append(room: room) { space in
                var written = 0
                result = unsafe inflate(
                    decompressor,
                    input.baseAddress.map { unsafe $0 + read },
                    input.count - read,
                    space.baseAddress,
                    room,
                    &used,
                    &written
                )
                return result == LIBDEFLATE_SUCCESS ? written : 0
            }
            switch result {
            case LIBDEFLATE_SUCCESS:
                read += used
                room = min(room, max - output.count)
                if room == 0 && read < input.count { throw .tooLarge(max, compressed: true) }
            case LIBDEFLATE_INSUFFICIENT_SPACE:
                guard output.count + room < max else { throw .tooLarge(max, compressed: true) }
                room = min(room * 2, max - output.count)
            default:
                throw BodyError(
                    status: 400,
                    code: "encoding_broken",
                    message: "the body is not what its Content-Encoding says: it does not decompress"
                )
            }
        }
        try held.hold(output.count)
        return output
    }

    private static func unpackZstd(
        _ body: borrowing Body,
        max: Int,
        _ held: inout InFlight
    ) throws(BodyError) -> Body {
        guard let context = unsafe ZSTD_createDCtx() else { throw .memoryShort }
        defer { unsafe _ = ZSTD_freeDCtx(context) }
        unsafe _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLogMax)
        let text = unsafe body.text
        var input = unsafe ZSTD_inBuffer(src: text.baseAddress, size: text.count, pos: 0)
        var output = Body()
        var result = 1
        while true {
            // One byte past the limit shows that there was more.
            let room = min(Swift.max(64 << 10, text.count * 2), max + 1 - output.count)
            var written = 0
            try held.hold(output.capacity(for: room))
            unsafe output.append(room: room) { space in
                var out = unsafe ZSTD_outBuffer(dst: space.baseAddress, size: room, pos: 0)
                result = unsafe ZSTD_decompressStream(context, &out, &input)
                written = unsafe out.pos
                return written
            }
            guard ZSTD_isError(result) == 0 else { break }
            guard output.count <= max else { throw .tooLarge(max, compressed: true) }
            if unsafe input.pos == input.size && written < room { break }
        }
        guard result == 0 else {
            throw BodyError(
                status: 400,
                code: "encoding_broken",
                message: "the body is not what its Content-Encoding says: zstd does not decompress it to its end"
            )
        }
        try held.hold(output.count)
        return output
    }
}
