internal import Journal

/// The kind of a destination, as it stands in keys and in the names of schemas.
package enum DestinationKind: String, Sendable, Hashable, CaseIterable {
    case local = "Local"
    case s3 = "S3"
    case gcs = "GCS"
    case azureBlob = "AzureBlob"
    case kafka = "Kafka"
    case http = "HTTP"
}

/// A folder of an object key that a connector may have or leave out.
package enum KeyPart: String, Sendable, Hashable, CaseIterable {
    case root
    case type
    case date
    case version
    case environment
}

/// How a connector names its objects.
package struct KeySettings: Sendable, Hashable {
    package static let keyBytesMax = 1_000

    package var prefix: String
    package var parts: [KeyPart]
    package var cluster: String
    package var environment: String
    /// What stands for the connector's id; nil: the id itself.
    var connector: String?
    /// A folder beside the prefix, such as `test` or `replay/1`: objects there are no part of what a loader is given.
    var beside: String?

    /// What keys begin with.
    var folder: String { beside.map { "\(prefix).\($0)" } ?? prefix }

    package init(
        prefix: String = "",
        parts: [KeyPart] = KeyPart.allCases,
        cluster: String = "courant",
        environment: String = "default"
    ) {
        self.prefix = prefix
        self.parts = parts
        self.cluster = cluster
        self.environment = environment
    }

    package func validate() throws(DeliveryError) {
        guard parts.contains(.type) else {
            throw DeliveryError(.settings, "key.parts must contain type: a file holds one event type")
        }
        guard Set(parts).count == parts.count else {
            throw DeliveryError(.settings, "key.parts names a part twice")
        }
        try Self.validate(segment: cluster, named: "key.cluster")
        try Self.validate(segment: environment, named: "key.environment")
        guard !prefix.isEmpty else { return }
        for segment in prefix.split(separator: "/", omittingEmptySubsequences: false) {
            try Self.validate(segment: String(segment), named: "key.prefix")
        }
        guard prefix.utf8.count <= 400 else { throw DeliveryError(.settings, "key.prefix is longer than 400 bytes") }
    }

    /// A name that every file system and object store keeps as it is.
    static func validate(segment: String, named name: String) throws(DeliveryError) {
        let isPlain = segment.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "="): true
            default: false
            }
        }
        guard isPlain, !segment.isEmpty, segment.utf8.count <= 128, segment.utf8.first != UInt8(ascii: ".") else {
            throw DeliveryError(
                .settings,
                "\(name): “\(segment)” may have letters, digits and . _ - = only, must not begin with a dot, "
                    + "and each part has 1 to 128 of them"
            )
        }
    }
}

/// Makes the keys of one connector.
struct KeyMaker: Sendable {
    let settings: KeySettings
    /// What folder and file name begin with: `dataexport.<cluster>.<kind>.integration.<connector id>`.
    let root: String

    init(settings: KeySettings, kind: DestinationKind, connector: String) {
        self.settings = settings
        root = "dataexport.\(settings.cluster).\(kind.rawValue).integration.\(settings.connector ?? connector)"
    }

    /// Stands for the edition of system types, which have none: loaders read an empty folder value as missing.
    static let noEdition = "system"

    func key(type: String, edition: String, hour: Hour, partition: PartitionID, first: Offset) -> String {
        var folders: [String] = settings.folder.isEmpty ? [] : [settings.folder]
        for part in settings.parts {
            switch part {
            case .root: folders.append(root)
            case .type: folders.append("event_type=\(type)")
            case .date: folders.append("date=\(hour.text)")
            case .version: folders.append("version=\(edition.isEmpty ? Self.noEdition : edition)")
            case .environment: folders.append(settings.environment)
            }
        }
        folders.append("\(root)+\(partition.rawValue)+\(first.rawValue).avro")
        return folders.joined(separator: "/")
    }
}
