import Avro
import Delivery
import Glossary
import Intake
import Logging
import Testing

@testable import Service

@Suite struct ConfigurationTests {
    static func read(
        _ yaml: String,
        file: String = "c.yaml",
        environment: [String: String] = [:]
    ) throws -> Configuration {
        try Configuration.read(yaml, file: file, environment: environment)
    }

    @Test(
        "an empty file gives the settings that hold without a file",
        arguments: ["", "# nothing\n", "null\n", "{}\n"]
    )
    func empty(_ yaml: String) throws {
        let configuration = try Self.read(yaml)
        #expect(configuration.listen == ListenAddress(host: "127.0.0.1", port: 8080))
        #expect(configuration.data == "courant-data")
        #expect(configuration.sources == [SourceSettings(name: "default")])
        #expect(configuration.sources[0].formats == [.events, .currents])
        #expect(!configuration.sources[0].isStrict)
        #expect(configuration.shutdownTimeout == .seconds(10))
        #expect(configuration.duplicates == .init(window: .seconds(3600), memoryBytes: 64 << 20))
        let local = try #require(configuration.connectors.first)
        #expect(configuration.connectors.count == 1)
        #expect(local.name == "local")
        #expect(local.destination.location == "local:courant-data/files")
        #expect(local.codec == .zstandard(level: 1))
        #expect(local.roll == RollSettings(every: .seconds(60), events: nil, bytes: 128 << 20))
    }

    @Test("object stores roll after five minutes and write deflate")
    func objectStores() {
        #expect(
            DestinationDefaults.objectStore.roll == RollSettings(every: .seconds(300), events: nil, bytes: 128 << 20)
        )
        #expect(DestinationDefaults.objectStore.codec == .deflate(level: 6))
    }

    @Test("the example is a valid configuration whose values are the defaults")
    func example() throws {
        let example = try Self.read(Configuration.example)
        let standard = Configuration.standard()
        #expect(example.data == standard.data)
        #expect(example.listen == standard.listen)
        #expect(example.adminListen == nil)
        #expect(example.tls == nil)
        #expect(example.http == standard.http)
        #expect(example.publicURL == nil)
        #expect(example.shutdownTimeout == standard.shutdownTimeout)
        #expect(example.log == standard.log)
        #expect(example.journal == standard.journal)
        #expect(example.disk == standard.disk)
        #expect(example.duplicates == standard.duplicates)
        #expect(example.intake == standard.intake)
        #expect(example.delivery == standard.delivery)
        #expect(example.sources == standard.sources)
        let (given, usual) = (try #require(example.connectors.first), standard.connectors[0])
        #expect(given.destination.location == usual.destination.location)
        #expect(given.codec == usual.codec)
        #expect(given.roll == usual.roll)
        #expect(given.key == usual.key)
        #expect(given.edition == usual.edition)
        #expect(given.start == usual.start)
        #expect(given.whenFull == usual.whenFull)
    }

    /// The lines that begin a setting which the example has as a comment, each with those below it that belong to it.
    private static let commented: [Range<Int>] = {
        let lines = Configuration.example.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.indices.compactMap { index in
            guard let start = lines[index].prefixMatch(of: /( *)# [a-z]\w*:(?: |$)/) else { return nil }
            let inside = lines[(index + 1)...].prefix { $0.hasPrefix("\(start.1)#   ") }
            return index..<(index + 1 + inside.count)
        }
    }()

    private static let secrets = [
        "SENDGRID_KEY": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPmSKdlw8Pz/1hxdRbSls9UGA4w3UkuOMGnPqCCNZ6y2T9sP2bxMdfOkc"
            + "Ix6MWfE2LNe6cTlpQ7e714HiadtLAQ==",
        "TWILIO_TOKEN": "0123456789abcdef0123456789abcdef", "PRIVACY_KEY": "0123456789abcdef",
    ]

    /// Reads the example with those lines in force.
    private static func opened(_ blocks: [Range<Int>]) throws -> Configuration {
        var lines = Configuration.example.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for line in blocks.joined() { lines[line].replace("# ", with: "", maxReplacements: 1) }
        let yaml = lines.joined(separator: "\n")
        return try Configuration.read(yaml, file: "c.yaml", environment: secrets, canRead: { _ in true })
    }

    @Test("each setting that the example comments out is right when it is not")
    func exampleComments() throws {
        let lines = Configuration.example.split(separator: "\n", omittingEmptySubsequences: false)
        let publicURL = try #require(Self.commented.first { lines[$0.lowerBound].hasPrefix("# publicURL") })
        #expect(Self.commented.count >= 16)
        for block in Self.commented {
            let needsURL = lines[block].contains { $0.hasSuffix("# needs publicURL") }
            #expect(throws: Never.self, "\(lines[block.lowerBound])") {
                try Self.opened(needsURL ? [publicURL, block] : [block])
            }
        }
    }

    @Test("all settings that the example comments out are right together, and mean what they say")
    func wholeExample() throws {
        let configuration = try Self.opened(Self.commented)
        #expect(configuration.adminListen == ListenAddress(host: "127.0.0.1", port: 8081))
        #expect(configuration.publicURL == "https://events.example.com")
        #expect(configuration.trustedProxies.count == 1 && configuration.tls != nil)
        #expect(configuration.disk.budgetBytes == 50 << 30)
        #expect(configuration.tracking.definitions == "definitions")
        #expect(configuration.tracking.sources["default"]?.ses != nil)
        #expect(configuration.sources[0].eventsPerSecondMax == 100_000)
        let connector = configuration.connectors[0]
        #expect(connector.filter.events == ["users.messages.*"])
        #expect(connector.filter.sections == ["message engagement"])
        #expect(connector.roll.events == 15000)
        #expect(connector.id == "0123456789abcdef01234567")
        #expect(connector.privacy.personal == .hmacSHA256)
    }

    @Test("what clients may take is read, within its bounds")
    func http() throws {
        let yaml = "http: {connections_max: 100, idle_timeout: 5s, request_timeout: 1m}"
        let http = try Self.read(yaml).http
        #expect(http == .init(connectionsMax: 100, idleTimeout: .seconds(5), requestTimeout: .seconds(60)))
        for wrong in ["connections_max: 15", "idle_timeout: 999ms", "request_timeout: 0s", "header_max: 1"] {
            #expect(throws: ConfigurationError.self, "\(wrong)") { _ = try Self.read("http: {\(wrong)}") }
        }
    }

    @Test("the environment stands in for ${NAME}, and $${ is ${ itself")
    func environment() throws {
        let yaml = "data: \"/srv/${A}/${B}-$${C}\"\njournal: {partitions: \"${N}\"}"
        let configuration = try Self.read(yaml, environment: ["A": "x", "B": "y", "N": "3"])
        #expect(configuration.data == "/srv/x/y-${C}")
        #expect(configuration.journal.partitions == 3)
    }

    @Test("relative paths are taken from the folder of the file")
    func paths() throws {
        let yaml = """
            data: ./d
            tls: {certificate: ../hostname, key: /etc/hostname}
            connectors: {lake: {destination: {type: local, path: lake//raw/.}}}
            """
        let configuration = try Self.read(yaml, file: "/etc/courant/courant.yaml")
        #expect(configuration.data == "/etc/courant/d")
        #expect(configuration.tls == .init(certificate: "/etc/hostname", key: "/etc/hostname"))
        #expect(configuration.connectors[0].destination.location == "local:/etc/courant/lake/raw")
        #expect(try Self.read("data: x", file: "conf/c.yaml").data == "conf/x")
        #expect(try Self.read("data: x", file: "../c.yaml").data == "../x")
    }

    @Test("another data folder takes along a connector that nobody configured, and no other")
    func otherData() throws {
        #expect(try Self.read("").with(data: "/d").connectors[0].destination.location == "local:/d/files")
        let yaml = "connectors: {lake: {destination: {type: local, path: /lake}}}"
        #expect(try Self.read(yaml).with(data: "/d").connectors[0].destination.location == "local:/lake")
        #expect(try Self.read(yaml).with(data: "/d").data == "/d")
    }

    @Test("an empty set of connectors is none, an absent one the default")
    func noConnectors() throws {
        #expect(try Self.read("connectors: {}").connectors.isEmpty)
        #expect(try Self.read("connectors:").connectors.map(\.name) == ["local"])
    }

    @Test("a connector's entitlement takes names, aliases, globs, titles and slugs")
    func entitlement() throws {
        let yaml = """
            connectors:
              lake:
                destination: {type: local, path: lake}
                events: [users.messages.sms.InboundReceived, "users.messages.email.*", courant.DeadLetter]
                channels: [Email, sms]
                codec: deflate
            """
        let connector = try #require(try Self.read(yaml).connectors.first)
        #expect(connector.filter.events.count == 3)
        #expect(connector.filter.channels == ["Email", "sms"])
        #expect(connector.codec == .deflate(level: 6))
    }

    @Test(
        "the codec null needs no quotes, an absent one is the usual",
        arguments: [
            ("codec: null", Codec.null), ("codec: {name: null}", .null), ("codec: \"null\"", .null),
            ("codec: {name: 'null'}", .null), ("codec:", .zstandard(level: 1)),
            ("codec: {name: }", .zstandard(level: 1)),
        ]
    )
    func codecNull(_ line: String, _ expected: Codec) throws {
        let yaml = "connectors:\n  lake:\n    destination: {type: local, path: lake}\n    \(line)\n"
        #expect(try #require(try Self.read(yaml).connectors.first).codec == expected)
    }

    @Test(
        "durations are numbers with units",
        arguments: [
            ("500ms", Duration.milliseconds(500)), ("90s", .seconds(90)), ("1h30m", .seconds(5400)),
            ("1.5h", .seconds(5400)), ("7d", .seconds(604_800)), ("2w", .seconds(1_209_600)), ("10 s", .seconds(10)),
            ("36525d", .seconds(3_155_760_000)),
        ]
    )
    func durations(_ text: String, _ expected: Duration) {
        #expect(ConfigurationUnits.duration(text) == expected)
    }

    @Test(
        "what is no duration, or more than a hundred years, is none",
        arguments: [
            "", "10", "s", "1x", "-5s", "1h 30m ", "1..5h", "9999999999999d", "999999999999w", "36525d1ms",
            "99999999999d1d",
        ]
    )
    func noDurations(_ text: String) {
        #expect(ConfigurationUnits.duration(text) == nil)
    }

    @Test(
        "sizes are bytes, or numbers with units",
        arguments: [("900000", 900_000), ("64MiB", 64 << 20), ("1.5GB", 1_500_000_000), ("1 kib", 1024), ("0", 0)]
    )
    func sizes(_ text: String, _ expected: Int) {
        #expect(ConfigurationUnits.bytes(text) == expected)
    }

    @Test("what is no size is none", arguments: ["", "-1", "1.5", "MiB", "1XB", "1MiB2KiB", "99999999999TiB"])
    func noSizes(_ text: String) {
        #expect(ConfigurationUnits.bytes(text) == nil)
    }

    @Test(
        "loopback is what only this machine reaches",
        arguments: [
            ("127.0.0.1:1", true), ("127.8.8.8:1", true), ("[::1]:1", true), ("localhost:1", true), (":8080", false),
            ("0.0.0.0:1", false), ("[::]:1", false), ("10.0.0.1:1", false), ("example.com:1", false),
            ("[::ffff:127.0.0.1]:1", true),
        ]
    )
    func loopback(_ text: String, _ expected: Bool) throws {
        #expect(try #require(ListenAddress(text)).isLoopback == expected)
    }

    @Test(
        "what is no address to listen on is none",
        arguments: ["", "8080", "host", "h:99999", "::1:80", "h:x", "[x]:1"]
    )
    func noAddresses(_ text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test("a range of addresses holds what its first bits say")
    func ranges() throws {
        let range = try #require(AddressRange("10.1.2.0/23"))
        #expect(range.contains("10.1.3.255"))
        #expect(range.contains("::ffff:10.1.2.1"))
        #expect(!range.contains("10.1.4.0"))
        #expect(!range.contains("::1"))
        #expect(try #require(AddressRange("fd00::/8")).contains("fd12::1"))
        #expect(try #require(AddressRange("192.0.2.7")).contains("192.0.2.7"))
        #expect(try #require(AddressRange("0.0.0.0/0")).contains("8.8.8.8"))
        #expect(AddressRange("10.0.0.0/33") == nil)
        #expect(AddressRange("ten") == nil)
    }
}
