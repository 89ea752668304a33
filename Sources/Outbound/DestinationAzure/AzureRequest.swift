internal import CloudHTTP
internal import Crypto
internal import Delivery
internal import Platform

/// The requests that landing takes, not yet authorized.
struct AzureRequest: Sendable {
    // Names of metadata must be identifiers of C#: no dashes behind `x-ms-meta-`.

    /// The plan's tag in the blob's metadata.
    static let planHeader = "x-ms-meta-courant_plan"
    /// The MD5 of the bytes that were sent, in the blob's metadata: later it tells whether the store kept them.
    static let sentHeader = "x-ms-meta-courant_md5"
    static let checksumHeader = "Content-MD5"

    let configuration: AzureConfiguration

    func put(_ object: LandingObject, md5: String) -> CloudRequest {
        var headers: [(name: String, value: String)] = [
            ("Content-Type", "application/avro"),
            (Self.checksumHeader, md5),
            ("If-None-Match", "*"),
            ("x-ms-blob-type", "BlockBlob"),
            (Self.planHeader, object.plan.json),
            (Self.sentHeader, md5),
        ]
        if let tier = configuration.accessTier { headers.append(("x-ms-access-tier", tier.name)) }
        if let scope = configuration.encryptionScope { headers.append(("x-ms-encryption-scope", scope)) }
        return CloudRequest(
            "PUT",
            url(object.key),
            headers: headers,
            body: .object(object),
            deadline: CloudRequest.deadline(bytes: object.size)
        )
    }

    func head(_ key: String) -> CloudRequest {
        CloudRequest("HEAD", url(key))
    }

    func get(_ key: String, bytesMax: Int) -> CloudRequest {
        CloudRequest("GET", url(key), responseBytesMax: bytesMax)
    }

    func delete(_ key: String) -> CloudRequest {
        CloudRequest("DELETE", url(key))
    }

    func url(_ key: String) -> String {
        "\(configuration.endpoint.url)/\(configuration.container)/\(PercentEncoding.encode(key, keepingSlash: true))"
    }

    /// The MD5 of the object's bytes in Base64, as the service wants and keeps it.
    ///
    /// It has to be known before the first byte is sent, which costs a pass over the staged file. Azure's CRC-64 would
    /// cost the same, and the store forgets it once the put is done; the MD5 stays with the blob, so that whoever
    /// finds the blob later, an earlier attempt of ours above all, can tell what it is without reading it.
    static func md5(_ object: LandingObject) async throws(DestinationError) -> String {
        let hash = try await object.digested(by: Insecure.MD5()) { hash, piece in hash.update(data: piece) }
        return Base64.encode(Array(hash.finalize()))
    }
}
