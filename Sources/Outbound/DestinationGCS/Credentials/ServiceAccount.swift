internal import CloudHTTP
internal import Platform
internal import _CryptoExtras

/// A service account's key, as in the file that Google gives out once.
struct ServiceAccount: Decodable, Sendable {
    static let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    /// Google's own token service.
    static let google = "https://oauth2.googleapis.com/token"
    /// The longest that Google accepts.
    private static let lifetime: Int64 = 3_600

    let email: String
    let privateKey: String
    let keyID: String?
    let tokenURI: String

    enum CodingKeys: String, CodingKey {
        case email = "client_email"
        case privateKey = "private_key"
        case keyID = "private_key_id"
        case tokenURI = "token_uri"
    }

    private struct Header: Encodable {
        let alg = "RS256"
        let typ = "JWT"
        let kid: String?
    }

    private struct Claims: Encodable {
        let iss: String
        let scope: String
        let aud: String
        let iat: Int64
        let exp: Int64
    }

    /// A JSON Web Token by which the account asks for an access token, signed with its key.
    func assertion(scope: String, now: Timestamp) throws(CredentialProblem) -> String {
        let claims = Claims(iss: email, scope: scope, aud: tokenURI, iat: now.seconds, exp: now.seconds + Self.lifetime)
        let parts = [CloudJSON.encode(Header(kid: keyID)), CloudJSON.encode(claims)]
        let signed = parts.map { Base64.encode($0, .url) }.joined(separator: ".")
        do {
            let key = try _RSA.Signing.PrivateKey(pemRepresentation: privateKey)
            let signature = try key.signature(for: Array(signed.utf8), padding: .insecurePKCS1v1_5)
            return "\(signed).\(Base64.encode(Array(signature.rawRepresentation), .url))"
        } catch {
            // What the library says could show parts of the key.
            throw CredentialProblem(message: "private_key is not an RSA key of at least 2048 bits in PEM")
        }
    }
}

/// Why credentials are of no use; shows nothing of them.
struct CredentialProblem: Error {
    let message: String
}
