internal import Avro
package import CloudHTTP
package import Delivery
internal import Journal
package import Platform
internal import Synchronization
package import Telemetry

/// A Kafka cluster as a stream.
///
/// A batch is done when the brokers have reported on each of its messages. Of a batch that failed in part, what was
/// acknowledged is remembered and not sent again by this process.
package final class KafkaDestination: StreamDestination {
    private struct State {
        var producer: KafkaProducer?
        var forms = Forms()
        /// By partition the batch that is not done.
        var attempts: [PartitionID: Attempt] = [:]
    }

    /// A batch that failed in part, to know it by when it comes again.
    private struct Attempt {
        let records: [StreamBatch.Record]
        /// Places of those that stand in Kafka.
        var acknowledged: Set<Int> = []
    }

    /// How records are written, by the place of their type; made when the first of its type comes.
    private struct Forms {
        var types: [CarriedType] = []
        var made: [RecordForm?] = []
    }

    let configuration: KafkaConfiguration
    let platform: Platform
    private let metrics: KafkaMetrics
    let registry: SchemaRegistry?
    private let state = Mutex(State())

    /// `connector` is the name that its metrics have; `transport` leads to the schema registry.
    package init(
        _ configuration: KafkaConfiguration,
        connector: String,
        platform: Platform,
        transport: any CloudTransport,
        metrics: MetricRegistry
    ) {
        self.configuration = configuration
        self.platform = platform
        self.metrics = KafkaMetrics(metrics, connector: connector)
        let settings = configuration.value == .confluentAvro ? configuration.registry : nil
        registry = settings.map {
            SchemaRegistry(settings: $0, transport: transport, clock: platform.clock)
        }
    }

    package var location: String { configuration.location }
    package func leavesOut(_ field: String) -> Bool { configuration.leavesOut(field) }

    // One batch of each partition is in memory twice: as datums, and as messages on their way.
    package let limits = StreamLimits(recordsMax: 5_000, bytesMax: 4 << 20)

    package func deliver(_ batch: StreamBatch) async throws(DestinationError) -> StreamOutcome {
        let forms = try await forms(for: batch)
        let producer = try await producer()
        var attempt = Attempt(records: batch.records)
        // A test's record has an offset too, but no other batch has these very records.
        if let last = state.withLock({ $0.attempts[batch.partition] }), last.records == batch.records {
            attempt = last
        }
        var outcome = StreamOutcome()
        var sending = Sending(producer, clock: platform.clock, patience: configuration.patience)
        for (index, record) in batch.records.enumerated() where !attempt.acknowledged.contains(index) {
            guard let form = forms[record.type] else { preconditionFailure("each type of a batch has its form") }
            do throws(AvroError) {
                sending.add(try form.message(batch.bytes, record.datum), of: index)
            } catch {
                outcome.refused.append(.init(record: index, reason: "the record cannot be read: \(error)"))
            }
        }
        do throws(DestinationError) {
            outcome.refused += try await sending.finish()
        } catch {
            attempt.acknowledged.formUnion(sending.acknowledged)
            if !attempt.acknowledged.isEmpty { state.withLock { $0.attempts[batch.partition] = attempt } }
            throw error
        }
        state.withLock { state in
            if state.attempts[batch.partition]?.records == batch.records { state.attempts[batch.partition] = nil }
        }
        return outcome
    }

    // MARK: Producer

    /// The producer, made anew where the last one is spent.
    private func producer() async throws(DestinationError) -> KafkaProducer {
        if let producer = usableProducer() { return producer }
        let reports = DeliveryReports(statistics: metrics.makeReader())
        let settings = configuration.producerSettings
        let made: KafkaProducer
        do throws(KafkaFault) {
            made = try await platform.onBlocking { () throws(KafkaFault) in
                try KafkaProducer(settings, reports: reports)
            }
        } catch {
            throw DestinationError(.refused, "librdkafka: \(error.message)", remedy: .waitForChange)
        }
        // Another partition may have been quicker; whichever is too much ends outside the lock, since ending joins
        // threads.
        let (producer, spent) = state.withLock { state in
            if let producer = state.producer, producer.reports.fatal == nil {
                return (producer, made as KafkaProducer?)
            }
            defer { state.producer = made }
            return (made, state.producer)
        }
        withExtendedLifetime(spent) {}
        return producer
    }

    func usableProducer() -> KafkaProducer? {
        state.withLock { $0.producer.flatMap { $0.reports.fatal == nil ? $0 : nil } }
    }

    // MARK: Forms

    private func forms(for batch: StreamBatch) async throws(DestinationError) -> [RecordForm?] {
        var forms = state.withLock { state in
            if state.forms.types != batch.types {
                let none = [RecordForm?](repeating: nil, count: batch.types.count)
                state.forms = Forms(types: batch.types, made: none)
            }
            return state.forms.made
        }
        var missing: [Int] = []
        for record in batch.records where forms[record.type] == nil && missing.last != record.type {
            missing.append(record.type)
        }
        for type in missing where forms[type] == nil {
            let form = try await makeForm(batch.types[type])
            forms[type] = form
            state.withLock { if $0.forms.types == batch.types { $0.forms.made[type] = form } }
        }
        return forms
    }

    private func makeForm(_ type: CarriedType) async throws(DestinationError) -> RecordForm {
        let (record, sent): (RecordSchema, Schema)
        let resolution: Resolution?
        do throws(AvroError) {
            let schema = try Schema(json: type.schema)
            guard let found = schema.recordSchema else { preconditionFailure("an event's schema is a record's") }
            (record, sent) = (found, RecordForm.sentSchema(found, as: configuration))
            resolution = configuration.value == .json ? try Resolution(writer: schema) : nil
        } catch {
            preconditionFailure("the schema of \(type.name) is Avro: \(error)")
        }
        let value: RecordForm.Value
        if let resolution {
            value = .json(resolution)
        } else if let registry {
            let topic = configuration.topic.topic(ofType: type.name, edition: type.edition)
            let subject = registry.subject(topic: topic, record: record.name)
            let id = try await registry.id(of: sent.json, subject: subject)
            value = .avro(head: [0] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: id >> (8 * $0)) })
        } else {
            value = .avro(head: SingleObject.marker + sent.fingerprint.littleEndianBytes)
        }
        return RecordForm(type, schema: record, value: value, as: configuration)
    }
}
