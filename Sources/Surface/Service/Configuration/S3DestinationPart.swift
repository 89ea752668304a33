import CloudHTTP
package import Delivery
package import DestinationS3

/// A bucket of S3, or of a store that speaks its protocol.
package struct S3DestinationPart: DestinationPart {
    package static let type = "s3"
    package static let defaults = DestinationDefaults.objectStore
    package static let kind = DestinationKind.s3

    package let configuration: S3Configuration
    /// Of the environment what credentials are looked for in.
    private let variables: [String: String]

    package var location: String { configuration.location }

    package func makeDestination(
        connector id: String,
        in surroundings: DestinationSurroundings
    ) throws -> Destination {
        try configuration.validate()
        return .objects(
            S3Destination(
                configuration,
                variables: variables,
                transport: surroundings.transport,
                platform: surroundings.platform
            )
        )
    }

    package init?(_ section: ConfigurationSection, folder: String) {
        let environment = section.reading.environment
        variables = environment.filter { $0.key.hasPrefix("AWS_") || $0.key == "HOME" }
        let endpoint = section.value("endpoint", expected: "an address such as https://minio.example.com:9000") {
            CloudEndpoint($0)
        }
        let names =
            endpoint == nil
            ? "3 to 63 lower-case letters, digits, . and -" : "3 to 255 letters, digits, . _ and -"
        let bucket = section.required("bucket", expected: "the bucket's name, \(names)")
        if let bucket, !S3Configuration.isBucket(bucket, atEndpoint: endpoint != nil) {
            section.report("expected the bucket's name, \(names)", key: "bucket", line: section.lineOf("bucket"))
        }
        let region =
            section.value("region", expected: "a region such as eu-central-1", Self.region)
            ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"]
            ?? (endpoint == nil ? nil : S3Configuration.regionWithEndpoint)
        if region == nil, !section.has("region") {
            let message = "is missing; expected a region such as eu-central-1, here or in AWS_REGION"
            section.report(message, key: "region", line: section.lineOf("region"))
        }
        section.refuseObjectPrefix()
        let isPathStyle = section.value("path_style", expected: "true or false") { Bool($0) }
        var configuration = S3Configuration(
            bucket: bucket ?? "",
            region: region ?? "",
            endpoint: endpoint,
            isPathStyle: isPathStyle
        )
        configuration.encryption = Self.encryption(section)
        configuration.storageClass = section.value("storage_class", expected: "a class such as STANDARD_IA") { text in
            text.allSatisfy { $0.isASCII && ($0.isUppercase || $0.isNumber || $0 == "_") } && !text.isEmpty ? text : nil
        }
        configuration.tags = Self.tags(section)
        configuration.createOnly = section.choice(
            "create_only",
            default: .ifNoneMatch,
            of: S3Configuration.CreateOnly.allCases.map { ($0.rawValue, $0) }
        )
        configuration.credentials = Self.credentials(section, folder: folder)
        configuration.role = Self.role(section)
        self.configuration = configuration
        guard bucket != nil, region != nil else { return nil }
    }

    private static func region(_ text: String) -> String? {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
        return isPlain && !text.isEmpty ? text : nil
    }

    /// `encryption: s3` or `encryption: {type: kms, key_id: …}`.
    private static func encryption(_ section: ConfigurationSection) -> S3Configuration.Encryption {
        let words: [(word: String, value: S3Configuration.Encryption)] = [
            ("bucket_default", .bucketDefault), ("s3", .s3), ("kms", .kms(keyID: nil)),
        ]
        if section.isText("encryption") { return section.choice("encryption", default: .bucketDefault, of: words) }
        return section.section("encryption") { section in
            let encryption = section.choice("type", default: .bucketDefault, of: words)
            guard encryption == .kms(keyID: nil) else { return encryption }
            return .kms(keyID: section.value("key_id", expected: "a key's id or ARN") { $0.isEmpty ? nil : $0 })
        }
    }

    /// `tags: [team=data, cost=42]`.
    private static func tags(_ section: ConfigurationSection) -> [S3Configuration.Tag] {
        let expected = "key=value of letters, digits, spaces and + - = . _ : / @ (key up to 128, value up to 256)"
        let found = section.strings("tags", expected: expected)
        if found.count > S3Configuration.tagsMax {
            let message = "expected at most \(S3Configuration.tagsMax) tags, found \(found.count)"
            section.report(message, key: "tags", line: section.lineOf("tags"))
        }
        return found.compactMap { item in
            let parts = item.value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let tag = S3Configuration.Tag(key: String(parts[0]), value: parts.count == 2 ? String(parts[1]) : "")
            guard parts.count == 2, S3Configuration.isTag(tag) else {
                section.report("expected \(expected), found \(item.kind)", key: item.key, line: item.line)
                return nil
            }
            return tag
        }
    }

    private enum CredentialKind: String, CaseIterable {
        case chain = "default"
        case fixed = "static"
        case environment
        case profile
        case webIdentity = "web_identity"
        case container
        case instance
    }

    /// `credentials: profile` or `credentials: {type: static, access_key_id: …, secret_access_key: …}`.
    private static func credentials(_ section: ConfigurationSection, folder: String) -> AWSCredentialSettings {
        let words = CredentialKind.allCases.map { (word: $0.rawValue, value: $0) }
        if section.isText("credentials") {
            // Keys do not fit into one word.
            let short = words.filter { $0.value != .fixed }
            let keys = "{access_key_id: …, secret_access_key: …}"
            return settings(section.choice("credentials", default: .chain, of: short, or: keys), nil, folder: folder)
        }
        return section.section("credentials") { section in
            let telling: [(key: String, value: CredentialKind)] = [
                ("access_key_id", .fixed), ("secret_access_key", .fixed), ("session_token", .fixed),
                ("profile", .profile), ("file", .profile), ("role_arn", .webIdentity), ("token_file", .webIdentity),
            ]
            return settings(section.kind(default: .chain, of: words, told: telling), section, folder: folder)
        }
    }

    private static func settings(
        _ kind: CredentialKind,
        _ section: ConfigurationSection?,
        folder: String
    ) -> AWSCredentialSettings {
        let path = { (key: String) in
            section?.string(key, expected: "a file").map { ConfigurationPath.absolute($0, in: folder) }
        }
        switch kind {
        case .chain: return .chain
        case .environment: return .environment
        case .container: return .container
        case .instance: return .instance
        case .profile:
            return .profile(name: section?.string("profile", expected: "a profile's name"), file: path("file"))
        case .webIdentity:
            let role = section?.string("role_arn", expected: "a role's ARN")
            return .webIdentity(role: role, tokenFile: path("token_file"))
        case .fixed:
            let id = section?.required("access_key_id", expected: "an access key id")
            let secret = section?.required("secret_access_key", expected: "the key's secret, best as ${NAME}")
            let token = section?.string("session_token")
            guard let id, let secret else { return .chain }
            return .fixed(AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token))
        }
    }

    /// `assume_role: {role_arn: …, external_id: …}`.
    private static func role(_ section: ConfigurationSection) -> AWSRole? {
        guard section.has("assume_role") else { return section.section("assume_role") { _ in nil } }
        return section.section("assume_role") { section in
            let arn = section.required("role_arn", expected: "a role's ARN")
            let externalID = section.string("external_id")
            let name = section.string("session_name", default: "courant", expected: "a name for the role's session")
            let duration = section.duration(
                "duration",
                default: .seconds(3_600),
                example: "1h",
                atLeast: .seconds(900),
                atMost: .seconds(43_200)
            )
            guard let arn else { return nil }
            return AWSRole(arn: arn, externalID: externalID, sessionName: name, duration: duration)
        }
    }
}
