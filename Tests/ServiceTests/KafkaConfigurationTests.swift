import Delivery
import DestinationKafka
import Platform
import StoreDoubles
import Telemetry
import Testing

@testable import Service

@Suite struct KafkaConfigurationTests {
    private static func read(
        _ destination: String,
        environment: [String: String] = [:],
        more: String = ""
    ) throws -> Configuration {
        let lines = destination.split(separator: "\n").map { "      \($0)\n" }.joined()
        let yaml = "connectors:\n  bus:\n    destination:\n      type: kafka\n\(lines)\(more)"
        return try ConfigurationTests.read(yaml, environment: environment)
    }

    private static func kafka(
        _ destination: String,
        environment: [String: String] = [:]
    ) throws -> KafkaConfiguration {
        let connector = try #require(try read(destination, environment: environment).connectors.first)
        return try #require(connector.destination as? KafkaDestinationPart).configuration
    }

    @Test("brokers and topic are enough; the rest has defaults")
    func defaults() throws {
        let kafka = try Self.kafka("brokers: [b:9092, a:9092]\ntopic: events")
        let topic = try #require(TopicTemplate("events"))
        #expect(kafka == KafkaConfiguration(brokers: ["b:9092", "a:9092"], topic: topic))
        #expect(kafka.location == "kafka:a:9092,b:9092/events")
        #expect(kafka.key == .userID)
        #expect(kafka.value == .json)
        #expect(!kafka.sendsAdvertisingIDs)
    }

    @Test("everything can be set, and secrets come from the environment")
    func everything() throws {
        let kafka = try Self.kafka(
            """
            brokers: a:9092, b:9093
            topic: currents.{event_type}
            key: id
            value: confluent_avro
            schema_registry:
              url: https://registry.example.com/
              user: courant
              password: ${REGISTRY_PASSWORD}
              subject: record
              register: false
            advertising_ids: true
            librdkafka:
              security.protocol: SASL_SSL
              sasl.password: ${KAFKA_PASSWORD}
              linger.ms: 20
            """,
            environment: ["REGISTRY_PASSWORD": "r", "KAFKA_PASSWORD": "k"]
        )
        #expect(kafka.brokers == ["a:9092", "b:9093"])
        #expect(kafka.topic == TopicTemplate("currents.{event_type}"))
        #expect(kafka.key == .id)
        #expect(kafka.value == .confluentAvro)
        #expect(
            kafka.registry
                == RegistrySettings(
                    url: "https://registry.example.com",
                    credentials: .basic(user: "courant", password: "r"),
                    subject: .record,
                    registers: false
                )
        )
        #expect(kafka.sendsAdvertisingIDs)
        #expect(
            kafka.librdkafka == [
                KafkaSetting("security.protocol", "SASL_SSL"), KafkaSetting("sasl.password", "k"),
                KafkaSetting("linger.ms", "20"),
            ]
        )
    }

    @Test("the subject is the topic's where each type has its topic, and the record's with it elsewhere")
    func subjects() throws {
        let rest = "\nvalue: confluent_avro\nschema_registry: {url: \"http://r:8081\", token: t}"
        let byType = try Self.kafka("brokers: [b:9092]\ntopic: \"{event_type}\"" + rest)
        #expect(byType.registry?.subject == .topic)
        #expect(byType.registry?.credentials == .bearer("t"))
        #expect(try Self.kafka("brokers: [b:9092]\ntopic: events" + rest).registry?.subject == .topicRecord)
    }

    @Test("the part makes a stream")
    func stream() throws {
        let configuration = try Self.read("brokers: [b:9092]\ntopic: events")
        let part = try #require(configuration.connectors.first)
        let platform = Platform.live(blockingThreads: 1, computeThreads: 1)
        let surroundings = DestinationSurroundings(
            connector: part.name,
            platform: platform,
            transport: ScriptedTransport { _ in preconditionFailure("nothing is asked") },
            metrics: MetricRegistry()
        )
        guard case .stream(let stream) = try part.destination.makeDestination(connector: "c", in: surroundings) else {
            Issue.record("Kafka is a stream")
            return
        }
        #expect(stream.location == part.destination.location)
    }

    static let place = "connectors.bus.destination"

    @Test(
        "each mistake is named with its line",
        arguments: [
            (
                "topic: t",
                "c.yaml:3: \(place).brokers: is missing; expected one or more HOST:PORT such as kafka-1.example.com:9092"
            ),
            (
                "brokers: [a:9092, nowhere]\ntopic: t",
                "c.yaml:5: \(place).brokers[1]: expected one or more HOST:PORT such as kafka-1.example.com:9092, found a text"
            ),
            (
                "brokers: [a:9092]\ntopic: a/b",
                "c.yaml:6: \(place).topic: expected a topic of letters, digits and . _ - (at most 120), in which {event_type} and {edition} may stand, found a text"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nkey: user",
                "c.yaml:7: \(place).key: expected one of user_id, id, none, found a text"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nvalue: confluent_avro",
                "c.yaml:3: \(place).schema_registry: is missing; expected {url: …}, which confluent_avro needs"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nschema_registry: {url: \"http://r\"}",
                "c.yaml:7: \(place).schema_registry: is of use only with value: confluent_avro, found value: json"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nvalue: confluent_avro\nschema_registry:\n  url: http://r\n  user: u",
                "c.yaml:10: \(place).schema_registry.user: expected either user and password or token, found user"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nvalue: confluent_avro\nschema_registry: {url: r}",
                "c.yaml:8: \(place).schema_registry.url: expected an address such as https://registry.example.com:8081, without user and password, found a text"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nvalue: confluent_avro\nschema_registry: {url: \"http://u:p4ss@r:8081\"}",
                "c.yaml:8: \(place).schema_registry.url: expected an address such as https://registry.example.com:8081, without user and password, found a text"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nlibrdkafka:\n  linger.ms: 5\n  acks: 1",
                "c.yaml:9: \(place).librdkafka.acks: must stay all: fewer acknowledgements lose records when a broker fails"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nlibrdkafka: {enable.idempotence: false}",
                "c.yaml:7: \(place).librdkafka.enable.idempotence: must stay true: without it a retry doubles and reorders records"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nlibrdkafka: {bootstrap.servers: x}",
                "c.yaml:7: \(place).librdkafka.bootstrap.servers: stands under brokers, not here"
            ),
            (
                "brokers: [a:9092]\ntopic: t\nadvertising_ids: maybe",
                "c.yaml:7: \(place).advertising_ids: expected true or false, found a text"
            ),
        ]
    )
    func mistakes(destination: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try Self.read(destination) }
        #expect(error?.description == message)
    }

    @Test("what librdkafka does not know or take is said with its version and without the value")
    func unknownSettings() throws {
        let start = "brokers: [a:9092]\ntopic: t\nlibrdkafka: "
        let version = ProducerSettings.version
        let unknown = #expect(throws: ConfigurationError.self) { try Self.read(start + "{lingr.ms: 5}") }
        let line = "c.yaml:7: \(Self.place).librdkafka"
        #expect(unknown?.description == "\(line).lingr.ms: is not a setting of librdkafka \(version)")
        let bad = #expect(throws: ConfigurationError.self) {
            try Self.read(start + "{linger.ms: \"${SECRET}\"}", environment: ["SECRET": "hunter2"])
        }
        #expect(bad?.description == "\(line).linger.ms: librdkafka \(version) does not take this value")
    }

    @Test("settings of files are refused", arguments: ["codec: deflate", "roll: {every: 60s}", "key: {prefix: a}"])
    func files(line: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Self.read("brokers: [a:9092]\ntopic: t", more: "    \(line)")
        }
        let key = line.prefix { $0 != ":" }
        #expect(
            error?.description
                == "c.yaml:7: connectors.bus.\(key): is about files, which a connector to kafka does not have"
        )
    }
}
