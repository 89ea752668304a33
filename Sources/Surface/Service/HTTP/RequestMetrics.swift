import HTTPTypes
import Platform
import Synchronization
import Telemetry

/// How many requests each route had, with which answers and how long they took.
final class RequestMetrics: Sendable {
    /// One route's figures.
    final class Figures: Sendable {
        private let clock: any WorldClock
        private let latency: Histogram
        private let makeCounter: @Sendable (Int) -> Counter
        /// By status; filled as statuses occur, so that asking the registry stays rare.
        private let answers = Mutex<[Int: Counter]>([:])

        init(clock: any WorldClock, latency: Histogram, makeCounter: @escaping @Sendable (Int) -> Counter) {
            self.clock = clock
            self.latency = latency
            self.makeCounter = makeCounter
        }

        func start() -> Duration {
            clock.uptime()
        }

        func finish(_ started: Duration, status: Int) {
            latency.observe(clock.uptime() - started)
            let counter = answers.withLock { answers in
                if let counter = answers[status] { return counter }
                let counter = makeCounter(status)
                answers[status] = counter
                return counter
            }
            counter.add()
        }
    }

    private let registry: MetricRegistry
    private let clock: any WorldClock
    private let unrouted: Counter

    init(_ registry: MetricRegistry, clock: any WorldClock) {
        self.registry = registry
        self.clock = clock
        unrouted = registry.counter(
            "courant_service_unrouted_total",
            help: "Requests for an address or method that no route answers."
        )
    }

    func figures(for route: Route) -> Figures {
        let labels = [("route", route.path), ("method", route.method.rawValue)]
        let registry = registry
        return Figures(
            clock: clock,
            latency: registry.histogram(
                "courant_service_request_seconds",
                help: "From a request's head to its answer.",
                labels: labels
            )
        ) { status in
            registry.counter(
                "courant_service_requests_total",
                help: "Requests by route and answer.",
                labels: labels + [("status", String(status))]
            )
        }
    }

    func countUnrouted() {
        unrouted.add()
    }
}
