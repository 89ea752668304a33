internal import CloudHTTP
internal import Crypto
internal import Delivery
internal import Platform

/// The requests that landing takes, unsigned.
struct S3Request: Sendable {
    /// The plan's tag in the object's metadata.
    static let planHeader = "x-amz-meta-courant-plan"
    /// The CRC-32 of the bytes that were sent, in the object's metadata: later it tells whether the store kept them.
    static let sentHeader = "x-amz-meta-courant-crc32"
    static let checksumHeader = "x-amz-checksum-crc32"

    let configuration: S3Configuration

    func put(_ object: LandingObject, ifNoneMatch: Bool) -> CloudRequest {
        let checksum = Self.text(object.checksum)
        var headers: [(name: String, value: String)] = [
            ("Content-Type", "application/avro"),
            // As the SDKs send it: some stores take the checksum for one only beside this.
            ("x-amz-sdk-checksum-algorithm", "CRC32"),
            (Self.checksumHeader, checksum),
            (Self.planHeader, object.plan.json),
            (Self.sentHeader, checksum),
        ]
        if ifNoneMatch { headers.append(("If-None-Match", "*")) }
        switch configuration.encryption {
        case .bucketDefault: break
        case .s3: headers.append(("x-amz-server-side-encryption", "AES256"))
        case .kms(let keyID):
            headers.append(("x-amz-server-side-encryption", "aws:kms"))
            if let keyID { headers.append(("x-amz-server-side-encryption-aws-kms-key-id", keyID)) }
        }
        if let storageClass = configuration.storageClass { headers.append(("x-amz-storage-class", storageClass)) }
        if !configuration.tags.isEmpty {
            headers.append(("x-amz-tagging", PercentEncoding.form(configuration.tags.map { ($0.key, $0.value) })))
        }
        return CloudRequest(
            "PUT",
            url(object.key),
            headers: headers,
            body: .object(object),
            deadline: CloudRequest.deadline(bytes: object.size)
        )
    }

    func head(_ key: String) -> CloudRequest {
        CloudRequest("HEAD", url(key), headers: [("x-amz-checksum-mode", "ENABLED")])
    }

    func get(_ key: String, bytesMax: Int) -> CloudRequest {
        CloudRequest("GET", url(key), responseBytesMax: bytesMax)
    }

    func delete(_ key: String) -> CloudRequest { CloudRequest("DELETE", url(key)) }

    /// The shortest request whose refusal has a body that says why.
    func firstByte(_ key: String) -> CloudRequest {
        CloudRequest("GET", url(key), headers: [("Range", "bytes=0-0")])
    }

    func url(_ key: String) -> String {
        var endpoint =
            configuration.endpoint
            ?? CloudEndpoint(host: S3Configuration.host(service: "s3", region: configuration.region))
        if configuration.isPathStyle {
            endpoint.path += "/" + configuration.bucket
        } else {
            endpoint.host = configuration.bucket + "." + endpoint.host
        }
        return endpoint.url + "/" + PercentEncoding.encode(key, keepingSlash: true)
    }

    /// What stands for the body in the signature.
    ///
    /// Over TLS nobody can change the body on its way, and the store checks the CRC-32, which is signed: hashing it
    /// would cost a second pass over the file for nothing. Without TLS the signature is all there is, so the body's
    /// SHA-256 is part of it.
    func payload(_ request: CloudRequest) async throws(DestinationError) -> String {
        switch request.body {
        case .bytes(let bytes): return AWSSigning.payload(bytes)
        case .object(let object, _, _):
            guard !request.url.hasPrefix("https:") else { return AWSSigning.unsignedPayload }
            let hash = try await object.digested(by: SHA256()) { hash, piece in hash.update(data: piece) }
            return Hex.text(Array(hash.finalize()))
        }
    }

    /// The CRC-32 as S3 writes it: big-endian, Base64.
    static func text(_ checksum: ObjectChecksum) -> String {
        let value = checksum.crc32
        return Base64.encode([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) })
    }
}
