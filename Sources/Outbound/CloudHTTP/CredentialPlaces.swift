package import Delivery
package import Platform

/// What credentials are looked for in.
package protocol CredentialSurroundings: Sendable {
    /// Whose credentials, for messages: `AWS`, `Azure`.
    static var vendor: String { get }
    /// The environment of the process.
    var variables: [String: String] { get }
    var transport: any CloudTransport { get }
    var platform: Platform { get }
}

extension CredentialSurroundings {
    /// A variable that is set to something.
    package func variable(_ name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A small file such as a token's, without the white space at its ends.
    package func text(of path: String) async throws(DestinationError) -> String {
        let files = platform.files
        do throws(FileError) {
            let bytes = try await platform.onBlocking { () throws(FileError) in
                try files.read(path, bytesMax: 1 << 20)
            }
            return String(decoding: bytes, as: UTF8.self)[...].trimmed
        } catch {
            throw DestinationError(.denied, "\(Self.vendor) credentials: \(error)", remedy: .waitForChange)
        }
    }
}

/// A place where credentials may be.
package protocol CredentialPlace<Value>: Sendable {
    associatedtype Value: Sendable

    /// How a message names it, with what would have to be set.
    var name: String { get }

    /// Nil: there are none here, the next place may have some.
    func look() async throws(DestinationError) -> CredentialLease<Value>?
}

/// The first place that has credentials.
package struct ChosenCredentials<Value: Sendable>: CredentialSource {
    private let vendor: String
    private let places: [any CredentialPlace<Value>]

    package init(of vendor: String, places: [any CredentialPlace<Value>]) {
        self.vendor = vendor
        self.places = places
    }

    package func fetch() async throws(DestinationError) -> CredentialLease<Value> {
        for place in places {
            if let lease = try await place.look() { return lease }
        }
        let names = places.map(\.name).joined(separator: "; ")
        throw DestinationError(.denied, "no \(vendor) credentials found; looked at: \(names)", remedy: .waitForChange)
    }
}

/// What the configuration itself holds.
package struct FixedCredentials<Value: Sendable>: CredentialPlace {
    private let value: Value

    package init(_ value: Value) {
        self.value = value
    }

    package var name: String { "the configuration" }

    package func look() async throws(DestinationError) -> CredentialLease<Value>? {
        CredentialLease(value)
    }
}

extension CredentialCache where Value: Equatable {
    /// Sends what `request` makes of the credential; where that was refused, once more if there is another by now.
    ///
    /// Answers with the credential that the answer was given to.
    package nonisolated func exchange(
        over transport: any CloudTransport,
        isRefused: (CloudResponse) -> Bool,
        _ request: (Value) throws(DestinationError) -> CloudRequest
    ) async throws(DestinationError) -> (response: CloudResponse, value: Value) {
        let held = try await current()
        let response = try await transport.exchange(try request(held.value))
        guard isRefused(response) else { return (response, held.value) }
        await invalidate(held)
        let fresh = try await current().value
        guard fresh != held.value else { return (response, held.value) }
        return (try await transport.exchange(try request(fresh)), fresh)
    }
}
