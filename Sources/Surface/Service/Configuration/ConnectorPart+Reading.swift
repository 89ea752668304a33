import Avro
import Delivery
import Glossary
import Platform

extension ConnectorPart {
    /// Reads `connectors.<name>`; nil after reporting a destination that cannot be used.
    init?(_ name: String, _ section: ConfigurationSection, folder: String, glossary: Glossary) {
        guard section.has("destination") else {
            _ = section.required("destination", expected: "{type: …} and its keys")
            section.ignoreRest()
            return nil
        }
        let destination = section.section("destination") { DestinationKinds.read($0, folder: folder) }
        let defaults = destination.map { type(of: $0).defaults } ?? .folder
        let codec = Self.codec(section, default: defaults.codec)
        let roll = section.section("roll") { Self.roll($0, default: defaults.roll) }
        let entitlement = Entitlement(section, glossary: glossary)
        let key = section.section("key", Self.key)
        let id = section.value("id", expected: "24 lower-case hexadecimal digits") { text in
            text.utf8.count == 24 && Hex.bytes(text) != nil && text == text.lowercased() ? text : nil
        }
        let start = section.choice(
            "start",
            default: ConnectorSettings.Start.now,
            of: [("now", .now), ("oldest", .oldest)]
        )
        let whenFull = section.choice(
            "when_full",
            default: ConnectorSettings.WhenFull.wait,
            of: [("wait", .wait), ("give_up", .giveUp)]
        )
        let privacy = section.section("privacy") { PrivacySettings(reading: $0, entitlement, glossary) }
        guard let destination else { return nil }
        let kind = type(of: destination)
        for key in kind.hasFiles ? [] : ["codec", "roll", "key"] where section.has(key) {
            let message = "is about files, which a connector to \(kind.type) does not have"
            section.report(message, key: key, line: section.lineOf(key))
        }
        self.init(
            name: name,
            destination: destination,
            filter: entitlement.filter,
            edition: entitlement.edition,
            codec: codec,
            roll: roll,
            key: key,
            id: id,
            start: start,
            whenFull: whenFull,
            privacy: privacy
        )
    }

    /// The codecs with the levels that they have where none is given.
    private static let codecs: [(word: String, value: Codec)] = [
        ("null", .null), ("deflate", .deflate(level: 6)), ("snappy", .snappy), ("zstandard", .zstandard(level: 1)),
    ]

    /// `codec: deflate` or `codec: {name: deflate, level: 6}`.
    private static func codec(_ section: ConfigurationSection, default standard: Codec) -> Codec {
        if section.isText("codec") || section.saysNull("codec") {
            return section.choice("codec", default: standard, of: codecs)
        }
        return section.section("codec") { section in
            let codec = section.choice("name", default: standard, of: codecs)
            switch codec {
            case .deflate(let usual): return .deflate(level: section.integer("level", default: usual, in: 1...12))
            case .zstandard(let usual): return .zstandard(level: section.integer("level", default: usual, in: 1...19))
            case .null, .snappy:
                if section.has("level") {
                    let message = "is not a key of \(codec.name), which has no levels"
                    section.report(message, key: "level", line: section.lineOf("level"))
                    section.ignoreRest()
                }
                return codec
            }
        }
    }

    private static func roll(_ section: ConfigurationSection, default standard: RollSettings) -> RollSettings {
        RollSettings(
            every: section.duration(
                "every",
                default: standard.every,
                example: "60s",
                atLeast: .seconds(1),
                atMost: .seconds(86_400)
            ),
            events: section.integer("events", in: 1 ... .max),
            bytes: section.bytes(
                "bytes",
                default: standard.bytes,
                example: "128MiB",
                in: 64 << 10...RollSettings.fileBytesMax - RollSettings.overshootBytesMax
            )
        )
    }

    private static func key(_ section: ConfigurationSection) -> KeySettings {
        var key = KeySettings()
        let plain = "1 to 128 letters, digits and . _ - =, no dot first"
        key.cluster = section.value("cluster", expected: plain, plainPart) ?? key.cluster
        key.environment = section.value("environment", expected: plain, plainPart) ?? key.environment
        let folders = "folders divided by single slashes, such as raw/courant, each of \(plain)"
        key.prefix =
            section.value("prefix", expected: folders) { text in
                let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                let isPlain = parts.allSatisfy { plainPart($0) != nil } && text.utf8.count <= 400
                return text.isEmpty || isPlain ? text : nil
            } ?? key.prefix
        let words = KeyPart.allCases.map(\.rawValue)
        let found = section.strings("parts", expected: ConfigurationSection.list(words))
        guard !found.isEmpty else { return key }
        key.parts = []
        for item in found {
            guard let part = KeyPart(rawValue: item.value) else {
                section.reportChoice(item, key: item.key, words: words)
                continue
            }
            if key.parts.contains(part) {
                section.report("stands here twice", key: item.key, line: item.line)
            } else {
                key.parts.append(part)
            }
        }
        if !key.parts.contains(.type) {
            let message = "expected type among the parts: a file holds one event type and its folder must tell"
            section.report(message, key: "parts", line: section.lineOf("parts"))
        }
        return key
    }

    /// The text itself, if every file system and object store keeps it as it is.
    private static func plainPart(_ text: String) -> String? {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-=".contains($0)) }
        return isPlain && (1...128).contains(text.utf8.count) && text.first != "." ? text : nil
    }

    /// State and keys name a connector by its id: two of one id would write the same keys.
    static func reportSharedIDs(_ connectors: [ConnectorPart], _ root: ConfigurationSection) {
        var owners: [String: String] = [:]
        root.inspect("connectors") { section in
            for connector in connectors {
                guard let id = connector.id else { continue }
                if let owner = owners[id] {
                    let message = "has the same id as connector \(owner); keys and state name it, so each needs its own"
                    section.report(message, key: connector.name, line: section.lineOf(connector.name))
                } else {
                    owners[id] = connector.name
                }
            }
        }
    }
}
