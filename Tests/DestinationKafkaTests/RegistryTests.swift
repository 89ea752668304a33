import Avro
import CloudHTTP
import Delivery
import Foundation
import Platform
import ProgramTesting
import Testing

@testable import DestinationKafka

/// The registry's double as it runs beside a test.
private struct Registry {
    let program: RunningProgram
    let url: String
    let transport: LiveTransport

    /// Runs `body` beside a registry, which must not have met anything unexpected.
    static func with(_ arguments: [String] = [], _ body: (Registry) async throws -> Void) async throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/registry.py")
        let program = try await RunningProgram.start(
            try testPython(),
            [script.path(percentEncoded: false)] + arguments
        )
        let transport = LiveTransport(clock: SystemClock())
        let outcome: Result<Void, any Error>
        do {
            let url = "http://\(try await program.line(after: "http://"))"
            outcome = .success(try await body(Registry(program: program, url: url, transport: transport)))
        } catch {
            outcome = .failure(error)
        }
        try await transport.shutdown()
        try await program.stop()
        try outcome.get()
        let printed = try program.output()
        #expect(!printed.contains("UNEXPECTED"), "\(printed)")
    }

    /// What it printed after its address, but for schemas.
    var lines: [String] {
        get throws { try printed.filter { !$0.hasPrefix("schema ") } }
    }

    /// The schemas that were registered, by their numbers.
    var schemas: [String: String] {
        get throws {
            let words = try printed.map { $0.split(separator: " ", maxSplits: 2).map(String.init) }
            let pairs = words.filter { $0[0] == "schema" }.map { ($0[1], $0[2]) }
            return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }
    }

    private var printed: [String] {
        get throws { try program.output().split(separator: "\n").dropFirst().map(String.init) }
    }
}

@Suite("The schema registry", .timeLimit(.minutes(2)))
struct RegistryTests {
    @Test("values carry the schema's number, which is asked for once")
    func confluent() async throws {
        try await Registry.with { registry in
            let subject = KafkaSubject(transport: registry.transport)
            let destination = try subject.makeKafka(
                value: .confluentAvro,
                registry: RegistrySettings(url: registry.url, subject: .topicRecord)
            )
            let types = try [Records.type(Records.open), Records.type(Records.push)]
            for round in 0..<3 {
                _ = try await destination.deliver(
                    try Records.batch(
                        types.map { ($0, ["id": "\($0.name) \(round)", "ad_id": "x"]) },
                        from: Int64(round * 2)
                    )
                )
            }
            #expect(
                try registry.lines == [
                    "registered 70000 events-dataexport.Kafka.inner.users.messages.email.Open",
                    "registered 70001 events-dataexport.Kafka.inner.users.messages.pushnotification.Send",
                ]
            )
            let messages = try await subject.messages(KafkaSubject.topic)
            #expect(messages.count == 6)
            for (message, number) in zip(messages, [70_000, 70_001, 70_000, 70_001, 70_000, 70_001]) {
                let head = [UInt8(0), 0, 1, 0x11, UInt8(0x70 + number - 70_000)]
                #expect(Array(message.bytes.prefix(5)) == head)
            }
            // What fastavro reads by the schema that the registry got: the advertising ids are in neither.
            let schema = try #require(try registry.schemas["70001"])
            let record = try await RecordFormTests.decode(messages[1].bytes.dropFirst(5), schema)
            #expect(record["id"] as? String == "\(Records.push) 0")
            #expect(!record.keys.contains { $0.hasPrefix("ad_") })
            #expect(record.keys.contains("campaign_name"))
        }
    }

    @Test(
        "the subject is named as asked for",
        arguments: zip(
            RegistrySettings.Subject.allCases,
            [
                "events-value", "dataexport.Kafka.inner.users.messages.email.Open",
                "events-dataexport.Kafka.inner.users.messages.email.Open",
            ]
        )
    )
    func subjects(strategy: RegistrySettings.Subject, name: String) async throws {
        try await Registry.with { registry in
            let client = Self.client(registry, subject: strategy)
            let type = try Records.type(Records.open)
            let record = try #require(try Schema(json: type.schema).recordSchema?.name)
            #expect(client.subject(topic: "events", record: record) == name)
            let id = try await client.id(of: type.schema, subject: name)
            #expect(id == 70_000)
            #expect(try registry.lines == ["registered 70000 \(name)"])
        }
    }

    @Test("a schema is only looked up where registering is switched off")
    func lookUp() async throws {
        let type = try Records.type(Records.open)
        try await Registry.with(["--known", "known-value", type.schema]) { registry in
            let client = Self.client(registry, registers: false)
            let id = try await client.id(of: type.schema, subject: "known-value")
            #expect(id == 70_000)
            let error = await #expect(throws: DestinationError.self) {
                try await client.id(of: type.schema, subject: "unknown-value")
            }
            #expect(error?.remedy == .waitForChange)
            #expect(error?.code == .missing)
            #expect(error?.message.contains("Subject 'unknown-value' not found.") == true)
            #expect(error?.message.contains("register: true") == true)
            #expect(try registry.lines == ["found 70000 known-value"])
        }
    }

    @Test(
        "credentials are sent as asked for",
        arguments: [
            (["--basic", "user:pass:word"], RegistrySettings.Credentials.basic(user: "user", password: "pass:word")),
            (["--bearer", "t0ken"], .bearer("t0ken")),
        ]
    )
    func credentials(arguments: [String], credentials: RegistrySettings.Credentials) async throws {
        try await Registry.with(arguments) { registry in
            let type = try Records.type(Records.open)
            let client = Self.client(registry, credentials: credentials)
            let id = try await client.id(of: type.schema, subject: "s")
            #expect(id == 70_000)
            for wrong in [nil, RegistrySettings.Credentials.bearer("other"), .basic(user: "user", password: "x")] {
                let error = await #expect(throws: DestinationError.self) {
                    try await Self.client(registry, credentials: wrong).id(of: type.schema, subject: "s")
                }
                #expect(error?.code == .denied)
                #expect(error?.remedy == .waitForChange)
                #expect(error?.message.contains("other") == false)
            }
        }
    }

    @Test("a subject that holds another record is a conflict that somebody must mend")
    func incompatible() async throws {
        try await Registry.with { registry in
            let client = Self.client(registry)
            _ = try await client.id(of: try Records.type(Records.open).schema, subject: "events-value")
            let error = await #expect(throws: DestinationError.self) {
                try await client.id(of: try Records.type(Records.click).schema, subject: "events-value")
            }
            #expect(error?.code == .conflict)
            #expect(error?.remedy == .waitForChange)
        }
    }

    @Test("a registry in trouble is asked again, when it says so")
    func trouble() async throws {
        try await Registry.with(["--answers", "503", "429:7", "422"]) { registry in
            let subject = KafkaSubject(transport: registry.transport)
            let destination = try subject.makeKafka(
                value: .confluentAvro,
                registry: RegistrySettings(url: registry.url, subject: .topic)
            )
            let batch = try Records.batch([(try Records.type(Records.open), ["id": "a"])])
            for remedy in [DestinationError.Remedy.retry(after: nil), .retry(after: .seconds(7)), .waitForChange] {
                let error = await #expect(throws: DestinationError.self) { try await destination.deliver(batch) }
                #expect(error?.remedy == remedy)
            }
            _ = try await destination.deliver(batch)
            #expect(try await subject.ids() == ["a"])
        }
    }

    @Test("a registry that is not there is tried again")
    func absent() async throws {
        try await Registry.with { registry in
            let settings = RegistrySettings(url: "http://127.0.0.1:1", subject: .topic)
            let client = SchemaRegistry(settings: settings, transport: registry.transport, clock: SystemClock())
            let error = await #expect(throws: DestinationError.self) {
                try await client.id(of: "\"int\"", subject: "s")
            }
            #expect(error?.remedy == .retry(after: nil))
        }
    }

    @Test("no error shows a password that stands in the registry's address", arguments: ["127.0.0.1:1", "{address}"])
    func secretAddress(host: String) async throws {
        try await Registry.with(["--bearer", "t0ken"]) { registry in
            let host = host.replacing("{address}", with: registry.url.replacing("http://", with: ""))
            let settings = RegistrySettings(url: "http://u:p4ss@\(host)", subject: .topic)
            let client = SchemaRegistry(settings: settings, transport: registry.transport, clock: SystemClock())
            let error = await #expect(throws: DestinationError.self) {
                try await client.id(of: "\"int\"", subject: "s")
            }
            #expect(error?.message.contains("p4ss") == false, "\(String(describing: error))")
        }
    }

    @Test("a probe asks the registry too, and says what is wrong with it")
    func probe() async throws {
        try await Registry.with(["--bearer", "t0ken"]) { registry in
            let subject = KafkaSubject(transport: registry.transport)
            func probe(token: String, path: String = "") async throws -> String {
                let settings = RegistrySettings(
                    url: registry.url + path,
                    credentials: .bearer(token),
                    subject: .topicRecord
                )
                return try await subject.makeKafka(value: .confluentAvro, registry: settings).probe()
            }
            let found = try await probe(token: "t0ken")
            #expect(found.hasSuffix("; the schema registry \(CloudEndpoint.place(of: registry.url)) answers"))
            let denied = await #expect(throws: DestinationError.self) { try await probe(token: "other") }
            #expect(denied?.code == .denied)
            let astray = await #expect(throws: DestinationError.self) { try await probe(token: "t0ken", path: "/x") }
            #expect(astray?.code == .missing)
            #expect(astray?.message.contains("check its address") == true)
            #expect(try registry.lines.isEmpty, "nothing was registered")
        }
    }

    private static func client(
        _ registry: Registry,
        credentials: RegistrySettings.Credentials? = nil,
        subject: RegistrySettings.Subject = .topic,
        registers: Bool = true
    ) -> SchemaRegistry {
        SchemaRegistry(
            settings: RegistrySettings(
                url: registry.url,
                credentials: credentials,
                subject: subject,
                registers: registers
            ),
            transport: registry.transport,
            clock: SystemClock()
        )
    }
}
