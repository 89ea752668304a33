import Avro
import Delivery
import Foundation
import Glossary
import ProgramTesting
import StoreDoubles
import Testing

@testable import DestinationKafka

@Suite("The form of a record in Kafka", .timeLimit(.minutes(2)))
struct RecordFormTests {
    static let advertised = [
        "id": "p1", "user_id": "u1", "ad_id": "38400000-8cf0", "ad_id_type": "google_ad_id",
        "ad_tracking_enabled": "true", "campaign_name": "Frühling",
    ]

    /// What fastavro makes of a datum.
    static func decode(_ datum: some Sequence<UInt8>, _ schema: String) async throws -> [String: Any] {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/decode.py")
        let hex = datum.map { String(format: "%02x", $0) }.joined()
        let line = try JSONSerialization.data(withJSONObject: ["schema": schema, "datum": hex])
        let outcome = try await runProgram(
            try testPython(),
            [script.path(percentEncoded: false)],
            input: line + Data("\n".utf8)
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        let record = try JSONSerialization.jsonObject(with: Data(try #require(outcome.lines.first).utf8))
        return try #require(record as? [String: Any])
    }

    @Test("single-object Avro names its schema; advertising ids are there only if asked for", arguments: [false, true])
    func singleObject(sendsAdvertisingIDs: Bool) async throws {
        let subject = KafkaSubject()
        let type = try Records.type(Records.push)
        let destination = try subject.makeKafka(value: .singleObject, sendsAdvertisingIDs: sendsAdvertisingIDs)
        _ = try await destination.deliver(try Records.batch([(type, Self.advertised)]))
        let message = try #require(try await subject.messages(KafkaSubject.topic).first)
        let schema = try Self.schema(of: type, withAdvertisingIDs: sendsAdvertisingIDs)
        #expect(Array(message.bytes.prefix(10)) == [0xC3, 0x01] + schema.fingerprint.littleEndianBytes)
        let record = try await Self.decode(message.bytes.dropFirst(10), schema.json)
        #expect(record["id"] as? String == "p1")
        #expect(record["campaign_name"] as? String == "Frühling")
        #expect(record["ad_id"] as? String == (sendsAdvertisingIDs ? "38400000-8cf0" : nil))
        #expect(record["ad_id_type"] as? String == (sendsAdvertisingIDs ? "google_ad_id" : nil))
        #expect(record["ad_tracking_enabled"] as? Bool == (sendsAdvertisingIDs ? true : nil))
        #expect(record.keys.contains("ad_id") == sendsAdvertisingIDs)
    }

    @Test("JSON has the event type and what is not null", arguments: [false, true])
    func json(sendsAdvertisingIDs: Bool) async throws {
        let subject = KafkaSubject()
        let type = try Records.type(Records.push)
        let destination = try subject.makeKafka(value: .json, sendsAdvertisingIDs: sendsAdvertisingIDs)
        _ = try await destination.deliver(try Records.batch([(type, Self.advertised)]))
        let message = try #require(try await subject.messages(KafkaSubject.topic).first)
        let value = try #require(try JSONSerialization.jsonObject(with: Data(message.bytes)) as? [String: Any])
        #expect(value["event_type"] as? String == Records.push)
        #expect(value["campaign_name"] as? String == "Frühling")
        let advertised = ["ad_id", "ad_id_type", "ad_tracking_enabled"].filter { value[$0] != nil }
        #expect(advertised.count == (sendsAdvertisingIDs ? 3 : 0))
        #expect(!value.values.contains { $0 is NSNull })
    }

    @Test("the key is user_id, id or nothing; the id is a header always", arguments: KafkaConfiguration.Key.allCases)
    func keys(key: KafkaConfiguration.Key) async throws {
        let subject = KafkaSubject(partitions: 4)
        let type = try Records.type(Records.open)
        let batch = try Records.batch((0..<40).map { (type, ["id": "i\($0)", "user_id": "u\($0 % 5)"]) })
        _ = try await subject.makeKafka(key: key).deliver(batch)
        let messages = try await subject.messages(KafkaSubject.topic)
        #expect(messages.count == 40)
        for message in messages {
            #expect(message.headers.map { $0[0] } == ["event_type", "id", "edition"])
            #expect(message.header("event_type") == Records.open)
            #expect(message.header("edition") == "2021")
            let id = try #require(message.header("id"))
            let number = try #require(Int(id.dropFirst()))
            switch key {
            case .userID: #expect(message.keyText == "u\(number % 5)")
            case .id: #expect(message.keyText == id)
            case .none: #expect(message.key == nil)
            }
        }
        if key == .userID {
            // A user's events are in one partition, in their order.
            for user in 0..<5 {
                let own = messages.filter { $0.keyText == "u\(user)" }
                #expect(Set(own.map(\.partition)).count == 1)
                #expect(own.compactMap { $0.header("id") } == stride(from: user, to: 40, by: 5).map { "i\($0)" })
            }
        }
    }

    @Test("a record without the key's field has no key, one without an id no such header")
    func withoutKey() throws {
        let schema = #"{"type":"record","name":"L","fields":[{"name":"raw","type":"bytes"}]}"#
        let type = CarriedType(name: "courant.DeadLetter", edition: "", schema: schema, fields: nil)
        let configuration = KafkaConfiguration(brokers: ["b"], topic: try #require(TopicTemplate("t")))
        let form = RecordForm(
            type,
            schema: try #require(try Schema(json: schema).recordSchema),
            value: .avro(head: [9]),
            as: configuration
        )
        let message = try form.message([0xFF, 4, 1, 2, 0xFF], 1..<4)
        #expect(message.key == nil)
        #expect(message.value == [9, 4, 1, 2])
        #expect(message.headers.map(\.name) == ["event_type", "edition"])
    }

    @Test("each event type has its topic where the template says so")
    func topics() async throws {
        let subject = KafkaSubject()
        let destination = try subject.makeKafka(topic: "c.{edition}.{event_type}")
        let types = try [Records.type(Records.open), Records.type(Records.click)]
        for type in types { subject.cluster.makeTopic("c.2021.\(type.name)") }
        _ = try await destination.deliver(try Records.batch(types.map { ($0, ["id": $0.name]) }))
        let messages = try await subject.messages().filter { $0.topic != KafkaSubject.topic }
        #expect(messages.map(\.topic) == ["c.2021.\(Records.click)", "c.2021.\(Records.open)"])
        for message in messages { #expect(message.topic == "c.2021.\(message.header("id") ?? "")") }
    }

    @Test(
        "names that the brokers would not take are refused",
        arguments: [
            "", ".", "..", "a b", "a/b", "ä", "{type}", "{event_type", "a}b", "{edition}",
            String(repeating: "x", count: 121),
        ]
    )
    func badTopics(template: String) {
        #expect(TopicTemplate(template) == nil)
    }

    @Test("with the longest text, every event type of every edition makes a topic's name")
    func longTopics() throws {
        let text = String(repeating: "x", count: TopicTemplate.textBytesMax)
        let template = try #require(TopicTemplate("\(text){edition}{event_type}"))
        for type in Glossary.standard.editions.flatMap(\.types) {
            #expect(template.topic(ofType: type.name, edition: type.edition).utf8.count <= 249)
        }
    }

    @Test("advertising ids are missing from schema and value of every type that has them, and nothing else is")
    func everyType() throws {
        let configuration = KafkaConfiguration(brokers: ["b"], topic: try #require(TopicTemplate("t")))
        var advertised = 0
        for edition in Glossary.standard.editions {
            for event in edition.types {
                let type = try Records.type(event.name, edition: edition.name)
                let record = try #require(try Schema(json: type.schema).recordSchema)
                let form = RecordForm(type, schema: record, value: .avro(head: []), as: configuration)
                let sent = try Self.schema(of: type, withAdvertisingIDs: false)
                #expect(RecordForm.sentSchema(record, as: configuration) == sent, "\(edition.name) \(event.name)")
                if sent.recordSchema?.fields != record.fields { advertised += 1 }
                // What the values are without those fields is asked of the encoder.
                let full = try Records.datum(type, Self.advertised)
                let bare = try Records.datum(type, Self.advertised, in: sent)
                #expect(try form.message(full, 0..<full.count).value == bare, "\(edition.name) \(event.name)")
            }
        }
        #expect(advertised >= 25)
    }

    /// A type's schema as this test makes it, from its JSON.
    private static func schema(of type: CarriedType, withAdvertisingIDs hasThem: Bool) throws -> Schema {
        guard !hasThem else { return try Schema(json: type.schema) }
        var object = try #require(
            try JSONSerialization.jsonObject(with: Data(type.schema.utf8)) as? [String: Any]
        )
        let names = ["ad_id", "ad_id_type", "ad_tracking_enabled"]
        let fields = try #require(object["fields"] as? [[String: Any]])
        object["fields"] = fields.filter { !names.contains($0["name"] as? String ?? "") }
        return try Schema(json: String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self))
    }
}
