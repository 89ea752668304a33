internal import CloudHTTP
internal import Delivery
internal import Platform

/// The service account of a machine of Compute Engine, a pod of GKE, a job of Cloud Run, by its metadata server.
struct MetadataCredentials: CredentialPlace {
    private static let host = "metadata.google.internal"
    /// It is on the machine: who does not answer soon is not there.
    private static let deadline = Duration.seconds(5)

    let surroundings: GoogleSurroundings
    var account: String?
    /// Whether somebody asked for it, so that its absence is an error.
    let isAskedFor: Bool

    var name: String { "the metadata server (GCE_METADATA_HOST, or \(Self.host))" }

    func look() async throws(DestinationError) -> CredentialLease<GoogleAuthorization>? {
        let asked = surroundings.platform.clock.now()
        let response: CloudResponse
        do throws(DestinationError) {
            response = try await surroundings.transport.exchange(request())
        } catch {
            guard error.code == .unreachable, !isAskedFor else { throw error }
            return nil
        }
        guard response.header("Metadata-Flavor") == "Google" else {
            guard isAskedFor else { return nil }
            let message = "\(name) answers \(response.status), but is not Google's"
            throw DestinationError(.denied, message, remedy: .waitForChange)
        }
        return try GoogleTokens(surroundings: surroundings, place: name).lease(response, asked: asked, of: .machine)
    }

    private func request() -> CloudRequest {
        let host = surroundings.variable("GCE_METADATA_HOST") ?? Self.host
        let account = PercentEncoding.encode(account ?? "default")
        let query = PercentEncoding.form([("scopes", GoogleSurroundings.scope)])
        return CloudRequest(
            "GET",
            "http://\(host)/computeMetadata/v1/instance/service-accounts/\(account)/token?\(query)",
            headers: [("Metadata-Flavor", "Google")],
            deadline: Self.deadline
        )
    }
}
