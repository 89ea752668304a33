import CloudHTTP
package import Delivery
package import DestinationGCS

/// A bucket of Google Cloud Storage, or of an emulator of it.
package struct GCSDestinationPart: DestinationPart {
    package static let type = "gcs"
    package static let defaults = DestinationDefaults.objectStore
    package static let kind = DestinationKind.gcs

    package let configuration: GCSConfiguration
    /// Of the environment what credentials are looked for in.
    private let variables: [String: String]

    package var location: String { configuration.location }

    package func makeDestination(
        connector id: String,
        in surroundings: DestinationSurroundings
    ) throws -> Destination {
        try configuration.validate()
        return .objects(
            GCSDestination(
                configuration,
                variables: variables,
                transport: surroundings.transport,
                platform: surroundings.platform
            )
        )
    }

    package init?(_ section: ConfigurationSection, folder: String) {
        variables = section.reading.environment.filter { name, _ in
            ["GOOGLE_", "GCE_METADATA_", "AWS_"].contains(where: name.hasPrefix)
                || ["HOME", "CLOUDSDK_CONFIG"].contains(name)
        }
        let bucket = section.required("bucket", expected: "the bucket's name")
        if let bucket, !GCSConfiguration.isBucket(bucket) {
            let message = "expected the bucket's name, 3 to 63 lower-case letters, digits, - _ and ."
            section.report(message, key: "bucket", line: section.lineOf("bucket"))
        }
        section.refuseObjectPrefix()
        var configuration = GCSConfiguration(
            bucket: bucket ?? "",
            endpoint: section.value("endpoint", expected: "an address such as http://127.0.0.1:4443") {
                CloudEndpoint($0)
            }
        )
        configuration.storageClass = section.choice(
            "storage_class",
            of: GCSConfiguration.StorageClass.allCases.map { ($0.rawValue, $0) }
        )
        configuration.kmsKey = section.value("kms_key", expected: GCSConfiguration.kmsKeyForm) {
            GCSConfiguration.isKMSKey($0) ? $0 : nil
        }
        configuration.credentials = Self.credentials(section, folder: folder)
        self.configuration = configuration
        guard bucket != nil else { return nil }
    }

    private enum CredentialKind: String, CaseIterable {
        case chain = "default"
        case file
        case json
        case metadata
        case none

        /// Those that one word says all of.
        static let short: [CredentialKind] = [.chain, .metadata, .none]
    }

    /// `credentials: metadata` or `credentials: {file: key.json}`.
    private static func credentials(_ section: ConfigurationSection, folder: String) -> GoogleCredentialSettings {
        let words = { (kinds: [CredentialKind]) in kinds.map { (word: $0.rawValue, value: $0) } }
        if section.isText("credentials") {
            let keys = "{file: …} or {json: …}"
            let kind = section.choice("credentials", default: .chain, of: words(CredentialKind.short), or: keys)
            return settings(kind, nil, folder: folder)
        }
        return section.section("credentials") { section in
            let telling: [(key: String, value: CredentialKind)] = [
                ("file", .file), ("json", .json), ("account", .metadata),
            ]
            let kind = section.kind(default: .chain, of: words(CredentialKind.allCases), told: telling)
            return settings(kind, section, folder: folder)
        }
    }

    private static func settings(
        _ kind: CredentialKind,
        _ section: ConfigurationSection?,
        folder: String
    ) -> GoogleCredentialSettings {
        let line = section?.lineOf(kind.rawValue)
        switch kind {
        case .chain: return .chain
        case .none: return .none
        case .metadata:
            return .metadata(account: section?.string("account", expected: "a service account's address"))
        case .file:
            guard let path = section?.required("file", expected: "a file of credentials as Google makes it") else {
                return .chain
            }
            if path.contains("{") {
                section?.report("expected the path of a file; its text stands under json", key: "file", line: line)
            }
            return .file(ConfigurationPath.absolute(path, in: folder))
        case .json:
            guard let text = section?.required("json", expected: "the text of such a file, best as ${NAME}") else {
                return .chain
            }
            if let complaint = GoogleCredentialSettings.complaint(about: text) {
                section?.report(complaint, key: "json", line: line)
            }
            return .text(text)
        }
    }
}
