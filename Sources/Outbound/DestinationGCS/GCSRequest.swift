internal import CloudHTTP
internal import Delivery
internal import Platform

/// The requests of the JSON API that landing takes, not yet authorized.
struct GCSRequest: Sendable {
    /// The plan's tag in the object's metadata.
    static let planKey = "courant-plan"
    /// The CRC-32C of the bytes that were sent, in the object's metadata: later it tells whether the store kept them.
    static let sentKey = "courant-crc32c"

    private static let contentType = "application/avro"

    /// An object's resource, as far as it is written or read here.
    struct Resource: Codable, Sendable {
        var contentType: String?
        /// Big-endian, in Base64.
        var crc32c: String?
        var metadata: [String: String]?
        /// A number as text; the store's to tell.
        var size: String?
        var storageClass: String?
    }

    let configuration: GCSConfiguration

    /// One create-only upload of metadata and content together, as `multipart/related`.
    ///
    /// A media upload could not carry metadata, and to add it in a second request would leave a time in which the
    /// object names no plan. A resumable one takes at least two requests and leaves a session behind.
    func put(_ object: LandingObject, crc32c: String, boundary: String) -> CloudRequest {
        var query = [("uploadType", "multipart"), ("ifGenerationMatch", "0"), ("name", object.key)]
        if let key = configuration.kmsKey { query.append(("kmsKeyName", key)) }
        let resource = Resource(
            contentType: Self.contentType,
            crc32c: crc32c,
            metadata: [Self.planKey: object.plan.json, Self.sentKey: crc32c],
            storageClass: configuration.storageClass?.name
        )
        let head =
            Array("--\(boundary)\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".utf8)
            + CloudJSON.encode(resource)
            + Array("\r\n--\(boundary)\r\nContent-Type: \(Self.contentType)\r\n\r\n".utf8)
        return CloudRequest(
            "POST",
            "\(endpoint)/upload/storage/v1/b/\(configuration.bucket)/o?\(PercentEncoding.form(query))",
            headers: [("Content-Type", "multipart/related; boundary=\(boundary)")],
            body: .object(object, head: head, tail: Array("\r\n--\(boundary)--\r\n".utf8)),
            deadline: CloudRequest.deadline(bytes: object.size)
        )
    }

    func look(_ key: String) -> CloudRequest {
        CloudRequest("GET", url(key))
    }

    /// What refuses is read whole, however little of the object is wanted.
    func get(_ key: String, bytesMax: Int) -> CloudRequest {
        CloudRequest("GET", url(key) + "?alt=media", responseBytesMax: max(bytesMax, 64 << 10))
    }

    func delete(_ key: String) -> CloudRequest {
        CloudRequest("DELETE", url(key))
    }

    private var endpoint: String { (configuration.endpoint ?? GCSConfiguration.google).url }

    private func url(_ key: String) -> String {
        "\(endpoint)/storage/v1/b/\(configuration.bucket)/o/\(PercentEncoding.encode(key))"
    }

    /// The CRC-32C of the object's bytes, as the store wants and keeps it.
    ///
    /// It stands before the content, which costs a pass over the staged file: the plan's own checksum is a CRC-32 of
    /// another polynomial.
    static func crc32c(_ object: LandingObject) async throws(DestinationError) -> String {
        try await object.digested(by: CRC32C()) { sum, piece in sum.add(piece) }.base64
    }
}
