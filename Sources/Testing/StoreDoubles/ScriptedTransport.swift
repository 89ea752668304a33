package import CloudHTTP
package import Delivery
internal import Synchronization

/// A transport whose answers are written in the test; it remembers what it was asked.
package final class ScriptedTransport: CloudTransport {
    package typealias Script = @Sendable (CloudRequest) async throws(DestinationError) -> CloudResponse

    private let script: Script
    private let asked = Mutex<[CloudRequest]>([])

    package init(_ script: @escaping Script) {
        self.script = script
    }

    /// The requests so far.
    package var requests: [CloudRequest] { asked.withLock { $0 } }

    package func exchange(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        asked.withLock { $0.append(request) }
        return try await script(request)
    }
}
