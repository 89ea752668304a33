internal import CloudHTTP
internal import Delivery
internal import Platform

/// The identity that Azure gives to a machine (by its metadata service), or to an app or a container (by the address
/// in `IDENTITY_ENDPOINT`).
struct ManagedIdentity: CredentialPlace {
    private static let host = "169.254.169.254"
    /// It is on the machine: who does not answer soon is not there.
    private static let deadline = Duration.seconds(5)

    let surroundings: AzureSurroundings
    var client: String?
    /// Whether somebody asked for it, so that its absence is an error.
    let isAskedFor: Bool

    var name: String { "managed identity (IDENTITY_ENDPOINT and IDENTITY_HEADER, or the machine's metadata service)" }

    func look() async throws(DestinationError) -> CredentialLease<AzureAuthorization>? {
        let asked = surroundings.platform.clock.now()
        let response: CloudResponse
        do throws(DestinationError) {
            response = try await surroundings.transport.exchange(request())
        } catch {
            guard error.code == .unreachable, !isAskedFor else { throw error }
            return nil
        }
        if let lease = TokenAnswer.lease(response, asked: asked) { return lease }
        throw TokenRefusal(response).error(
            "the managed identity\(chosen.map { " \($0)" } ?? "") gives no token; check that it is assigned here",
            response.retryAfter(now: asked)
        )
    }

    /// Which of several; nil: the machine's own.
    private var chosen: String? { client ?? surroundings.variable("AZURE_CLIENT_ID") }

    private func request() -> CloudRequest {
        let fields = { (version: String) in
            PercentEncoding.form(
                [("api-version", version), ("resource", EntraTokens.resource)]
                    + (chosen.map { [("client_id", $0)] } ?? [])
            )
        }
        if let url = surroundings.variable("IDENTITY_ENDPOINT"),
            let secret = surroundings.variable("IDENTITY_HEADER")
        {
            return CloudRequest(
                "GET",
                url + (url.contains("?") ? "&" : "?") + fields("2019-08-01"),
                headers: [("X-IDENTITY-HEADER", secret)],
                deadline: Self.deadline
            )
        }
        let machine =
            surroundings.variable("AZURE_POD_IDENTITY_AUTHORITY_HOST").flatMap { CloudEndpoint($0) }
            ?? CloudEndpoint(scheme: "http", host: Self.host)
        return CloudRequest(
            "GET",
            machine.url + "/metadata/identity/oauth2/token?" + fields("2018-02-01"),
            headers: [("Metadata", "true")],
            deadline: Self.deadline
        )
    }
}
