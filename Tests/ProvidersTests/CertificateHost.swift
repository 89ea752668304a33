import Platform

@testable import Providers

/// Where certificates stand, and who asked for them.
actor CertificateHost {
    private let certificates: [String: [UInt8]]
    private(set) var requests: [String] = []

    struct Missing: Error {}

    init(_ certificates: [String: [UInt8]]) {
        self.certificates = certificates
    }

    func get(_ url: String) throws -> [UInt8] {
        requests.append(url)
        guard let certificate = certificates[url] else { throw Missing() }
        return certificate
    }

    nonisolated var fetch: @Sendable (_ url: String) async throws -> [UInt8] {
        { try await self.get($0) }
    }
}

extension SESSample {
    /// Valid from a year before the vectors' time to a year after it.
    static let shared = Result { try SESSample(from: Vectors.time - year, until: Vectors.time + year) }
    static let year: Duration = .seconds(365 * 86_400)
    static let address = "https://ingest.example.com/v1/webhooks/ses/default"

    var host: CertificateHost { CertificateHost([Self.certificateURL: certificate]) }
}
