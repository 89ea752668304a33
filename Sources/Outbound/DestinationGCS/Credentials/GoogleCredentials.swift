internal import CloudHTTP
internal import Delivery
internal import Platform

/// What stands in a request's `Authorization` header.
enum GoogleAuthorization: Sendable, Hashable {
    /// Nothing, as emulators want it.
    case none
    case bearer(String)
}

/// Where credentials are looked for.
package enum GoogleCredentialSettings: Sendable, Hashable {
    /// As Google's own tools do: the file in `GOOGLE_APPLICATION_CREDENTIALS`, that of `gcloud auth
    /// application-default login`, the metadata server.
    case chain
    /// A file as Google makes it: a service account's key, workload identity federation, a user's.
    case file(String)
    /// What would stand in such a file.
    case text(String)
    /// The service account of the machine, pod or job; nil: its default one.
    case metadata(account: String?)
    /// Requests without credentials.
    case none

    /// Why a text cannot be what `text` wants; shows nothing of it.
    package static func complaint(about text: String) -> String? { GoogleCredentialText.complaint(about: text) }
}

/// What credentials are looked for in.
struct GoogleSurroundings: CredentialSurroundings {
    static let vendor = "Google"
    /// To read and write objects, and not to change who may.
    static let scope = "https://www.googleapis.com/auth/devstorage.read_write"

    let variables: [String: String]
    let transport: any CloudTransport
    let platform: Platform

    func source(_ settings: GoogleCredentialSettings) -> ChosenCredentials<GoogleAuthorization> {
        ChosenCredentials(of: Self.vendor, places: places(settings))
    }

    private func places(_ settings: GoogleCredentialSettings) -> [any CredentialPlace<GoogleAuthorization>] {
        switch settings {
        case .chain:
            let named = variable("GOOGLE_APPLICATION_CREDENTIALS").map { path in
                CredentialFile(surroundings: self, name: "GOOGLE_APPLICATION_CREDENTIALS", path: path, isAskedFor: true)
            }
            let folder = variable("CLOUDSDK_CONFIG") ?? variable("HOME").map { $0 + "/.config/gcloud" }
            let known = CredentialFile(
                surroundings: self,
                name: "GOOGLE_APPLICATION_CREDENTIALS; gcloud's application_default_credentials.json",
                path: folder.map { $0 + "/application_default_credentials.json" },
                isAskedFor: false
            )
            return [named ?? known, MetadataCredentials(surroundings: self, isAskedFor: false)]
        case .file(let path):
            return [CredentialFile(surroundings: self, name: path, path: path, isAskedFor: true)]
        case .text(let text): return [ConfiguredCredentials(surroundings: self, text: text)]
        case .metadata(let account):
            return [MetadataCredentials(surroundings: self, account: account, isAskedFor: true)]
        case .none: return [FixedCredentials(.none)]
        }
    }
}

/// Credentials in a file, which is read again every half minute.
///
/// As long as the file stays as it is, its token serves until it is due.
private struct CredentialFile: CredentialPlace {
    let name: String
    private let surroundings: GoogleSurroundings
    private let path: String?
    /// Whether somebody asked for this file, so that its absence is an error.
    private let isAskedFor: Bool
    private let kept = KeptLease<GoogleAuthorization>()

    init(surroundings: GoogleSurroundings, name: String, path: String?, isAskedFor: Bool) {
        self.surroundings = surroundings
        self.name = name
        self.path = path
        self.isAskedFor = isAskedFor
    }

    func look() async throws(DestinationError) -> CredentialLease<GoogleAuthorization>? {
        guard let path, try await isThere(path) else { return nil }
        let text = try await surroundings.text(of: path)
        let now = surroundings.platform.clock.now()
        return try await kept.lease(of: text, now: now) { () async throws(DestinationError) in
            try await GoogleCredentialText(text, of: path).lease(in: surroundings)
        }
    }

    private func isThere(_ path: String) async throws(DestinationError) -> Bool {
        guard !isAskedFor else { return true }
        let files = surroundings.platform.files
        do throws(FileError) {
            return try await surroundings.platform.onBlocking { () throws(FileError) in
                try files.size(of: path) != nil
            }
        } catch {
            throw DestinationError(.denied, "Google credentials: \(error)", remedy: .waitForChange)
        }
    }
}

/// Credentials in the configuration itself.
private struct ConfiguredCredentials: CredentialPlace {
    let surroundings: GoogleSurroundings
    let text: String

    var name: String { "the configuration" }

    func look() async throws(DestinationError) -> CredentialLease<GoogleAuthorization>? {
        try await GoogleCredentialText(text, of: "credentials.json").lease(in: surroundings)
    }
}
