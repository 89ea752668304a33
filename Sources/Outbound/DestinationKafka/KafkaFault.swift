internal import CRDKafka
internal import Delivery

/// What librdkafka or a broker had against a message or the producer.
struct KafkaFault: Error, Sendable, Hashable {
    /// What may be done about it.
    enum Meaning: Sendable, Hashable {
        /// It comes right by itself, with a new producer if this one is spent.
        case passing
        /// Somebody has to change something, and what.
        case standing(DestinationError.Code, hint: String)
        /// This record is refused, whenever it is sent.
        case refusal
    }

    let code: rd_kafka_resp_err_t
    let message: String
    /// Whether the producer is of no more use.
    let isFatal: Bool

    init(_ code: rd_kafka_resp_err_t, _ message: String? = nil, isFatal: Bool = false) {
        self.code = code
        self.isFatal = isFatal
        self.message = unsafe message ?? String(cString: rd_kafka_err2str(code))
    }

    /// Such as `TOPIC_AUTHORIZATION_FAILED`; those of librdkafka itself begin with an underscore.
    var name: String { unsafe String(cString: rd_kafka_err2name(code)) }

    var meaning: Meaning {
        switch code {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
            RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_RECORD,
            RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
            .refusal
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE,
            RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
            .standing(.denied, hint: "check the sasl.* and security.protocol settings under librdkafka")
        case RD_KAFKA_RESP_ERR__SSL:
            .standing(.denied, hint: "check the ssl.* settings under librdkafka and the brokers' certificates")
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            .standing(.denied, hint: "allow this user to write to and describe the topic")
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            .standing(.denied, hint: "allow this user IdempotentWrite on the cluster (before Kafka 3.0)")
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            .standing(.missing, hint: "create the topic, or allow this user to describe it")
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            .standing(.missing, hint: "the brokers do not take this name for a topic")
        case RD_KAFKA_RESP_ERR_POLICY_VIOLATION, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
            .standing(.refused, hint: "the brokers need headers and idempotent producers: Kafka 0.11 or later")
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
            .standing(.refused, hint: "check the settings under librdkafka")
        default: .passing
        }
    }

    /// Whether it only says that time ran out, and the reason is elsewhere.
    var isTimeout: Bool { code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || code == RD_KAFKA_RESP_ERR__TIMED_OUT }

    /// For the connector's status; `place` says what was being done.
    func error(at place: String) -> DestinationError {
        let sentence = "\(place): \(message) (\(name))"
        switch meaning {
        case .passing: return DestinationError(.unreachable, sentence, remedy: .retry(after: nil))
        case .standing(let code, let hint):
            return DestinationError(code, "\(sentence): \(hint)", remedy: .waitForChange)
        case .refusal: return DestinationError(.refused, sentence, remedy: .setAside)
        }
    }
}
