import CRDKafka
import CloudHTTP
import Delivery
import DestinationConformance
import Foundation
import Platform
import ProgramTesting
import StoreDoubles
import Telemetry
import Testing

@testable import DestinationKafka

/// A cluster of its own for each test, written to by destinations and read by the Python client.
final class KafkaSubject: StreamConformanceSubject {
    static let topic = "events"

    /// A message as the Python client found it.
    struct Message: Decodable {
        let topic: String
        let partition: Int
        let offset: Int
        let key: String?
        let headers: [[String]]
        let value: String

        func header(_ name: String) -> String? { headers.first { $0[0] == name }?[1] }
        var keyText: String? { key.map { String(decoding: Self.bytes($0), as: UTF8.self) } }
        var bytes: [UInt8] { Self.bytes(value) }

        private static func bytes(_ hex: String) -> [UInt8] { Hex.bytes(hex) ?? [] }
    }

    let cluster: KafkaCluster
    let platform = Platform.live(blockingThreads: 2, computeThreads: 1)
    let metrics = MetricRegistry()
    /// Leads to the schema registry; most have none.
    let transport: any CloudTransport

    init(
        partitions: Int32 = 1,
        transport: any CloudTransport = ScriptedTransport { _ in preconditionFailure("there is no registry") }
    ) {
        self.transport = transport
        cluster = KafkaCluster()
        cluster.makeTopic(Self.topic, partitions: partitions)
    }

    func makeDestination() async throws -> any StreamDestination { try makeKafka() }

    func makeKafka(
        topic: String = KafkaSubject.topic,
        key: KafkaConfiguration.Key = .userID,
        value: KafkaConfiguration.Value = .json,
        registry: RegistrySettings? = nil,
        sendsAdvertisingIDs: Bool = false,
        settings: [KafkaSetting] = []
    ) throws -> KafkaDestination {
        let usual = [
            // An outage shows after this time; an unknown topic after that.
            KafkaSetting("message.timeout.ms", "4000"), KafkaSetting("topic.metadata.propagation.max.ms", "500"),
            // Whole batches go out as one request.
            KafkaSetting("linger.ms", "50"), KafkaSetting("reconnect.backoff.max.ms", "200"),
        ]
        let configuration = KafkaConfiguration(
            brokers: cluster.brokers,
            topic: try #require(TopicTemplate(topic)),
            key: key,
            value: value,
            registry: registry,
            sendsAdvertisingIDs: sendsAdvertisingIDs,
            librdkafka: usual + settings
        )
        try configuration.validate()
        return KafkaDestination(
            configuration,
            connector: "kafka",
            platform: platform,
            transport: transport,
            metrics: metrics
        )
    }

    /// All messages of some topics, or of all; by topic, partition and offset.
    func messages(_ topics: String...) async throws -> [Message] {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/consume.py")
        let outcome = try await runProgram(
            try testPython(),
            [script.path(percentEncoded: false), cluster.brokers.joined(separator: ",")] + topics
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try outcome.lines.map { try JSONDecoder().decode(Message.self, from: Data($0.utf8)) }
    }

    func ids() async throws -> [String] { try await messages(Self.topic).compactMap { $0.header("id") } }

    func faults() async throws -> [StreamConformanceFault] {
        let cluster = cluster
        func answer(
            _ name: String,
            _ request: KafkaCluster.Request,
            _ codes: [rd_kafka_resp_err_t],
            _ answer: StreamConformanceFault.Answer
        ) -> StreamConformanceFault {
            StreamConformanceFault(
                name: name,
                answer: answer,
                begin: { cluster.answer(request, with: codes) },
                end: { cluster.clearAnswers(to: request) }
            )
        }
        let tooLarge = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
        return [
            answer(
                "no right to the topic",
                .produce,
                [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED],
                .failure(.waitForChange)
            ),
            answer(
                "no right to produce idempotently",
                .initProducerID,
                [RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED],
                .failure(.waitForChange)
            ),
            StreamConformanceFault(
                name: "an unknown topic",
                answer: .failure(.waitForChange),
                begin: { cluster.setError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ofTopic: Self.topic) },
                end: { cluster.setError(RD_KAFKA_RESP_ERR_NO_ERROR, ofTopic: Self.topic) }
            ),
            StreamConformanceFault(
                name: "an outage",
                answer: .failure(.retry(after: nil)),
                begin: { for broker in 1...3 { cluster.setDown(Int32(broker)) } },
                end: { for broker in 1...3 { cluster.setUp(Int32(broker)) } }
            ),
            // The request of ten is refused for one of them; asked about alone, the first is refused again.
            answer("a message that is too large", .produce, [tooLarge, tooLarge], .refusalOfFirst),
            answer(
                "an invalid record",
                .produce,
                [RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_RECORD],
                .refusalOfFirst
            ),
        ]
    }
}
