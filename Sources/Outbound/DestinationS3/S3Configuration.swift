package import CloudHTTP
package import Delivery

/// Where a connector to S3, or to a store that speaks its protocol, writes, and how.
package struct S3Configuration: Sendable, Hashable {
    /// How the store keeps the bytes at rest.
    package enum Encryption: Sendable, Hashable {
        /// What the bucket says.
        case bucketDefault
        /// With keys of S3.
        case s3
        /// With a key of KMS; nil: the account's own for S3.
        case kms(keyID: String?)
    }

    /// How it is made sure that nothing is overwritten.
    package enum CreateOnly: String, Sendable, Hashable, CaseIterable {
        /// The store refuses the put itself, by `If-None-Match`. Until it says that it cannot.
        case ifNoneMatch = "if_none_match"
        /// Looks first, then puts: for stores that ignore the header without saying so.
        case headFirst = "head_first"
    }

    package struct Tag: Sendable, Hashable {
        package var key: String
        package var value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    package static let regionWithEndpoint = "us-east-1"
    package static let tagsMax = 10

    package var bucket: String
    package var region: String
    /// Nil: Amazon's for the region.
    package var endpoint: CloudEndpoint?
    /// The bucket in the path rather than in the host's name.
    package var isPathStyle: Bool
    package var encryption = Encryption.bucketDefault
    package var storageClass: String?
    package var tags: [Tag] = []
    package var createOnly = CreateOnly.ifNoneMatch
    package var credentials = AWSCredentialSettings.chain
    package var role: AWSRole?

    /// Unless said otherwise, the bucket stands in the host's name, as Amazon wants it, where that can be had: not
    /// with an endpoint of one's own, nor with dots in the bucket's name, which no certificate covers.
    package init(bucket: String, region: String, endpoint: CloudEndpoint? = nil, isPathStyle: Bool? = nil) {
        self.bucket = bucket
        self.region = region
        self.endpoint = endpoint
        self.isPathStyle = isPathStyle ?? (endpoint != nil || bucket.contains("."))
    }

    /// The same text for the same place.
    package var location: String {
        endpoint.map { "s3://\($0.authority)\($0.path)/\(bucket)" } ?? "s3://\(bucket)"
    }

    /// Whether it may be a bucket's name: Amazon's rule, or with an endpoint the wider one of other stores.
    package static func isBucket(_ name: String, atEndpoint: Bool) -> Bool {
        let bytes = Array(name.utf8)
        guard (3...(atEndpoint ? 255 : 63)).contains(bytes.count), let first = bytes.first, let last = bytes.last else {
            return false
        }
        let isPlain = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): atEndpoint
            default: false
            }
        }
        return isPlain(first) && isPlain(last)
            && bytes.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    /// Whether the store takes it: letters, digits, spaces and `+ - = . _ : / @`.
    package static func isTag(_ tag: Tag) -> Bool {
        let isPlain = (tag.key + tag.value).allSatisfy { $0.isLetter || $0.isNumber || " +-=._:/@".contains($0) }
        return isPlain && (1...128).contains(tag.key.count) && tag.value.count <= 256
    }

    package func validate() throws(DeliveryError) {
        guard Self.isBucket(bucket, atEndpoint: endpoint != nil) else {
            throw DeliveryError(.settings, "destination.bucket: \(bucket) cannot be the name of a bucket")
        }
        guard !region.isEmpty else { throw DeliveryError(.settings, "destination.region: is missing") }
        guard tags.count <= Self.tagsMax, tags.allSatisfy(Self.isTag) else {
            throw DeliveryError(
                .settings,
                "destination.tags: an object has at most \(Self.tagsMax) tags of letters, digits, spaces and + - = . _ : / @"
            )
        }
    }

    /// The host that answers for the region where no endpoint is given.
    ///
    /// China has a domain of its own.
    static func host(service: String, region: String) -> String {
        "\(service).\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
    }
}
