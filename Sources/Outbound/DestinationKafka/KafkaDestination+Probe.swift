internal import CloudHTTP
package import Delivery
internal import Platform

extension KafkaDestination {
    /// How often the cluster is asked, a second each, before the probe says that it does not answer.
    private static let probesMax = 10

    /// Asks the cluster for its topics, and the schema registry whether it is one; sends no record.
    ///
    /// Whether this user may write is known only with the first record: Kafka has no question for it.
    package func probe() async throws(DestinationError) -> String {
        let view = try await look()
        let found = "\(view.brokers) of the cluster's brokers are known"
        var sentences = [found]
        if let name = configuration.topic.only {
            guard let topic = view.topics.first(where: { $0.name == name }) else {
                throw DestinationError(
                    .missing,
                    "\(found), but no topic \(name): create it, or allow this user to describe it. Brokers that create "
                        + "topics by themselves make it with the first record",
                    remedy: .waitForChange
                )
            }
            if let fault = topic.fault { throw fault.error(at: "topic \(name)") }
            sentences.append("topic \(name) is there, with partitions: \(topic.partitions)")
        } else {
            let prefix = configuration.topic.prefix
            let count = view.topics.count { $0.name.hasPrefix(prefix) && $0.fault == nil }
            sentences.append("topics that begin like \(configuration.topic.text): \(count)")
        }
        if let registry {
            try await registry.probe()
            sentences.append("the schema registry \(CloudEndpoint.place(of: registry.settings.url)) answers")
        }
        return sentences.joined(separator: "; ")
    }

    private func look() async throws(DestinationError) -> KafkaProducer.View {
        let settings = configuration.producerSettings
        let brokers = configuration.brokers.joined(separator: ",")
        return try await platform.onBlocking { () throws(DestinationError) in
            let reports = DeliveryReports(statistics: { _ in })
            let producer: KafkaProducer
            do throws(KafkaFault) {
                producer = try KafkaProducer(settings, reports: reports)
            } catch {
                throw error.error(at: "librdkafka")
            }
            var last: KafkaFault?
            for _ in 0..<Self.probesMax {
                do throws(KafkaFault) {
                    return try producer.look(atMost: .seconds(1))
                } catch {
                    last = reports.trouble ?? error
                }
                if let last, last.meaning != .passing { break }
                if Task.isCancelled { throw .cancelled }
            }
            guard let last else { preconditionFailure("who asks at least once has an answer or a fault") }
            throw last.error(at: "brokers \(brokers)")
        }
    }
}
