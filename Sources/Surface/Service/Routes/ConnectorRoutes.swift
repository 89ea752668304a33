import Delivery
import HTTPTypes
import Hummingbird
import Intake
import Platform

/// Deliveries watched and steered.
struct ConnectorRoutes: Sendable {
    private static let flushTimeout = Duration.seconds(60)
    /// Longer than any flush that a person waits for, shorter than what would hold a shutdown up for ever.
    private static let flushTimeoutMax = Duration.seconds(3600)

    let intake: Intake
    let delivery: Delivery
    let replays: Replays
    let failStop: FailStop

    var routes: [Route] {
        [
            Route(.get, "/v1/connectors", scope: .read, on: .admin) { request, _ in
                try Query(request).done()
                return try await .json(encoding: report())
            },
            Route(.get, "/v1/connectors/{name}", scope: .read, on: .admin) { request, context in
                try Query(request).done()
                return try .json(encoding: ServiceReport.Connector(connector(context).status()))
            },
            Route(.post, "/v1/connectors/{name}/flush", scope: .admin, on: .admin) { request, context in
                try await flush(request, context)
            },
            Route(.post, "/v1/connectors/{name}/forget", scope: .admin, on: .admin) { request, context in
                try await forget(request, context)
            },
            Route(.post, "/v1/connectors/{name}/pause", scope: .admin, on: .admin) { request, context in
                try await change(request, context) { connector async throws(DeliveryError) in
                    try await connector.pause()
                }
            },
            Route(.post, "/v1/connectors/{name}/resume", scope: .admin, on: .admin) { request, context in
                try await change(request, context) { connector async throws(DeliveryError) in
                    try await connector.resume()
                    try await replays.resume(connector: connector.settings.name)
                }
            },
        ]
    }

    private func report() async throws(RouteError) -> ServiceReport {
        do throws(DeliveryError) {
            return ServiceReport(intake: intake, delivery: delivery, retired: try await delivery.retired())
        } catch {
            throw refusal(error)
        }
    }

    private struct Forgotten: Encodable {
        let files: Int
        let records: Int
        let bytes: Int64
    }

    private func forget(_ request: Request, _ context: CourantContext) async throws -> Response {
        let name = Self.name(context)
        try Query(request).done()
        try await request.refuseBody()
        let found: PlannedTotals?
        do throws(DeliveryError) {
            if let connector = delivery.connector(named: name) {
                found = try await connector.forgetPlans()
            } else {
                found = try await delivery.removeRetired(named: name)
            }
        } catch {
            throw refusal(error)
        }
        guard let totals = found else { throw Self.unknown(name, delivery) }
        return try .json(encoding: Forgotten(files: totals.plans, records: totals.records, bytes: totals.bytes))
    }

    private struct Flushed: Encodable {
        let files: Int
        let records: Int
        let bytes: Int64
    }

    private struct Pending: Encodable {
        struct Counts: Encodable {
            let stagedRecords: Int
            let plannedRecords: Int
            let plannedFiles: Int
        }

        struct Fault: Encodable {
            let code: String
            let message: String
        }

        let error: Fault
        let pending: Counts
    }

    private func connector(_ context: CourantContext) throws(RouteError) -> Connector {
        try Self.connector(context, of: delivery)
    }

    /// The connector that the address names.
    static func connector(_ context: CourantContext, of delivery: Delivery) throws(RouteError) -> Connector {
        let name = name(context)
        if let connector = delivery.connector(named: name) { return connector }
        throw unknown(name, delivery)
    }

    private static func name(_ context: CourantContext) -> String {
        Query.decoded(Substring(context.parameters.get("name") ?? ""))
    }

    private static func unknown(_ name: String, _ delivery: Delivery) -> RouteError {
        let names = delivery.connectors.map(\.settings.name).joined(separator: ", ")
        let known = names.isEmpty ? "there are none" : "there are \(names)"
        return RouteError(.notFound, "connector_unknown", "There is no connector \(name.quotedCut); \(known).")
    }

    private func flush(_ request: Request, _ context: CourantContext) async throws -> Response {
        let connector = try connector(context)
        var query = Query(request)
        let timeout = try query.duration("timeout", default: Self.flushTimeout, most: Self.flushTimeoutMax)
        try query.done()
        try await request.refuseBody()
        let result: FlushResult
        do throws(DeliveryError) {
            result = try await connector.flush(timeout: timeout)
        } catch {
            guard error.code == .timeout else { throw refusal(error) }
            let counts = error.pending ?? PendingCounts()
            let pending = Pending(
                error: .init(code: "flush_timeout", message: error.message),
                pending: .init(
                    stagedRecords: counts.stagedRecords,
                    plannedRecords: counts.plannedRecords,
                    plannedFiles: counts.plannedFiles
                )
            )
            return try .json(encoding: pending, status: .gatewayTimeout)
        }
        return try .json(encoding: Flushed(files: result.files, records: result.records, bytes: result.bytes))
    }

    private func change(
        _ request: Request,
        _ context: CourantContext,
        _ act: (Connector) async throws(DeliveryError) -> Void
    ) async throws -> Response {
        let connector = try connector(context)
        try Query(request).done()
        try await request.refuseBody()
        do throws(DeliveryError) {
            try await act(connector)
        } catch {
            throw refusal(error)
        }
        return try .json(encoding: ServiceReport.Connector(connector.status()))
    }

    private func refusal(_ error: DeliveryError) -> RouteError {
        failStop.check(error)
        return switch error.code {
        case .paused: RouteError(.conflict, "connector_paused", error.message)
        default: .fault(error.message)
        }
    }
}
