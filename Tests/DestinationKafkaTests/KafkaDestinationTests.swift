import CRDKafka
import Delivery
import DestinationConformance
import Foundation
import Journal
import Platform
import ProgramTesting
import StoreDoubles
import Telemetry
import Testing

@testable import DestinationKafka

@Suite("A Kafka cluster as a destination", .timeLimit(.minutes(2)))
struct KafkaDestinationTests {
    private static func opens(_ numbers: Range<Int>) throws -> StreamBatch {
        let type = try Records.type(Records.open)
        return try Records.batch(
            numbers.map { (type, ["id": "record-\($0)", "user_id": "user-\($0 % 7)"]) },
            from: Int64(numbers.lowerBound)
        )
    }

    @Test("passes the suite of all streams", arguments: StreamConformanceCheck.allCases)
    func conforms(check: StreamConformanceCheck) async throws {
        let subject = KafkaSubject()
        let suite = StreamConformance(subject, type: try Records.type(Records.open), platform: subject.platform)
        try await suite.run(check)
    }

    @Test(
        "rides over what brokers say in passing, and each record stands once in its order",
        arguments: [
            [RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE],
            [RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT],
            [RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR],
        ]
    )
    func passingErrors(codes: [rd_kafka_resp_err_t]) async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka()
        let isOfProducer = codes[0] == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
        subject.cluster.answer(isOfProducer ? .initProducerID : .produce, with: codes)
        let outcome = try await destination.deliver(try Self.opens(0..<200))
        #expect(outcome.refused.isEmpty)
        #expect(try await subject.ids() == (0..<200).map { "record-\($0)" })
    }

    @Test("follows the leader from broker to broker, and through a broker's end")
    func leaderChanges() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(settings: [KafkaSetting("message.timeout.ms", "30000")])
        for round in 0..<6 {
            subject.cluster.setLeader(Int32(round % 3 + 1), of: KafkaSubject.topic)
            _ = try await destination.deliver(try Self.opens(round * 50..<round * 50 + 50))
        }
        subject.cluster.setDown(3)
        subject.cluster.setLeader(1, of: KafkaSubject.topic)
        _ = try await destination.deliver(try Self.opens(300..<350))
        subject.cluster.setUp(3)
        #expect(try await subject.ids() == (0..<350).map { "record-\($0)" })
    }

    @Test("compressed batches arrive", arguments: ["none", "gzip", "snappy", "lz4", "zstd"])
    func compression(codec: String) async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(settings: [KafkaSetting("compression.type", codec)])
        _ = try await destination.deliver(try Self.opens(0..<100))
        #expect(try await subject.ids() == (0..<100).map { "record-\($0)" })
    }

    @Test("a full queue holds the sender back, and everything arrives")
    func backPressure() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(settings: [
            KafkaSetting("queue.buffering.max.messages", "10"), KafkaSetting("linger.ms", "1"),
        ])
        #expect(try await destination.deliver(try Self.opens(0..<300)).refused.isEmpty)
        #expect(try await subject.ids() == (0..<300).map { "record-\($0)" })
    }

    @Test("a record larger than the producer takes is refused with its size as the reason, the others stand")
    func tooLarge() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(settings: [
            KafkaSetting("message.max.bytes", "4000"), KafkaSetting("batch.size", "4000"),
        ])
        let type = try Records.type(Records.open)
        let long = String(repeating: "x", count: 5_000)
        let batch = try Records.batch(
            [["id": "a"], ["id": "b", "campaign_name": long], ["id": "c"]].map { (type, $0) }
        )
        let refused = try await destination.deliver(batch).refused
        #expect(refused.map(\.record) == [1])
        #expect(refused[0].reason.contains("MSG_SIZE_TOO_LARGE"))
        #expect(try await subject.ids() == ["a", "c"])
    }

    @Test("a broker that refuses a whole request for its size gets the records one by one")
    func refusedTogether() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka()
        subject.cluster.answer(.produce, with: [RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE])
        #expect(try await destination.deliver(try Self.opens(0..<10)).refused.isEmpty)
        #expect(try await subject.ids() == (0..<10).map { "record-\($0)" })
    }

    @Test("a record that cannot be read is refused, the others stand")
    func malformed() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka()
        var batch = try Self.opens(0..<3)
        // The length of its id leads out of the datum.
        batch.bytes[batch.records[1].datum.lowerBound] = 0x7E
        batch.bytes[batch.records[1].datum.lowerBound + 1] = 0xFF
        let refused = try await destination.deliver(batch).refused
        #expect(refused.map(\.record) == [1])
        #expect(try await subject.ids() == ["record-0", "record-2"])
    }

    @Test("what was acknowledged before another record failed is not sent again")
    func remembersAcknowledged() async throws {
        let subject = KafkaSubject()
        subject.cluster.makeTopic("events.\(Records.open)")
        subject.cluster.makeTopic("events.\(Records.click)")
        let denied = "events.\(Records.click)"
        subject.cluster.setError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ofTopic: denied)
        let destination = try subject.makeKafka(topic: "events.{event_type}")
        let (open, click) = (try Records.type(Records.open), try Records.type(Records.click))
        let batch = try Records.batch([(open, ["id": "a"]), (click, ["id": "b"]), (open, ["id": "c"])])
        let error = await #expect(throws: DestinationError.self) { try await destination.deliver(batch) }
        #expect(error?.code == .missing)
        #expect(error?.message.contains(denied) == true)
        // A test's record with the same offset is another one.
        let test = try Records.batch([(open, ["id": "test"])])
        #expect(try await destination.deliver(test).refused.isEmpty)
        subject.cluster.setError(RD_KAFKA_RESP_ERR_NO_ERROR, ofTopic: denied)
        while true {
            // The producer needs a moment to see that the topic is there.
            if let outcome = try? await destination.deliver(batch) {
                #expect(outcome.refused.isEmpty)
                break
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(try await subject.messages().compactMap { $0.header("id") }.sorted() == ["a", "b", "c", "test"])
    }

    @Test("a producer that failed for good is made anew")
    func fatal() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka()
        _ = try await destination.deliver(try Self.opens(0..<10))
        let spent = try #require(destination.usableProducer())
        spent.failForGood(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER)
        // Whether the delivery meets the failure or comes after it.
        do {
            _ = try await destination.deliver(try Self.opens(10..<20))
        } catch let error as DestinationError {
            #expect(error.remedy == .retry(after: nil))
            #expect(error.message.contains("OUT_OF_ORDER_SEQUENCE_NUMBER"))
            _ = try await destination.deliver(try Self.opens(10..<20))
        }
        #expect(destination.usableProducer() !== spent)
        #expect(try await subject.ids() == (0..<20).map { "record-\($0)" })
    }

    @Test("a producer that reports nothing is given up, and its records are tried again with another")
    func silence() async throws {
        let subject = KafkaSubject()
        for broker in Int32(1)...3 { subject.cluster.setDown(broker) }
        let producer = try KafkaProducer(
            [KafkaSetting("bootstrap.servers", subject.cluster.brokers.joined(separator: ","))],
            reports: DeliveryReports(statistics: { _ in })
        )
        var sending = Sending(producer, clock: subject.platform.clock, patience: .milliseconds(100))
        sending.add(KafkaMessage(topic: KafkaSubject.topic, key: nil, value: [1], headers: []), of: 0)
        do {
            _ = try await sending.finish()
            Issue.record("nobody acknowledged anything")
        } catch {
            #expect(error.remedy == .retry(after: nil))
            #expect(error.message.contains("reports nothing"))
        }
        #expect(producer.reports.fatal != nil, "the destination makes another")
        #expect(sending.acknowledged.isEmpty)
    }

    @Test("brokers that cannot be reached are named in the error")
    func unreachable() async throws {
        let subject = KafkaSubject()
        for broker in 1...3 { subject.cluster.setDown(Int32(broker)) }
        let destination = try subject.makeKafka(settings: [KafkaSetting("message.timeout.ms", "1500")])
        let error = await #expect(throws: DestinationError.self) {
            try await destination.deliver(try Self.opens(0..<1))
        }
        #expect(error?.code == .unreachable)
        #expect(error?.remedy == .retry(after: nil))
        #expect(error?.message.contains("record-0") == false, "an error shows no record")
        #expect(error?.message.contains("127.0.0.1") == true || error?.message.contains("brokers are down") == true)
    }

    @Test("brokers that do not speak TLS are named with the state in which they hung up")
    func security() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(settings: [
            KafkaSetting("security.protocol", "ssl"), KafkaSetting("message.timeout.ms", "1500"),
        ])
        let error = await #expect(throws: DestinationError.self) {
            try await destination.deliver(try Self.opens(0..<1))
        }
        #expect(error?.remedy == .retry(after: nil))
        #expect(error?.message.contains("SSL_HANDSHAKE") == true, "\(error?.message ?? "")")
    }

    @Test("brokers without the wanted authentication wait for somebody to mend it")
    func authentication() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(settings: [
            KafkaSetting("security.protocol", "sasl_plaintext"), KafkaSetting("sasl.mechanism", "PLAIN"),
            KafkaSetting("sasl.username", "courant"), KafkaSetting("sasl.password", "hunter2"),
            KafkaSetting("message.timeout.ms", "1500"),
        ])
        let error = await #expect(throws: DestinationError.self) {
            try await destination.deliver(try Self.opens(0..<1))
        }
        #expect(error?.remedy == .waitForChange, "\(error?.message ?? "")")
        #expect(error?.code == .denied)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test("the statistics become metrics")
    func statistics() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(settings: [KafkaSetting("statistics.interval.ms", "50")])
        _ = try await destination.deliver(try Self.opens(0..<40))
        let labels = [("connector", "kafka")]
        let sent = subject.metrics.counter("courant_kafka_sent_messages_total", help: "", labels: labels)
        let up = subject.metrics.gauge("courant_kafka_brokers_up", help: "", labels: labels)
        while sent.value < 40 || up.value < 1 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(sent.value == 40)
        let text = subject.metrics.prometheusText()
        #expect(text.contains("courant_kafka_statistics_unreadable_total{connector=\"kafka\"} 0"))
        #expect(!text.contains("courant_kafka_requests_total{connector=\"kafka\"} 0\n"))
    }

    @Test("a probe finds the topic, sends nothing, and says what is wrong")
    func probe() async throws {
        let subject = KafkaSubject(partitions: 4)
        let settings = [KafkaSetting("message.timeout.ms", "1500")]
        let found = "3 of the cluster's brokers are known; "
        #expect(try await subject.makeKafka().probe() == found + "topic events is there, with partitions: 4")
        let byType = try subject.makeKafka(topic: "ev{event_type}")
        #expect(try await byType.probe() == found + "topics that begin like ev{event_type}: 1")
        let astray = await #expect(throws: DestinationError.self) {
            try await subject.makeKafka(topic: "nowhere").probe()
        }
        #expect(astray?.code == .missing)
        #expect(astray?.message.contains("no topic nowhere: create it") == true)
        subject.cluster.setError(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ofTopic: KafkaSubject.topic)
        let denied = await #expect(throws: DestinationError.self) { try await subject.makeKafka().probe() }
        #expect(denied?.code == .denied)
        subject.cluster.setError(RD_KAFKA_RESP_ERR_NO_ERROR, ofTopic: KafkaSubject.topic)
        let secret = [
            KafkaSetting("security.protocol", "sasl_plaintext"), KafkaSetting("sasl.mechanism", "PLAIN"),
            KafkaSetting("sasl.username", "courant"), KafkaSetting("sasl.password", "hunter2"),
        ]
        let unknown = await #expect(throws: DestinationError.self) {
            try await subject.makeKafka(settings: settings + secret).probe()
        }
        #expect(unknown?.code == .denied, "\(unknown?.message ?? "")")
        #expect(unknown?.message.contains("hunter2") == false)
        #expect(try await subject.messages().isEmpty)
    }

    @Test("kcat reads keys, headers and values")
    func kcat() async throws {
        let subject = KafkaSubject()
        let type = try Records.type(Records.click)
        let batch = try Records.batch([(type, ["id": "i1", "user_id": "u1", "url": "https://example.com/ä"])])
        _ = try await subject.makeKafka().deliver(batch)
        let outcome = try await runProgram(
            URL(filePath: "/usr/bin/env"),
            ["kcat", "-b", subject.cluster.brokers[0], "-t", KafkaSubject.topic, "-C", "-e", "-q", "-f", "%k %h %s\n"]
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        let line = try #require(outcome.lines.first)
        #expect(outcome.lines.count == 1)
        let head = "u1 event_type=\(Records.click),id=i1,edition=2021 {\"event_type\":\"\(Records.click)\","
        #expect(line.hasPrefix(head))
        #expect(line.contains("\"url\":\"https://example.com/ä\""))
    }
}
