package import Delivery

/// Where and how a connector to Kafka writes.
package struct KafkaConfiguration: Sendable, Hashable {
    /// What decides on the partition of a record.
    package enum Key: String, Sendable, CaseIterable {
        /// A user's events stay in one partition and in their order.
        case userID = "user_id"
        case id
        case none
    }

    /// How a record's value is written.
    package enum Value: String, Sendable, CaseIterable {
        /// A zero byte, the schema's number in the registry in four bytes, the Avro datum.
        case confluentAvro = "confluent_avro"
        /// Avro's single-object encoding.
        case singleObject = "avro_single_object"
        /// One JSON object: `event_type` and the fields that are not null.
        case json
    }

    /// Bootstrap brokers, `HOST:PORT`.
    package var brokers: [String]
    package var topic: TopicTemplate
    package var key: Key
    package var value: Value
    /// Needed for `confluentAvro`.
    package var registry: RegistrySettings?
    /// Whether `ad_id`, `ad_id_type` and `ad_tracking_enabled` are sent; otherwise schema and value lack them.
    package var sendsAdvertisingIDs: Bool
    /// librdkafka's own, each without a complaint from `ProducerSettings`.
    package var librdkafka: [KafkaSetting]

    package init(
        brokers: [String],
        topic: TopicTemplate,
        key: Key = .userID,
        value: Value = .json,
        registry: RegistrySettings? = nil,
        sendsAdvertisingIDs: Bool = false,
        librdkafka: [KafkaSetting] = []
    ) {
        self.brokers = brokers
        self.topic = topic
        self.key = key
        self.value = value
        self.registry = registry
        self.sendsAdvertisingIDs = sendsAdvertisingIDs
        self.librdkafka = librdkafka
    }

    package var location: String { "kafka:\(brokers.sorted().joined(separator: ","))/\(topic.text)" }

    /// What a producer is made with.
    var producerSettings: [KafkaSetting] {
        [KafkaSetting("bootstrap.servers", brokers.joined(separator: ","))] + librdkafka
    }

    /// The time within which librdkafka reports on a message, and half a minute for its threads to be late.
    var patience: Duration {
        let names = ["message.timeout.ms", "delivery.timeout.ms"]
        let timeout = (ProducerSettings.usual + librdkafka).last { names.contains($0.name) }.flatMap { Int64($0.value) }
        return .milliseconds(timeout ?? 300_000) + .seconds(30)
    }

    package func validate() throws(DeliveryError) {
        guard !brokers.isEmpty else { throw DeliveryError(.settings, "destination.brokers: a cluster has a broker") }
        guard value != .confluentAvro || registry != nil else {
            throw DeliveryError(.settings, "destination.schema_registry: confluent_avro needs a schema registry")
        }
        for setting in librdkafka {
            guard let complaint = ProducerSettings.complaint(about: setting) else { continue }
            throw DeliveryError(.settings, "destination.librdkafka.\(setting.name): \(complaint)")
        }
    }

    /// The fields that count as advertising ids.
    private static let advertisingIDs = ["ad_id", "ad_id_type", "ad_tracking_enabled"]

    /// Whether a field of that name is not sent.
    func leavesOut(_ field: String) -> Bool { !sendsAdvertisingIDs && Self.advertisingIDs.contains(field) }
}

/// How schemas get their numbers.
package struct RegistrySettings: Sendable, Hashable {
    /// Under which name a schema stands in the registry.
    package enum Subject: String, Sendable, CaseIterable {
        /// `<topic>-value`.
        case topic
        /// The record's full name.
        case record
        /// `<topic>-<the record's full name>`.
        case topicRecord = "topic_record"
    }

    package enum Credentials: Sendable, Hashable {
        case basic(user: String, password: String)
        case bearer(String)
    }

    /// Without a slash at its end.
    package var url: String
    package var credentials: Credentials?
    package var subject: Subject
    /// Whether a schema that is not there yet is registered; otherwise somebody else has to.
    package var registers: Bool

    package init(url: String, credentials: Credentials? = nil, subject: Subject, registers: Bool = true) {
        self.url = url
        self.credentials = credentials
        self.subject = subject
        self.registers = registers
    }
}
