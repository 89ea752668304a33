import Avro
import CDeflate

/// What else than plain NDJSON a sender may post.
enum BodyForm: String, CaseIterable {
    case array = "array of events"
    case envelope = "Currents envelope"
    case gzip = "NDJSON in gzip 6"
    case zstandard = "NDJSON in zstandard 3"

    /// As Content-Encoding names it.
    var coding: String? {
        switch self {
        case .array, .envelope: nil
        case .gzip: "gzip"
        case .zstandard: "zstd"
        }
    }

    /// The events of a body of NDJSON in this form.
    func body(_ lines: [UInt8]) throws -> [UInt8] {
        switch self {
        case .array:
            return Array("[".utf8) + lines.split(separator: UInt8(ascii: "\n")).joined(separator: [UInt8(ascii: ",")])
                + Array("]".utf8)
        case .envelope: return try Self.enveloped(lines)
        case .gzip: return try Self.packed(lines)
        case .zstandard:
            var packed: [UInt8] = []
            var compressor = BlockCompressor(.zstandard(level: 3))
            try compressor.compress(lines.span, into: &packed)
            return packed
        }
    }

    /// The user's fields stand in `user`, the others in `properties`.
    private static func enveloped(_ lines: [UInt8]) throws -> [UInt8] {
        let events = try lines.split(separator: UInt8(ascii: "\n")).map { line -> JSONValue in
            let event = try JSONValue(parsing: String(decoding: line, as: UTF8.self))
            guard case .object(let members) = event else { throw BenchmarkFailure("an event is an object") }
            let top: Set = ["event_type", "id", "time"]
            let users: Set = ["user_id", "external_user_id", "device_id", "timezone"]
            let user = members.filter { users.contains($0.key) }
            let properties = members.filter { !top.contains($0.key) && !users.contains($0.key) }
            return .object(
                members.filter { top.contains($0.key) } + [
                    JSONValue.Member("user", .object(user)), JSONValue.Member("properties", .object(properties)),
                ]
            )
        }
        var body: [UInt8] = []
        JSONValue.object([JSONValue.Member("events", .array(events))]).append(to: &body)
        return body
    }

    private static func packed(_ lines: [UInt8]) throws -> [UInt8] {
        guard let compressor = unsafe libdeflate_alloc_compressor(6) else { throw BenchmarkFailure("no memory") }
        defer { unsafe libdeflate_free_compressor(compressor) }
        let room = unsafe libdeflate_gzip_compress_bound(compressor, lines.count)
        return unsafe [UInt8](unsafeUninitializedCapacity: room) { out, count in
            count = unsafe lines.withUnsafeBytes { lines in
                unsafe libdeflate_gzip_compress(compressor, lines.baseAddress, lines.count, out.baseAddress, room)
            }
        }
    }
}
