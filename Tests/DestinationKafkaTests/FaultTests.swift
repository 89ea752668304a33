import CRDKafka
import Delivery
import Testing

@testable import DestinationKafka

@Suite("What brokers say")
struct FaultTests {
    static let passing: [rd_kafka_resp_err_t] = [
        RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        RD_KAFKA_RESP_ERR_INVALID_MSG, RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR_UNKNOWN,
    ]

    @Test("what passes is tried again", arguments: passing)
    func passes(code: rd_kafka_resp_err_t) {
        let error = KafkaFault(code).error(at: "here")
        #expect(error.remedy == .retry(after: nil))
        #expect(error.code == .unreachable)
    }

    static let standing: [(rd_kafka_resp_err_t, DestinationError.Code)] = [
        (RD_KAFKA_RESP_ERR__AUTHENTICATION, .denied), (RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, .denied),
        (RD_KAFKA_RESP_ERR__SSL, .denied), (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, .denied),
        (RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, .denied), (RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, .missing),
        (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, .missing), (RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, .missing),
        (RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, .refused),
    ]

    @Test("what somebody must mend waits for that, and says what to do", arguments: standing)
    func stands(code: rd_kafka_resp_err_t, is kind: DestinationError.Code) {
        let fault = KafkaFault(code)
        let error = fault.error(at: "topic t")
        #expect(error.remedy == .waitForChange)
        #expect(error.code == kind)
        #expect(error.message.hasPrefix("topic t: \(fault.message) (\(fault.name)): "))
    }

    @Test(
        "what is wrong with a record refuses it",
        arguments: [
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_RECORD,
            RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
        ]
    )
    func refuses(code: rd_kafka_resp_err_t) {
        #expect(KafkaFault(code).error(at: "here").remedy == .setAside)
    }

    @Test("refused credentials say more than the brokers that are down because of them")
    func trouble() {
        let reports = DeliveryReports(statistics: { _ in })
        reports.take(KafkaFault(RD_KAFKA_RESP_ERR__TRANSPORT))
        reports.take(KafkaFault(RD_KAFKA_RESP_ERR__AUTHENTICATION))
        reports.take(KafkaFault(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN))
        #expect(reports.trouble?.code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        let ticket = reports.open(messages: 1)
        reports.take([.init(number: DeliveryReports.number(ticket, place: 0), fault: nil)])
        #expect(reports.trouble == nil)
        #expect(reports.isComplete(ticket))
        #expect(reports.close(ticket).isAcknowledged == [true])
    }
}

@Suite("librdkafka's settings")
struct ProducerSettingsTests {
    @Test(
        "those that would break a promise are refused",
        arguments: [
            ("enable.idempotence", "false"), ("acks", "1"), ("acks", "0"), ("request.required.acks", "1"),
            ("transactional.id", "x"), ("delivery.report.only.error", "true"), ("message.timeout.ms", "0"),
            ("delivery.timeout.ms", "0"), ("bootstrap.servers", "b:9092"), ("metadata.broker.list", "b:9092"),
            ("test.mock.num.brokers", "3"), ("no.such.setting", "1"), ("linger.ms", "soon"),
            ("compression.type", "brotli"), ("linger.ms", "9999999"),
        ]
    )
    func refused(name: String, value: String) throws {
        let complaint = try #require(ProducerSettings.complaint(about: KafkaSetting(name, value)))
        #expect(!complaint.contains(value) || value.count < 3)
        #expect(throws: DeliveryError.self) {
            try KafkaConfiguration(
                brokers: ["b:9092"],
                topic: #require(TopicTemplate("t")),
                librdkafka: [KafkaSetting(name, value)]
            ).validate()
        }
    }

    @Test(
        "others are taken",
        arguments: [
            ("enable.idempotence", "true"), ("acks", "all"), ("request.required.acks", "-1"), ("linger.ms", "20"),
            ("compression.type", "zstd"), ("security.protocol", "SASL_SSL"), ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "u"), ("sasl.password", "p"), ("ssl.ca.location", "ca.pem"),
            ("message.timeout.ms", "30000"), ("partitioner", "murmur2_random"),
        ]
    )
    func taken(name: String, value: String) {
        #expect(ProducerSettings.complaint(about: KafkaSetting(name, value)) == nil)
    }

    @Test("what is set without the operator is taken too")
    func usual() {
        for setting in ProducerSettings.usual + ProducerSettings.fixed {
            #expect(ProducerSettings.complaint(about: setting) == nil, "\(setting)")
        }
    }
}
