internal import CloudHTTP
internal import Delivery
internal import Platform

/// The JSON that Google makes for programs: of a service account, of workload identity federation, or of a user.
struct GoogleCredentialText {
    private enum Kind {
        case serviceAccount(ServiceAccount)
        case user(User)
        case federation(GoogleFederation)
    }

    /// A user's, as `gcloud auth application-default login` makes it.
    struct User: Decodable {
        let clientID: String
        let clientSecret: String
        let refreshToken: String

        enum CodingKeys: String, CodingKey {
            case clientID = "client_id"
            case clientSecret = "client_secret"
            case refreshToken = "refresh_token"
        }
    }

    private struct Named: Decodable {
        let type: String
    }

    private let kind: Kind
    private let place: String

    /// Reads what stands at `place`; no message shows any of it.
    init(_ text: String, of place: String) throws(DestinationError) {
        self.place = place
        do throws(CredentialProblem) {
            kind = try Self.kind(of: text)
        } catch {
            throw Self.problem(place, error.message)
        }
    }

    private static func kind(of text: String) throws(CredentialProblem) -> Kind {
        let bytes = Array(text.utf8)
        guard let type = CloudJSON.decode(Named.self, from: bytes)?.type else {
            throw CredentialProblem(message: "expected JSON as Google makes it, with a type")
        }
        switch type {
        case "service_account":
            guard let found = CloudJSON.decode(ServiceAccount.self, from: bytes) else {
                throw CredentialProblem(message: "a service account's key has client_email, private_key and token_uri")
            }
            return .serviceAccount(found)
        case "authorized_user":
            guard let found = CloudJSON.decode(User.self, from: bytes) else {
                throw CredentialProblem(message: "a user's credentials have client_id, client_secret and refresh_token")
            }
            return .user(found)
        case "external_account":
            guard let found = CloudJSON.decode(GoogleFederation.self, from: bytes) else {
                throw CredentialProblem(
                    message: "workload identity federation has audience, subject_token_type, token_url and a "
                        + "credential_source with file, url or environment_id aws1"
                )
            }
            return .federation(found)
        default:
            let words = "expected the type service_account, external_account or authorized_user, found another"
            throw CredentialProblem(message: words)
        }
    }

    /// What is wrong with the text itself, without showing any of it.
    static func complaint(about text: String) -> String? {
        do throws(CredentialProblem) {
            _ = try kind(of: text)
            return nil
        } catch {
            return error.message
        }
    }

    func lease(
        in surroundings: GoogleSurroundings
    ) async throws(DestinationError) -> CredentialLease<GoogleAuthorization> {
        let tokens = GoogleTokens(surroundings: surroundings, place: place)
        switch kind {
        case .serviceAccount(let account):
            let now = surroundings.platform.clock.now()
            let assertion: String
            do throws(CredentialProblem) {
                assertion = try await surroundings.platform.onCompute { () throws(CredentialProblem) in
                    try account.assertion(scope: GoogleSurroundings.scope, now: now)
                }
            } catch {
                throw Self.problem(place, error.message)
            }
            let fields = [("grant_type", ServiceAccount.grant), ("assertion", assertion)]
            return try await tokens.token(account.tokenURI, fields, of: .serviceAccount(account.email))
        case .user(let user):
            let fields = [
                ("grant_type", "refresh_token"), ("client_id", user.clientID), ("client_secret", user.clientSecret),
                ("refresh_token", user.refreshToken),
            ]
            return try await tokens.token(ServiceAccount.google, fields, of: .user)
        case .federation(let federation): return try await federation.lease(tokens)
        }
    }

    static func problem(_ place: String, _ words: String) -> DestinationError {
        DestinationError(.denied, "Google credentials in \(place): \(words)", remedy: .waitForChange)
    }
}
