internal import Avro
internal import Synchronization
internal import Telemetry

/// What librdkafka's statistics say, for Prometheus.
struct KafkaMetrics: Sendable {
    private let queuedMessages: Gauge
    private let queuedBytes: Gauge
    private let brokersUp: Gauge
    private let roundTripSeconds: Gauge
    private let sentMessages: Counter
    private let sentBytes: Counter
    private let requests: Counter
    private let requestErrors: Counter
    private let requestRetries: Counter
    private let requestTimeouts: Counter
    private let unreadable: Counter

    init(_ registry: MetricRegistry, connector: String) {
        let labels = [("connector", connector)]
        let gauge = { (name: String, help: String) in registry.gauge(name, help: help, labels: labels) }
        let counter = { (name: String, help: String) in registry.counter(name, help: help, labels: labels) }
        queuedMessages = gauge("courant_kafka_queued_messages", "Messages that wait or are on their way.")
        queuedBytes = gauge("courant_kafka_queued_bytes", "Bytes of messages that wait or are on their way.")
        brokersUp = gauge("courant_kafka_brokers_up", "Brokers to which a connection stands.")
        roundTripSeconds = gauge(
            "courant_kafka_round_trip_seconds",
            "99th percentile of the slowest broker's round trips."
        )
        sentMessages = counter("courant_kafka_sent_messages_total", "Messages sent, with repeats.")
        sentBytes = counter("courant_kafka_sent_bytes_total", "Bytes of messages sent, with repeats.")
        requests = counter("courant_kafka_requests_total", "Requests sent to brokers.")
        requestErrors = counter("courant_kafka_request_errors_total", "Requests that could not be sent.")
        requestRetries = counter("courant_kafka_request_retries_total", "Requests that were sent again.")
        requestTimeouts = counter("courant_kafka_request_timeouts_total", "Requests that no answer came to in time.")
        unreadable = counter("courant_kafka_statistics_unreadable_total", "Statistics that could not be read.")
    }

    /// Takes the statistics of one producer, whose counters begin at nothing.
    func makeReader() -> @Sendable (String) -> Void {
        let last = Mutex<[Int]>([])
        return { text in
            guard let statistics = try? JSONValue(parsing: text) else {
                unreadable.add()
                return
            }
            let brokers = Self.members(statistics["brokers"])
            let sum = { (key: String) in brokers.reduce(0) { $0 + Self.integer($1[key]) } }
            queuedMessages.set(Double(Self.integer(statistics["msg_cnt"])))
            queuedBytes.set(Double(Self.integer(statistics["msg_size"])))
            brokersUp.set(Double(brokers.count { $0["state"]?.string == "UP" && Self.integer($0["nodeid"]) >= 0 }))
            let slowest = brokers.map { Self.integer($0["rtt"]?["p99"]) }.max() ?? 0
            roundTripSeconds.set(Double(slowest) / 1_000_000)
            let counted: [(counter: Counter, value: Int)] = [
                (sentMessages, Self.integer(statistics["txmsgs"])),
                (sentBytes, Self.integer(statistics["txmsg_bytes"])),
                (requests, sum("tx")), (requestErrors, sum("txerrs")), (requestRetries, sum("txretries")),
                (requestTimeouts, sum("req_timeouts")),
            ]
            last.withLock { last in
                for (index, entry) in counted.enumerated() {
                    entry.counter.add(max(0, entry.value - (last.isEmpty ? 0 : last[index])))
                }
                last = counted.map(\.value)
            }
        }
    }

    private static func members(_ value: JSONValue?) -> [JSONValue] {
        guard case .object(let members) = value else { return [] }
        return members.map(\.value)
    }

    private static func integer(_ value: JSONValue?) -> Int {
        value?.integer.map { Int($0) } ?? 0
    }
}
