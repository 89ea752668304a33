internal import CloudHTTP
internal import Delivery
internal import Platform

/// Google's services that give out tokens.
struct GoogleTokens: Sendable {
    /// Who asks, for messages.
    enum Asker {
        case serviceAccount(String)
        case user
        /// With a token that somebody else signed.
        case federation(audience: String)
        /// For another account's token.
        case impersonation(url: String)
        case machine
    }

    let surroundings: GoogleSurroundings
    /// Where the credentials stand.
    let place: String

    private struct Answer: Decodable {
        let accessToken: String
        let expiresIn: Int64?

        enum CodingKeys: String, CodingKey {
            case accessToken = "access_token"
            case expiresIn = "expires_in"
        }
    }

    private struct Impersonated: Decodable {
        let accessToken: String
        let expireTime: String
    }

    private struct Wish: Encodable {
        let scope: [String]
        let lifetime: String
    }

    /// Asks a token service with a form.
    func token(
        _ url: String,
        _ fields: [(name: String, value: String)],
        of asker: Asker
    ) async throws(DestinationError) -> CredentialLease<GoogleAuthorization> {
        let request = CloudRequest(
            "POST",
            try trusted(url),
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: .bytes(Array(PercentEncoding.form(fields).utf8))
        )
        return try await lease(request, of: asker)
    }

    /// A token that comes for a request, from its answer.
    func lease(
        _ request: CloudRequest,
        of asker: Asker
    ) async throws(DestinationError) -> CredentialLease<GoogleAuthorization> {
        let asked = surroundings.platform.clock.now()
        let response = try await surroundings.transport.exchange(request)
        return try lease(response, asked: asked, of: asker)
    }

    func lease(
        _ response: CloudResponse,
        asked: Timestamp,
        of asker: Asker
    ) throws(DestinationError) -> CredentialLease<GoogleAuthorization> {
        guard response.isSuccess, let answer = CloudJSON.decode(Answer.self, from: response.body) else {
            throw refused(response, of: asker)
        }
        let expires = answer.expiresIn.map { asked + .seconds($0) }
        return CredentialLease(.bearer(answer.accessToken), expires: expires)
    }

    /// A service account's token, for one of somebody who may act as it.
    func impersonate(
        _ url: String,
        with authorization: GoogleAuthorization,
        lifetime: Int
    ) async throws(DestinationError) -> CredentialLease<GoogleAuthorization> {
        guard case .bearer(let token) = authorization else {
            preconditionFailure("token services give out tokens")
        }
        let wish = Wish(scope: [GoogleSurroundings.scope], lifetime: "\(lifetime)s")
        let request = CloudRequest(
            "POST",
            try trusted(url),
            headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")],
            body: .bytes(CloudJSON.encode(wish))
        )
        let response = try await surroundings.transport.exchange(request)
        guard response.isSuccess, let answer = CloudJSON.decode(Impersonated.self, from: response.body) else {
            throw refused(response, of: .impersonation(url: url))
        }
        return CredentialLease(
            .bearer(answer.accessToken),
            expires: CalendarTime.parse(extended: answer.expireTime)
        )
    }

    /// Neither keys nor tokens go over a network in the clear, whatever a file says.
    private func trusted(_ url: String) throws(DestinationError) -> String {
        guard let endpoint = CloudEndpoint(url), endpoint.isEncrypted || endpoint.isOnThisMachine else {
            throw GoogleCredentialText.problem(place, "expected the https address of a token service, found \(url)")
        }
        return url
    }

    private func refused(_ response: CloudResponse, of asker: Asker) -> DestinationError {
        let now = surroundings.platform.clock.now()
        let refusal = GoogleRefusal(response)
        let isPassing = response.isSuccess || response.status >= 500 || [408, 429].contains(response.status)
        let words: String
        var remedy = isPassing ? DestinationError.Remedy.retry(after: response.retryAfter(now: now)) : .waitForChange
        switch asker {
        case _ where isPassing: words = "the token service does not give one now"
        case .serviceAccount(let email): words = self.words(refusal, email, response, now)
        case .user: words = "the login has ended; run gcloud auth application-default login again"
        case .federation(let audience):
            words =
                "the token was not taken for \(audience): check the provider's issuer, audience and attribute condition"
            // Whoever writes the token keeps it fresh.
            if refusal.message.contains(/expired|stale/) { remedy = .retry(after: nil) }
        case .impersonation(let url):
            let account = url.split(separator: "/").last?.split(separator: ":").first ?? "the account"
            words =
                "\(account) must not be acted as: grant roles/iam.workloadIdentityUser on it to the federated identity, "
                + "and switch on the IAM Service Account Credentials API"
        case .machine: words = "the machine has no such service account: attach one with the scope for storage"
        }
        return DestinationError(.denied, "no token for \(place) (\(shown(refusal))): \(words)", remedy: remedy)
    }

    /// An answer of success that cannot be read may hold a token.
    private func shown(_ refusal: GoogleRefusal) -> String {
        refusal.status < 300 ? "\(refusal.status), but not a token" : refusal.said
    }

    private func words(
        _ refusal: GoogleRefusal,
        _ email: String,
        _ response: CloudResponse,
        _ now: Timestamp
    ) -> String {
        if refusal.message.contains(/timeframe|short-lived|iat/) {
            let theirs = response.header("Date").flatMap(CalendarTime.parse(http:))
            let difference = theirs.map { (now - $0).components.seconds }
            let by = difference.map { " by \(abs($0)) s, it is \($0 < 0 ? "slow" : "fast")" } ?? ""
            return "this machine's clock is wrong\(by): set it, best by NTP"
        }
        if refusal.message.lowercased().contains("signature") {
            return "the key is not one of \(email) any more: make a new one"
        }
        if refusal.message.lowercased().contains("account not found") {
            return "\(email) is not there any more, or is switched off"
        }
        return "check that \(email) and its key are switched on"
    }
}
