import Delivery
import Intake
package import Platform

/// Tokens made while no service runs: the first token of a service that is to listen beyond loopback.
///
/// Takes the data folder's lock for the time it works, so that it never meddles with a running service.
package struct OfflineTokens: Sendable {
    private let configuration: Configuration
    private let processID: Int32
    private let platform: Platform

    package init(_ configuration: Configuration, processID: Int32, platform: Platform) {
        self.configuration = configuration
        self.processID = processID
        self.platform = platform
    }

    /// Works on the tokens of the data folder.
    ///
    /// - Throws: `ServiceError` with the code `inUse` where a service runs: ask that one instead.
    package func with<Value: Sendable>(_ work: (TokenBook) async throws -> Value) async throws -> Value {
        let folder = try await DataFolder.hold(configuration.data, processID: processID, platform: platform)
        defer { folder.release() }
        let state = try await folder.openState()
        do {
            let tokens = TokenBook(
                store: try await TokenTable(state),
                sources: configuration.sources.map(\.name),
                platform: platform
            )
            try await tokens.load()
            let value = try await work(tokens)
            try await state.close()
            return value
        } catch {
            try? await state.close()
            throw error
        }
    }
}
