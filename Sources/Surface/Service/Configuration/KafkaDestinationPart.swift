package import Delivery
package import DestinationKafka

/// Topics of a Kafka cluster.
package struct KafkaDestinationPart: DestinationPart {
    package static let type = "kafka"
    package static let kind = DestinationKind.kafka
    /// Of files, which a stream does not have.
    package static let defaults = DestinationDefaults.objectStore
    package static let hasFiles = false

    package let configuration: KafkaConfiguration

    package var location: String { configuration.location }

    package func makeDestination(
        connector id: String,
        in surroundings: DestinationSurroundings
    ) throws -> Destination {
        try configuration.validate()
        return .stream(
            KafkaDestination(
                configuration,
                connector: surroundings.connector,
                platform: surroundings.platform,
                transport: surroundings.transport,
                metrics: surroundings.metrics
            )
        )
    }

    package init?(_ section: ConfigurationSection, folder: String) {
        let brokers = Self.brokers(section)
        let topic =
            section.required("topic", expected: TopicTemplate.rule) == nil
            ? nil : section.value("topic", expected: TopicTemplate.rule, TopicTemplate.init)
        let key = section.choice("key", default: .userID, of: Configuration.words(KafkaConfiguration.Key.self))
        let value = section.choice("value", default: .json, of: Configuration.words(KafkaConfiguration.Value.self))
        let usual: RegistrySettings.Subject = topic?.isByType == true ? .topic : .topicRecord
        let registry = Self.registry(section, for: value, subject: usual)
        let advertisingIDs = section.boolean("advertising_ids", default: false)
        let settings = section.texts("librdkafka", expected: "a setting's value") { name, value in
            ProducerSettings.complaint(about: KafkaSetting(name, value))
        }
        guard let topic, !brokers.isEmpty else { return nil }
        configuration = KafkaConfiguration(
            brokers: brokers,
            topic: topic,
            key: key,
            value: value,
            registry: registry,
            sendsAdvertisingIDs: advertisingIDs,
            librdkafka: settings.map { KafkaSetting($0.name, $0.value) }
        )
    }

    /// `brokers: [a:9092, b:9092]`, or one text with commas.
    private static func brokers(_ section: ConfigurationSection) -> [String] {
        let expected = "one or more HOST:PORT such as kafka-1.example.com:9092"
        guard section.has("brokers") else {
            _ = section.required("brokers", expected: expected)
            return []
        }
        return section.strings("brokers", expected: expected).flatMap { found -> [String] in
            let parts = found.value.split(separator: ",", omittingEmptySubsequences: false).map { part in
                String(part.drop { $0 == " " })
            }
            guard parts.allSatisfy({ ListenAddress($0)?.host.isEmpty == false }) else {
                section.report("expected \(expected), found \(found.kind)", key: found.key, line: found.line)
                return []
            }
            return parts
        }
    }

    private static func registry(
        _ section: ConfigurationSection,
        for value: KafkaConfiguration.Value,
        subject usual: RegistrySettings.Subject
    ) -> RegistrySettings? {
        let key = "schema_registry"
        guard section.has(key) else {
            if value == .confluentAvro { _ = section.required(key, expected: "{url: …}, which confluent_avro needs") }
            return section.section(key) { registry in
                registry.ignoreRest()
                return nil
            }
        }
        if value != .confluentAvro {
            let message = "is of use only with value: confluent_avro, found value: \(value.rawValue)"
            section.report(message, key: key, line: section.lineOf(key))
        }
        return section.section(key) { Self.registry($0, subject: usual) }
    }

    private static func registry(
        _ section: ConfigurationSection,
        subject usual: RegistrySettings.Subject
    ) -> RegistrySettings? {
        let example = "an address such as https://registry.example.com:8081, without user and password"
        let url =
            section.required("url", expected: example) == nil
            ? nil : section.value("url", expected: example, Configuration.baseURL)
        let (user, password, token) = (section.string("user"), section.string("password"), section.string("token"))
        let credentials: RegistrySettings.Credentials?
        switch (user, password, token) {
        case (nil, nil, nil): credentials = nil
        case (let user?, let password?, nil): credentials = .basic(user: user, password: password)
        case (nil, nil, let token?): credentials = .bearer(token)
        default:
            let named = ["user", "password", "token"].filter(section.has)
            let message = "expected either user and password or token, found \(named.joined(separator: " and "))"
            section.report(message, key: named[0], line: section.lineOf(named[0]))
            credentials = nil
        }
        let subject = section.choice(
            "subject",
            default: usual,
            of: Configuration.words(RegistrySettings.Subject.self)
        )
        let registers = section.boolean("register", default: true)
        return url.map { RegistrySettings(url: $0, credentials: credentials, subject: subject, registers: registers) }
    }
}
