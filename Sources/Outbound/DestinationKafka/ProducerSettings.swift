internal import CRDKafka

/// One of librdkafka's settings, by the name that its documentation gives it.
package struct KafkaSetting: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// Which of librdkafka's settings a connector has, and which may be changed.
package enum ProducerSettings {
    /// What is set unless the operator says otherwise.
    static let usual: [KafkaSetting] = [
        KafkaSetting("client.id", "courant"),
        KafkaSetting("compression.type", "lz4"),
        // Long enough for a request that hangs (`request.timeout.ms` is 30 s) to be tried once more by a producer that
        // knows its number, short enough for the connector's status to tell of an outage.
        KafkaSetting("message.timeout.ms", "60000"),
        // One connector's share of memory for messages on their way.
        KafkaSetting("queue.buffering.max.kbytes", "65536"),
        KafkaSetting("statistics.interval.ms", "15000"),
    ]

    /// What is set whatever the operator says.
    static let fixed: [KafkaSetting] = [
        KafkaSetting("enable.idempotence", "true"),
        KafkaSetting("acks", "all"),
    ]

    /// Why a setting is refused, without its value, which may be a secret; nil if it is taken.
    package static func complaint(about setting: KafkaSetting) -> String? {
        if let complaint = promiseBroken(by: setting) { return complaint }
        let scratch = unsafe rd_kafka_conf_new()
        defer { unsafe rd_kafka_conf_destroy(scratch) }
        var reason = ErrorText()
        switch unsafe reason.fill({ unsafe rd_kafka_conf_set(scratch, setting.name, setting.value, $0, $1) }) {
        case RD_KAFKA_CONF_OK: return nil
        case RD_KAFKA_CONF_UNKNOWN: return "is not a setting of librdkafka \(version)"
        default: return "librdkafka \(version) does not take this value"
        }
    }

    /// The library's version, such as `2.0.2`.
    package static var version: String { unsafe String(cString: rd_kafka_version_str()) }

    /// Settings that would break what a connector promises, or that stand elsewhere.
    private static func promiseBroken(by setting: KafkaSetting) -> String? {
        switch setting.name {
        case "enable.idempotence":
            setting.value == "true" ? nil : "must stay true: without it a retry doubles and reorders records"
        case "acks", "request.required.acks":
            ["all", "-1"].contains(setting.value)
                ? nil : "must stay all: fewer acknowledgements lose records when a broker fails"
        case "transactional.id": "cannot be set: records are acknowledged one by one, not in transactions"
        case "delivery.report.only.error":
            setting.value == "false" ? nil : "must stay false: the cursor moves on the reports of delivered records"
        case "message.timeout.ms", "delivery.timeout.ms":
            setting.value == "0" ? "must not be 0: an outage would never show" : nil
        case "bootstrap.servers", "metadata.broker.list": "stands under brokers, not here"
        case "test.mock.num.brokers": "cannot be set: its records would go nowhere"
        default: nil
        }
    }

    /// librdkafka's own form of the settings; belongs to the caller.
    static func make(_ settings: [KafkaSetting]) throws(KafkaFault) -> OpaquePointer {
        guard let made = unsafe rd_kafka_conf_new() else { preconditionFailure("librdkafka has no memory") }
        // Its log would go to standard error; who asks for it gets it.
        if !settings.contains(where: { $0.name == "debug" || $0.name == "log_level" }) {
            unsafe rd_kafka_conf_set_log_cb(made, nil)
        }
        for setting in usual + settings + fixed {
            var reason = ErrorText()
            let result = unsafe reason.fill { unsafe rd_kafka_conf_set(made, setting.name, setting.value, $0, $1) }
            guard result == RD_KAFKA_CONF_OK else {
                unsafe rd_kafka_conf_destroy(made)
                throw KafkaFault(RD_KAFKA_RESP_ERR__INVALID_ARG, "\(setting.name): \(reason.text)")
            }
        }
        return unsafe made
    }
}
