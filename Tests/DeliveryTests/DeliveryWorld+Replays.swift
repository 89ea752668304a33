import Platform
import PlatformTesting
import Testing

@testable import Delivery

extension DeliveryWorld {
    /// One process: live delivery and replays run while `body` does.
    func replaying<T: Sendable>(
        _ wanted: [(settings: ConnectorSettings, destination: Destination)],
        crash: CrashPoint? = nil,
        _ body: @escaping @Sendable (Delivery, Replays) async throws -> T
    ) async throws -> T {
        let state = try await openState()
        let delivery = Delivery(try await environment(state, crash: crash))
        try await delivery.start(wanted)
        let replays = Replays(for: delivery)
        try await replays.resume()
        let clock = clock
        let result = try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask {
                try await delivery.run()
                return nil
            }
            group.addTask {
                try await replays.run()
                return nil
            }
            group.addTask {
                await DeliveryWorld.letTimePass(clock)
                return nil
            }
            group.addTask { try await body(delivery, replays) }
            var result: T?
            for try await ended in group {
                guard let ended else { continue }
                result = ended
                group.cancelAll()
            }
            return try #require(result)
        }
        try await state.close()
        return result
    }
}
