internal import CloudHTTP
internal import Delivery
internal import Platform

/// Workload identity federation: a token that somebody else vouches with is exchanged for one of Google's, and that, if
/// wanted, for a service account's.
struct GoogleFederation: Decodable, Sendable {
    /// Where the other one's token comes from.
    struct Source: Decodable, Sendable {
        struct Format: Decodable, Sendable {
            let type: String
            let field: String?

            enum CodingKeys: String, CodingKey {
                case type
                case field = "subject_token_field_name"
            }
        }

        let file: String?
        let url: String?
        let headers: [String: String]?
        let format: Format?
        let environment: String?
        let regionURL: String?
        let verificationURL: String?
        let sessionTokenURL: String?

        enum CodingKeys: String, CodingKey {
            case file, url, headers, format
            case environment = "environment_id"
            case regionURL = "region_url"
            case verificationURL = "regional_cred_verification_url"
            case sessionTokenURL = "imdsv2_session_token_url"
        }
    }

    struct Impersonation: Decodable, Sendable {
        let lifetime: Int?

        enum CodingKeys: String, CodingKey {
            case lifetime = "token_lifetime_seconds"
        }
    }

    private static let lifetime = 3_600
    private static let grant = "urn:ietf:params:oauth:grant-type:token-exchange"
    private static let wanted = "urn:ietf:params:oauth:token-type:access_token"
    /// What it takes to act as a service account.
    private static let platformScope = "https://www.googleapis.com/auth/cloud-platform"

    let audience: String
    let subjectTokenType: String
    let tokenURL: String
    let source: Source
    let impersonationURL: String?
    let impersonation: Impersonation?

    enum CodingKeys: String, CodingKey {
        case audience
        case subjectTokenType = "subject_token_type"
        case tokenURL = "token_url"
        case source = "credential_source"
        case impersonationURL = "service_account_impersonation_url"
        case impersonation = "service_account_impersonation"
    }

    func lease(_ tokens: GoogleTokens) async throws(DestinationError) -> CredentialLease<GoogleAuthorization> {
        let fields = [
            ("grant_type", Self.grant),
            ("audience", audience),
            ("scope", impersonationURL == nil ? GoogleSurroundings.scope : Self.platformScope),
            ("requested_token_type", Self.wanted),
            ("subject_token", try await subjectToken(tokens)),
            ("subject_token_type", subjectTokenType),
        ]
        let federated = try await tokens.token(tokenURL, fields, of: .federation(audience: audience))
        guard let impersonationURL else { return federated }
        let lifetime = impersonation?.lifetime ?? Self.lifetime
        return try await tokens.impersonate(impersonationURL, with: federated.value, lifetime: lifetime)
    }

    func subjectToken(_ tokens: GoogleTokens) async throws(DestinationError) -> String {
        let surroundings = tokens.surroundings
        if let environment = source.environment {
            guard environment == "aws1" else {
                throw GoogleCredentialText.problem(tokens.place, "expected environment_id aws1, found \(environment)")
            }
            return try await FederationFromAWS(source: source, audience: audience, tokens: tokens).subjectToken()
        }
        if let file = source.file { return try read(try await surroundings.text(of: file), from: file, tokens) }
        guard let url = source.url else {
            throw GoogleCredentialText.problem(
                tokens.place,
                "credential_source has neither file, url nor environment_id; executable and certificate are not known here"
            )
        }
        let headers = (source.headers ?? [:]).sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        let response = try await surroundings.transport.exchange(CloudRequest("GET", url, headers: headers))
        guard response.isSuccess else {
            let now = surroundings.platform.clock.now()
            throw DestinationError(
                .denied,
                "Google credentials in \(tokens.place): \(url) gives no token (\(response.status), \(response.excerpt))",
                remedy: .retry(after: response.retryAfter(now: now))
            )
        }
        return try read(String(decoding: response.body, as: UTF8.self)[...].trimmed, from: url, tokens)
    }

    /// The token as it stands there, or a field of JSON.
    private func read(_ text: String, from origin: String, _ tokens: GoogleTokens) throws(DestinationError) -> String {
        var token: String? = text
        if source.format?.type == "json" {
            let fields = CloudJSON.decode([String: LenientText].self, from: Array(text.utf8))
            token = source.format?.field.flatMap { fields?[$0]?.text }
        }
        guard let token, !token.isEmpty else {
            let field = source.format?.field.map { " in the field \($0)" } ?? ""
            throw GoogleCredentialText.problem(tokens.place, "\(origin) holds no token\(field)")
        }
        return token
    }

    /// A text, or something else that is of no interest.
    private struct LenientText: Decodable {
        let text: String?

        init(from decoder: any Decoder) throws {
            text = try? decoder.singleValueContainer().decode(String.self)
        }
    }
}
