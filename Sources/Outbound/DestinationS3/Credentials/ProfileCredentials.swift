internal import CloudHTTP
internal import Delivery
internal import Platform

/// A profile of the shared files `~/.aws/credentials` and `~/.aws/config`.
///
/// The files are read again every half minute, and when the store refuses what stood there. As long as they stay as
/// they are, a role's credentials serve until they are due.
struct ProfileCredentials: CredentialPlace {
    /// A profile may name another to take its role with, and that one another.
    private static let depthMax = 4

    let surroundings: AWSSurroundings
    var name: String { "the profile \(profile) of \(credentialsFile ?? "~/.aws/credentials")" }

    private let profile: String
    /// Whether somebody asked for this profile, so that its absence is an error.
    private let isAskedFor: Bool
    private let credentialsFile: String?
    private let configFile: String?
    private let kept = KeptLease<AWSCredentials>()

    init(surroundings: AWSSurroundings, name: String? = nil, file: String? = nil) {
        let home = surroundings.variable("HOME")
        let named = name ?? surroundings.variable("AWS_PROFILE")
        self.surroundings = surroundings
        profile = named ?? "default"
        isAskedFor = named != nil || file != nil
        credentialsFile =
            file ?? surroundings.variable("AWS_SHARED_CREDENTIALS_FILE") ?? home.map { $0 + "/.aws/credentials" }
        configFile = surroundings.variable("AWS_CONFIG_FILE") ?? home.map { $0 + "/.aws/config" }
    }

    func look() async throws(DestinationError) -> CredentialLease<AWSCredentials>? {
        let (config, credentials) = (try await read(configFile), try await read(credentialsFile))
        let now = surroundings.platform.clock.now()
        return try await kept.lease(of: "\(config)\n[]\n\(credentials)", now: now) {
            () async throws(DestinationError) in
            try await lease(config: INIText(config), credentials: INIText(credentials))
        }
    }

    private func lease(
        config: INIText,
        credentials: INIText
    ) async throws(DestinationError) -> CredentialLease<AWSCredentials>? {
        let config = config.sections.map { section in
            // `[profile dev]` there is `[dev]` here.
            (name: section.name.hasPrefix("profile ") ? String(section.name.dropFirst(8)) : section.name, section.keys)
        }
        var profiles: [String: [String: String]] = [:]
        for (name, keys) in config + credentials.sections {
            profiles[name, default: [:]].merge(keys) { $1 }
        }
        guard profiles[profile] != nil else {
            guard isAskedFor else { return nil }
            let known = profiles.keys.sorted().joined(separator: ", ")
            throw problem("there is no such profile; there are: \(known.isEmpty ? "none" : known)")
        }
        return try await lease(profile, of: profiles, depth: 1)
    }

    private func lease(
        _ profile: String,
        of profiles: [String: [String: String]],
        depth: Int
    ) async throws(DestinationError) -> CredentialLease<AWSCredentials>? {
        guard let keys = profiles[profile] else { throw problem("source_profile \(profile) is not there") }
        guard depth <= Self.depthMax else { throw problem("its source_profile goes in a circle") }
        if let arn = keys["role_arn"], let file = keys["web_identity_token_file"] {
            return try await WebIdentityCredentials(surroundings: surroundings, role: arn, tokenFile: file).look()
        }
        if let arn = keys["role_arn"], let source = keys["source_profile"], source != profile {
            guard let base = try await lease(source, of: profiles, depth: depth + 1) else { return nil }
            let role = AWSRole(
                arn: arn,
                externalID: keys["external_id"],
                sessionName: keys["role_session_name"] ?? "courant"
            )
            return try await SecurityTokens(surroundings: surroundings).assume(role, with: base.value)
        }
        if let id = keys["aws_access_key_id"], let secret = keys["aws_secret_access_key"] {
            return CredentialLease(
                AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: keys["aws_session_token"])
            )
        }
        guard isAskedFor else { return nil }
        throw problem(
            "expected aws_access_key_id and aws_secret_access_key, or role_arn with source_profile or "
                + "web_identity_token_file, found \(keys.keys.sorted().joined(separator: ", "))"
        )
    }

    private func read(_ path: String?) async throws(DestinationError) -> String {
        let files = surroundings.platform.files
        do throws(FileError) {
            let bytes = try await surroundings.platform.onBlocking { () throws(FileError) -> [UInt8] in
                guard let path, try files.size(of: path) != nil else { return [] }
                return try files.read(path, bytesMax: 1 << 20)
            }
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw problem("\(error)")
        }
    }

    private func problem(_ words: String) -> DestinationError {
        DestinationError(.denied, "AWS profile \(profile): \(words)", remedy: .waitForChange)
    }
}

/// Sections of `key = value`, as in the shared files; comments begin with # or ;, indented lines belong to the key
/// above and mean nothing here.
struct INIText {
    private(set) var sections: [(name: String, keys: [String: String])] = []

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[" {
                let name = line.dropFirst().prefix { $0 != "]" }
                sections.append((name.split(whereSeparator: \.isWhitespace).joined(separator: " "), [:]))
            } else if let equals = line.firstIndex(of: "="), !sections.isEmpty {
                let key = line[..<equals].trimmed
                sections[sections.count - 1].keys[key] = line[line.index(after: equals)...].trimmed
            }
        }
    }
}
