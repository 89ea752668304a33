package import Avro
package import Delivery
import HTTPTypes
import Intake
package import Platform
package import Providers

extension RoomsAtWork {
    /// Dead letters as their routes have them; made once, since it reads all schemas.
    package func deadLetterDesk() throws(AvroError) -> DeadLetterDesk {
        DeadLetterDesk(letters: try DeadLetters(of: rooms), failStop: rooms.failStop)
    }

    /// Takes a provider's request for the first source as the route for webhooks does; answers its status.
    package func answer(_ received: WebhookRequest, from provider: String) async -> Int {
        if let unavailable = intake.unavailable { return unavailable.status }
        let source = rooms.configuration.openSource
        guard let webhook = rooms.tracking.webhooks[provider]?[source] else { return 404 }
        let budget = BodyBudget(bytesMax: rooms.configuration.intake.inFlightBytesMax)
        let routes = WebhookRoutes(of: rooms, body: LimitedBody(intake: intake, budget: budget))
        do {
            return try await routes.answer(received, webhook, provider, source, rooms.logger).status
        } catch {
            return (error as? RouteError)?.status.code ?? 500
        }
    }

    /// Begins a replay as its route does.
    package func replay(
        id: String,
        connector: String,
        from: Timestamp,
        to: Timestamp,
        events: [String]
    ) async throws(ReplayRefusal) -> ReplayStatus {
        do throws(ReplayRefusal) {
            return try await rooms.replays.start(id: id, connector: connector, from: from, to: to, events: events)
        } catch {
            if case .failed(let cause) = error { rooms.failStop.check(cause) }
            throw error
        }
    }

    /// Ends a replay as its route does.
    package func cancelReplay(_ id: String) async throws(ReplayRefusal) -> ReplayStatus {
        do throws(ReplayRefusal) {
            return try await rooms.replays.cancel(id)
        } catch {
            if case .failed(let cause) = error { rooms.failStop.check(cause) }
            throw error
        }
    }

    /// All replays, the latest first.
    package func replays() async throws(ReplayRefusal) -> [ReplayStatus] { try await rooms.replays.list() }

    /// Has a connector and its replays try again at once, as the route for it does.
    package func resume(_ connector: Connector) async throws {
        try await connector.resume()
        try await rooms.replays.resume(connector: connector.settings.name)
    }
}

/// Dead letters beneath HTTP: listed and tried again.
package struct DeadLetterDesk: Sendable {
    package struct Letter: Sendable {
        package let id: String
        /// The record as JSON.
        package let event: [UInt8]
    }

    let letters: DeadLetters
    let failStop: FailStop

    /// What was set aside for a connector, the oldest first.
    package func letters(of connector: String) async throws -> [Letter] {
        try await checking {
            try await letters.letters(DeadLetters.Selection(connector: connector)).letters.map { letter in
                Letter(id: "\(letter.place)", event: letter.bytes)
            }
        }
    }

    /// Tries one again; nil if it is delivered, otherwise why it is not.
    package func replay(_ id: String) async throws -> String? {
        try await checking {
            guard let place = DeadLetters.Place(id) else { return "\(id) names no dead letter" }
            let (outcome, message) = try await letters.replay(place)
            return outcome == .delivered ? nil : message ?? outcome.rawValue
        }
    }

    private func checking<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch {
            failStop.check(error)
            throw error
        }
    }
}
