internal import CloudHTTP
internal import Platform
internal import _CryptoExtras

/// The services that give out tokens: Google's token endpoint, the one for federation, that of service accounts, and a
/// machine's metadata server.
extension GCSDouble {
    package static let keyID = "double-key-1"
    package static let audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/o"
    /// The only token of others that is taken in exchange.
    package static let subjectToken = "a token of somebody else's"
    package static let refreshToken = "a user's refresh token"

    private static let scope = "https://www.googleapis.com/auth/devstorage.read_write"
    /// What Google's own client names, wherever it then goes.
    private static let audiences = ["https://oauth2.googleapis.com/token"]
    private static let skewMax = 300

    private struct KeyFile: Encodable {
        let type = "service_account"
        let projectID = "double"
        let keyID: String
        let privateKey: String
        let email: String
        let tokenURI: String

        enum CodingKeys: String, CodingKey {
            case type
            case projectID = "project_id"
            case keyID = "private_key_id"
            case privateKey = "private_key"
            case email = "client_email"
            case tokenURI = "token_uri"
        }
    }

    /// A service account's key file, for the double at that address.
    package func keyFile(address: String, email: String = GCSDouble.account, isForged: Bool = false) throws -> String {
        let key = isForged ? try _RSA.Signing.PrivateKey(keySize: .bits2048) : key
        let file = KeyFile(
            keyID: Self.keyID,
            privateKey: key.pkcs8PEMRepresentation,
            email: email,
            tokenURI: address + "/token"
        )
        return String(decoding: CloudJSON.encode(file), as: UTF8.self)
    }

    package var publicKey: String { key.publicKey.pemRepresentation }

    /// Nil: it is not about tokens.
    func tokenAnswer(
        _ request: DoubleServer.Request,
        path: String,
        _ query: [String: String],
        _ state: inout State
    ) -> DoubleServer.Answer? {
        let isForm = request.header("Content-Type") == "application/x-www-form-urlencoded"
        let form = isForm ? Self.fields(String(decoding: request.body, as: UTF8.self)) ?? [:] : [:]
        let answer: DoubleServer.Answer
        switch (request.method, path) {
        case ("POST", "/token"): answer = token(form, address: request.header("Host") ?? "", &state)
        case ("POST", "/v1/token"): answer = exchange(form, &state)
        case ("POST", "/v1/projects/-/serviceAccounts/\(Self.account):generateAccessToken"):
            answer = impersonate(request, &state)
        case ("GET", "/computeMetadata/v1/instance/service-accounts/default/token"):
            answer = machine(request, query, &state)
        default: return nil
        }
        guard case .refuse(let status, let reason, let message, let retryAfter) = state.tokenOutage else {
            return answer
        }
        return Self.error(status, reason, message, retryAfter: retryAfter)
    }

    private struct Header: Decodable {
        let alg: String
        let typ: String
        let kid: String?
    }

    private struct Claims: Decodable {
        let iss: String
        let aud: String
        let scope: String
        let iat: Int
        let exp: Int
    }

    private func token(_ form: [String: String], address: String, _ state: inout State) -> DoubleServer.Answer {
        switch form["grant_type"] {
        case "urn:ietf:params:oauth:grant-type:jwt-bearer": break
        case "refresh_token":
            guard form["refresh_token"] == Self.refreshToken, form["client_id"] == "c", form["client_secret"] == "s"
            else { return Self.invalid("Token has been expired or revoked.") }
            return give(&state)
        default:
            state.complaints.append("\(form["grant_type"] ?? "nothing") was asked for")
            return Self.invalid("grant_type")
        }
        let parts = (form["assertion"] ?? "").split(separator: ".")
        guard parts.count == 3, let header = decode(Header.self, parts[0]), let claims = decode(Claims.self, parts[1]),
            let signature = Base64.decode(parts[2])
        else {
            state.complaints.append("an assertion has not the form of one")
            return Self.invalid("Bad Request")
        }
        guard header.alg == "RS256", header.typ == "JWT", header.kid == Self.keyID, claims.iss == Self.account else {
            return Self.invalid("Invalid grant: account not found")
        }
        let isSigned = key.publicKey.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: signature),
            for: Array("\(parts[0]).\(parts[1])".utf8),
            padding: .insecurePKCS1v1_5
        )
        guard isSigned else { return Self.invalid("Invalid JWT Signature.") }
        let now = Int(clock.now().seconds)
        guard abs(claims.iat - now) <= Self.skewMax, claims.exp - claims.iat <= 3_600, claims.exp > now else {
            return Self.invalid(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your "
                    + "iat and exp values in the JWT claim.",
                date: CalendarTime(clock.now()).http
            )
        }
        guard "http://\(address)/token" == claims.aud || Self.audiences.contains(claims.aud),
            claims.scope == Self.scope
        else {
            state.complaints.append("an assertion is for \(claims.aud), \(claims.scope)")
            return Self.invalid("Invalid JWT: Failed audience check.")
        }
        return give(&state)
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ part: Substring) -> Value? {
        guard !part.contains("=") else { return nil }
        return Base64.decode(part).flatMap { CloudJSON.decode(type, from: $0) }
    }

    private func exchange(_ form: [String: String], _ state: inout State) -> DoubleServer.Answer {
        guard form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange",
            form["requested_token_type"] == "urn:ietf:params:oauth:token-type:access_token",
            form["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt", form["audience"] == Self.audience,
            form["scope"] == Self.scope || form["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        else {
            state.complaints.append("an exchange came with \(form.keys.sorted())")
            return Self.invalid("exchange")
        }
        guard form["subject_token"] == Self.subjectToken else {
            return Self.invalid("ID Token issued at 1 is stale to sign-in.")
        }
        return give(&state)
    }

    private struct Wish: Decodable {
        let scope: [String]
        let lifetime: String
    }

    private struct Impersonated: Encodable {
        let accessToken: String
        let expireTime: String
    }

    private func impersonate(_ request: DoubleServer.Request, _ state: inout State) -> DoubleServer.Answer {
        guard let authorization = request.header("Authorization"), authorization.hasPrefix("Bearer "),
            state.tokens.contains(String(authorization.dropFirst(7)))
        else { return Self.error(401, "UNAUTHENTICATED", "no valid token") }
        guard let wish = CloudJSON.decode(Wish.self, from: request.body), wish.scope == [Self.scope],
            wish.lifetime == "1200s"
        else {
            state.complaints.append("a service account's token was wished wrongly")
            return Self.error(400, "INVALID_ARGUMENT", "scope, lifetime")
        }
        let ends = CalendarTime(clock.now() + .seconds(1_200)).extended
        let body = CloudJSON.encode(Impersonated(accessToken: made(&state), expireTime: ends))
        return .respond(status: 200, headers: Self.json, body: body)
    }

    private func machine(
        _ request: DoubleServer.Request,
        _ query: [String: String],
        _ state: inout State
    ) -> DoubleServer.Answer {
        guard request.header("Metadata-Flavor") == "Google", query["scopes"] == Self.scope else {
            state.complaints.append("the metadata server was asked without its header, or for other scopes")
            return Self.error(403, "forbidden", "Metadata-Flavor")
        }
        return give(&state)
    }

    private struct Token: Encodable {
        let accessToken: String
        let expiresIn: Int
        let tokenType = "Bearer"

        enum CodingKeys: String, CodingKey {
            case accessToken = "access_token"
            case expiresIn = "expires_in"
            case tokenType = "token_type"
        }
    }

    private func give(_ state: inout State) -> DoubleServer.Answer {
        let token = Token(accessToken: made(&state), expiresIn: state.tokenLifetime)
        let headers = Self.json + [(name: "Metadata-Flavor", value: "Google")]
        return .respond(status: 200, headers: headers, body: CloudJSON.encode(token))
    }

    private func made(_ state: inout State) -> String {
        state.tokensGiven += 1
        let token = "ya29.double-\(state.tokensGiven)"
        state.tokens.insert(token)
        return token
    }

    private struct Invalid: Encodable {
        let error = "invalid_grant"
        let description: String

        enum CodingKeys: String, CodingKey {
            case error
            case description = "error_description"
        }
    }

    private static func invalid(_ description: String, date: String? = nil) -> DoubleServer.Answer {
        let headers = json + (date.map { [(name: "Date", value: $0)] } ?? [])
        return .respond(status: 400, headers: headers, body: CloudJSON.encode(Invalid(description: description)))
    }
}
