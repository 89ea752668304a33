import Delivery
import Glossary
import HTTPTypes
import Hummingbird
import Intake
import Platform
import Samples

/// Destinations tried out, with made-up events and beside everything real.
struct ConnectorTestRoutes: Sendable {
    private static let sampleSeed: UInt64 = 1
    private static let timeout = Duration.seconds(30)
    private static let timeoutMax = Duration.seconds(600)

    let delivery: Delivery
    let glossary: Glossary
    let platform: Platform
    let failStop: FailStop

    var routes: [Route] {
        [
            Route(.post, "/v1/connectors/{name}/test", scope: .admin, on: .admin) { request, context in
                let connector = try ConnectorRoutes.connector(context, of: delivery)
                var query = Query(request)
                let sendsEvents = try query.flag("events")
                let timeout = try query.duration("timeout", default: Self.timeout, most: Self.timeoutMax)
                try query.done()
                try await request.refuseBody()
                return try await test(connector, sendsEvents, timeout)
            }
        ]
    }

    private struct Report: Encodable {
        struct Step: Encodable {
            let name: String
            let outcome: String
            let message: String
        }

        let connector: String
        let location: String
        let ok: Bool
        let steps: [Step]
    }

    private func test(_ connector: Connector, _ sendsEvents: Bool, _ timeout: Duration) async throws -> Response {
        let test: DestinationTest
        do throws(DeliveryError) {
            let records = try records(for: connector)
            test = try await connector.test(records, events: sendsEvents, timeout: timeout)
        } catch {
            failStop.check(error)
            throw RouteError.fault(error.message)
        }
        let steps = test.steps.map { Report.Step(name: $0.name, outcome: $0.outcome.rawValue, message: $0.message) }
        return try .json(
            encoding: Report(
                connector: connector.settings.name,
                location: connector.status().location,
                ok: test.isOK,
                steps: steps
            )
        )
    }

    /// A made-up record of each type that the connector carries.
    private func records(for connector: Connector) throws(DeliveryError) -> [TestRecord] {
        guard let edition = glossary.edition(connector.settings.edition) else { return [] }
        let events = connector.types.compactMap { carried -> [UInt8]? in
            guard let type = edition.type(named: carried.name) else { return nil }
            var bytes: [UInt8] = []
            SampleStream.one(of: type, seed: Self.sampleSeed).json(into: &bytes)
            return bytes
        }
        do {
            return try Intake.encode(events, edition: edition, platform: platform)
                .map { TestRecord(fingerprint: $0.fingerprint, datum: $0.datum) }
        } catch {
            throw DeliveryError(.settings, "the made-up events could not be encoded: \(error)")
        }
    }
}
