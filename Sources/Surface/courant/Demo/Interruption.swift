import Foundation
import UnixSignals

/// Ctrl-C while something runs that must be put away: the work is cancelled and cleans up, then the command ends.
struct Interruption: Error {
    private enum End: Sendable {
        case done
        case interrupted
    }

    static func watched(_ body: @Sendable @escaping () async throws -> Void) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: End.self) { group in
            group.addTask {
                try await body()
                return .done
            }
            group.addTask {
                for await _ in signals { return .interrupted }
                // Cancelled: the work is over.
                return .done
            }
            let first = try await group.next()
            group.cancelAll()
            guard case .interrupted = first else { return }
            while (try? await group.next()) != nil {}
            throw Interruption()
        }
    }
}
