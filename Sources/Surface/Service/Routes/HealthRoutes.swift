import HTTPTypes
import Hummingbird
import Telemetry

/// What orchestrators and Prometheus ask.
struct HealthRoutes: Sendable {
    private let board: PhaseBoard
    private let metrics: MetricRegistry

    init(board: PhaseBoard, metrics: MetricRegistry) {
        self.board = board
        self.metrics = metrics
    }

    var routes: [Route] {
        [
            Route(.get, "/healthz", scope: nil, on: .both) { _, _ in .json(Array("{\"status\":\"alive\"}".utf8)) },
            Route(.get, "/readyz", scope: nil, on: .both) { _, _ in try ready() },
            Route(.get, "/metrics", scope: .read, on: .admin) { _, _ in
                .text(Array(metrics.prometheusText().utf8), type: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }

    private func ready() throws(RouteError) -> Response {
        switch board.phase {
        case .ready: return .json(Array("{\"status\":\"ready\"}".utf8))
        case .starting:
            throw RouteError(.serviceUnavailable, "starting", "The service is starting.", retryAfter: 1)
        case .stopping:
            throw RouteError(.serviceUnavailable, "stopping", "The service is stopping.", retryAfter: 5)
        }
    }
}
