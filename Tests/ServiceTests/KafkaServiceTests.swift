import CRDKafka
import Delivery
import Foundation
import ProgramTesting
import StoreDoubles
import Testing

@testable import Service

/// The whole way into Kafka: a configuration file, events over HTTP, and a consumer that nobody here wrote.
@Suite(.timeLimit(.minutes(2))) struct KafkaServiceTests {
    private static let topic = "currents"
    private static let partitions = 3

    /// A message as kcat shows it.
    private struct Message {
        let partition: Int
        let key: String
        let headers: [String: String]
        let value: String

        /// Reads `PARTITION KEY NAME=VALUE,NAME=VALUE VALUE`.
        init?(_ line: String) {
            let parts = line.split(separator: " ", maxSplits: 3).map(String.init)
            guard parts.count == 4, let partition = Int(parts[0]) else { return nil }
            self.partition = partition
            key = parts[1]
            let pairs = parts[2].split(separator: ",").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
            headers = Dictionary(pairs.map { ($0[0], $0[1]) }, uniquingKeysWith: { _, last in last })
            value = parts[3]
        }

        var id: String { headers["id"] ?? "" }
    }

    private static func messages(in cluster: KafkaCluster) async throws -> [Message] {
        let outcome = try await runProgram(
            URL(filePath: "/usr/bin/env"),
            [
                "kcat", "-C", "-e", "-q", "-b", cluster.brokers.joined(separator: ","), "-t", topic, "-o", "beginning",
                "-f", "%p %k %h %s\\n",
            ]
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try outcome.lines.map { try #require(Message($0), "\($0)") }
    }

    /// A configuration file with one connector to the cluster.
    private static func configuration(
        _ cluster: KafkaCluster,
        in folder: TestFolder,
        settings: String = ""
    ) throws -> Configuration {
        let yaml = """
            connectors:
              bus:
                destination:
                  type: kafka
                  brokers: [\(cluster.brokers.map { "\"\($0)\"" }.joined(separator: ", "))]
                  topic: \(topic)
                  librdkafka:
                    {message.timeout.ms: 2000, reconnect.backoff.max.ms: 200, statistics.interval.ms: 100\(settings)}
            """
        var configuration = try Configuration.read(yaml, file: "c.yaml")
        configuration.data = folder.file("data")
        configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
        return configuration
    }

    /// So many events of five users, each with `fields` besides those that its type requires.
    private static func events(_ numbers: Range<Int>, _ fields: String = "") throws -> String {
        let type = "users.messages.pushnotification.Send"
        return try numbers.map { number in
            let event = try event("event-\(number)", type: type)
            return event.replacing("\"user_id\":\"x\"", with: "\"user_id\":\"user-\(number % 5)\"\(fields)")
        }.joined(separator: "\n")
    }

    private static func send(_ body: String, to url: String) async throws {
        let answer = try await ask(
            "POST",
            "\(url)/v1/events",
            headers: ["Content-Type: application/x-ndjson"],
            body: body
        )
        try #require(answer.status == 200, "\(answer.body)")
    }

    @Test("a consumer gets each accepted event in order, while leaders change and the service starts again")
    func endToEnd() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let cluster = KafkaCluster()
        cluster.makeTopic(Self.topic, partitions: Int32(Self.partitions))
        let configuration = try Self.configuration(cluster, in: folder)
        for run in 0..<2 {
            try await withService(configuration) { service in
                for round in 0..<5 {
                    let first = (run * 5 + round) * 40
                    let body = try Self.events(first..<first + 40, ",\"ad_id\":\"38400000\"")
                    for partition in 0..<Int32(Self.partitions) {
                        cluster.setLeader((Int32(round) + partition) % 3 + 1, of: Self.topic, partition: partition)
                    }
                    cluster.answer(.produce, with: [RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION])
                    try await Self.send(body, to: service.url)
                }
                let flushed = try await ask("POST", "\(service.url)/v1/connectors/bus/flush")
                #expect(flushed.status == 200, "\(flushed.body)")
                let one = try Self.events(0..<1, ",\"ad_id\":\"38400000\"")
                let preview = try await ask("POST", "\(service.url)/v1/connectors/bus/preview", body: one)
                #expect(preview["before", "ad_id"] as? String == "38400000", "\(preview.body)")
                #expect(preview["after", "ad_id"] == nil && preview["after", "user_id"] != nil)
                #expect((preview["changed"] as? [String]) == ["ad_id"])
                let status = try await ask("GET", "\(service.url)/v1/connectors/bus")
                #expect(status["state"] as? String == "running", "\(status.body)")
                #expect(status["balance", "landed"] as? Int == (run + 1) * 200, "\(status.body)")
            }
        }
        let messages = try await Self.messages(in: cluster)
        #expect(Set(messages.map(\.id)) == Set((0..<400).map { "event-\($0)" }))
        #expect(Set(messages.map(\.partition)).count > 1)
        for user in 0..<5 {
            let own = messages.filter { $0.key == "user-\(user)" }
            #expect(Set(own.map(\.partition)).count == 1, "a user's events are in one partition")
            var seen: Set<String> = []
            let order = own.map(\.id).filter { seen.insert($0).inserted }
            #expect(order == stride(from: user, to: 400, by: 5).map { "event-\($0)" })
        }
        for message in messages {
            #expect(message.headers["event_type"] == "users.messages.pushnotification.Send")
            #expect(message.headers["edition"] == "2021")
            #expect(!message.value.contains("ad_id"))
        }
    }

    @Test("an outage shows in the status, loses nothing, and ends by itself")
    func outage() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let cluster = KafkaCluster()
        cluster.makeTopic(Self.topic, partitions: Int32(Self.partitions))
        try await withService(try Self.configuration(cluster, in: folder)) { service in
            for broker in Int32(1)...3 { cluster.setDown(broker) }
            try await Self.send(try Self.events(0..<20), to: service.url)
            let late = try await ask("POST", "\(service.url)/v1/connectors/bus/flush?timeout=4s")
            #expect(late.status == 504, "\(late.body)")
            let broken = try await ask("GET", "\(service.url)/v1/connectors/bus")
            #expect(broken["state"] as? String == "retrying", "\(broken.body)")
            #expect((broken["reason"] as? String)?.contains("topic \(Self.topic), 20 of 20 records") == true)
            #expect(broken["balance", "landed"] as? Int == 0, "the cursor waits for the reports")
            for broker in Int32(1)...3 { cluster.setUp(broker) }
            let tested = try await ask("POST", "\(service.url)/v1/connectors/bus/test")
            #expect(tested["ok"] as? Bool == true, "\(tested.body)")
            #expect(tested.body.contains("topic \(Self.topic) is there, with partitions: \(Self.partitions)"))
            let flushed = try await ask("POST", "\(service.url)/v1/connectors/bus/flush")
            #expect(flushed.status == 200, "\(flushed.body)")
        }
        let ids = try await Self.messages(in: cluster).map(\.id)
        #expect(Set(ids) == Set((0..<20).map { "event-\($0)" }))
    }

    @Test("a record refused for its content is set aside, the rest go on, and the metrics count both")
    func setAside() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let cluster = KafkaCluster()
        cluster.makeTopic(Self.topic, partitions: Int32(Self.partitions))
        let configuration = try Self.configuration(
            cluster,
            in: folder,
            settings: ", message.max.bytes: 4000, batch.size: 4000"
        )
        try await withService(configuration) { service in
            let long = ",\"campaign_name\":\"\(String(repeating: "x", count: 5_000))\""
            let body = try [Self.events(0..<3), Self.events(3..<4, long), Self.events(4..<9)].joined(separator: "\n")
            try await Self.send(body, to: service.url)
            let flushed = try await ask("POST", "\(service.url)/v1/connectors/bus/flush")
            #expect(flushed.status == 200, "\(flushed.body)")
            let status = try await ask("GET", "\(service.url)/v1/connectors/bus")
            #expect(status["state"] as? String == "running")
            #expect(status["balance", "landed"] as? Int == 8, "\(status.body)")
            #expect(status["balance", "set_aside"] as? Int == 1, "\(status.body)")
            // The statistics come every 100 ms.
            while true {
                let metrics = try await ask("GET", "\(service.url)/metrics").body
                if metrics.contains("courant_kafka_sent_messages_total{connector=\"bus\"} 8") { break }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        let ids = try await Self.messages(in: cluster).map(\.id)
        #expect(Set(ids) == Set((0..<9).filter { $0 != 3 }.map { "event-\($0)" }))
    }
}
