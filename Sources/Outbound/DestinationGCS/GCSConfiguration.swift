package import CloudHTTP
package import Delivery

/// Where a connector to Google Cloud Storage writes, and how.
package struct GCSConfiguration: Sendable, Hashable {
    /// How often objects are expected to be read; every class can be read at once.
    package enum StorageClass: String, Sendable, Hashable, CaseIterable {
        case standard
        case nearline
        case coldline
        case archive

        var name: String { rawValue.uppercased() }
    }

    package static let google = CloudEndpoint(host: "storage.googleapis.com")

    package var bucket: String
    /// Nil: Google's.
    package var endpoint: CloudEndpoint?
    /// Nil: what the bucket says.
    package var storageClass: StorageClass?
    /// A key of Cloud KMS that the objects are encrypted with; nil: what the bucket says.
    package var kmsKey: String?
    package var credentials = GoogleCredentialSettings.chain

    package init(bucket: String, endpoint: CloudEndpoint? = nil) {
        self.bucket = bucket
        self.endpoint = endpoint
    }

    /// The same text for the same place.
    package var location: String {
        endpoint.map { "gs://\($0.authority)\($0.path)/\(bucket)" } ?? "gs://\(bucket)"
    }

    /// Whether it may be a bucket's name: 3 to 63 characters, with dots up to 222.
    package static func isBucket(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        let isPlain = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: false
            }
        }
        guard (3...(name.contains(".") ? 222 : 63)).contains(bytes.count), let first = bytes.first,
            let last = bytes.last, isPlain(first), isPlain(last)
        else { return false }
        return bytes.allSatisfy { isPlain($0) || "-_.".utf8.contains($0) }
    }

    package static let kmsKeyForm = "projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY"

    package static func isKMSKey(_ name: String) -> Bool {
        name.wholeMatch(of: /projects\/[^\/\s]+\/locations\/[^\/\s]+\/keyRings\/[^\/\s]+\/cryptoKeys\/[^\/\s]+/) != nil
    }

    package func validate() throws(DeliveryError) {
        guard Self.isBucket(bucket) else {
            throw DeliveryError(.settings, "destination.bucket: \(bucket) cannot be the name of a bucket")
        }
        if let kmsKey, !Self.isKMSKey(kmsKey) {
            throw DeliveryError(.settings, "destination.kms_key: expected \(Self.kmsKeyForm), found \(kmsKey)")
        }
    }
}
