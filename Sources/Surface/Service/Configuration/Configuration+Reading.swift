import CloudHTTP
import Delivery
import Foundation
package import Glossary
import Intake
import Logging

extension Configuration {
    /// Reads the text of a configuration file.
    ///
    /// - Parameters:
    ///   - yaml: The file's text.
    ///   - file: The file as the messages name it; relative paths are taken from its folder.
    ///   - environment: What `${NAME}` reads.
    ///   - glossary: What event types, editions and tags there are.
    ///   - canRead: Whether a file that the settings name is there to be read.
    /// - Returns: The settings, with every default filled in.
    /// - Throws: Every problem at once.
    package static func read(
        _ yaml: String,
        file: String,
        environment: [String: String] = [:],
        glossary: Glossary = .standard,
        canRead: @escaping (String) -> Bool = { FileManager.default.isReadableFile(atPath: $0) }
    ) throws(ConfigurationError) -> Configuration {
        let reading = ConfigurationReading(environment: environment, canRead: canRead)
        let folder = file.contains("/") ? ConfigurationPath.absolute("\(file)/..", in: "") : ""
        var configuration = Configuration.standard()
        if let root = reading.root(of: yaml) {
            configuration = Configuration(root, folder: folder, glossary: glossary)
            root.done()
        }
        guard reading.problems.isEmpty else {
            let problems = reading.problems.sorted { ($0.line ?? .max) < ($1.line ?? .max) }
            throw ConfigurationError(file: file, problems: problems)
        }
        return configuration
    }

    /// The text of a configuration file, for `read`.
    package static func text(of bytes: some Sequence<UInt8>, file: String) throws(ConfigurationError) -> String {
        do throws(YamlFault) {
            return try YamlFault.text(of: bytes)
        } catch {
            let problem = ConfigurationError.Problem(line: error.line, key: "", message: error.message)
            throw ConfigurationError(file: file, problems: [problem])
        }
    }

    private init(_ root: ConfigurationSection, folder: String, glossary: Glossary) {
        let path = { (text: String) in ConfigurationPath.absolute(text, in: folder) }
        let standard = Configuration.standard(
            data: path(root.string("data", default: "courant-data", expected: "a folder"))
        )
        data = standard.data
        listen = Self.address(root, default: standard.listen) ?? standard.listen
        adminListen = root.section("admin") { Self.address($0, default: nil) }
        publicURL = root.value("publicURL", expected: "an address such as https://events.example.com", Self.baseURL)
        trustedProxies = Self.ranges(root)
        tls = root.has("tls") ? root.section("tls") { Self.tlsFiles($0, path) } : root.section("tls") { _ in nil }
        http = root.section("http", Self.http)
        shutdownTimeout = root.section("shutdown") {
            $0.duration(
                "timeout",
                default: standard.shutdownTimeout,
                example: "10s",
                atLeast: .seconds(1),
                atMost: .seconds(3_600)
            )
        }
        reloadTimeout = root.section("reload") {
            $0.duration(
                "timeout",
                default: standard.reloadTimeout,
                example: "30s",
                atLeast: .seconds(1),
                atMost: .seconds(3_600)
            )
        }
        log = root.section("log", Self.log)
        journal = root.section("journal", Self.journal)
        disk = root.section("disk", Self.disk)
        duplicates = root.section("duplicates", Self.duplicates)
        Self.check(disk, against: journal, root)
        intake = root.section("intake", Self.intake)
        Self.check(intake, against: journal, root)
        delivery = root.section("delivery") { section in
            let example = "64MiB"
            return DeliveryPart(
                memoryBytes: section.bytes("memory", default: 64 << 20, example: example, in: 8 << 20 ... .max)
            )
        }
        root.inspect("sources") { section in
            guard section.keys.isEmpty else { return }
            let message = "expected a source; without this key there is one, default"
            root.report(message, key: "sources", line: root.lineOf("sources"))
        }
        tracking = root.section("tracking") { TrackingPart($0, path) }
        let hasPublicURL = publicURL != nil
        let named = root.named("sources", what: "source") { name, section in
            (
                SourceSettings(name, section, glossary: glossary),
                SourceTrackingPart(section, hasPublicURL: hasPublicURL, path)
            )
        }
        sources = named?.map(\.0) ?? standard.sources
        for (source, part) in named ?? [] { tracking.sources[source.name] = part }
        connectors =
            root.named("connectors", what: "connector") { name, section in
                ConnectorPart(name, section, folder: folder, glossary: glossary)
            } ?? standard.connectors
        ConnectorPart.reportSharedIDs(connectors, root)
    }

    private static func address(_ section: ConfigurationSection, default value: ListenAddress?) -> ListenAddress? {
        section.value("listen", expected: "HOST:PORT such as 127.0.0.1:8080") { ListenAddress($0) } ?? value
    }

    /// An address without a slash at its end; nil if it names a user, a query, or is none.
    static func baseURL(_ text: String) -> String? {
        guard !text.contains(where: { $0.isWhitespace || $0 == "?" || $0 == "#" }) else { return nil }
        return CloudEndpoint(text)?.url
    }

    private static func ranges(_ root: ConfigurationSection) -> [AddressRange] {
        let expected = "an address or range such as 10.0.0.0/8"
        return root.strings("trusted_proxies", expected: expected).compactMap { found in
            guard let range = AddressRange(found.value) else {
                root.report("expected \(expected), found \(found.kind)", key: found.key, line: found.line)
                return nil
            }
            return range
        }
    }

    private static func tlsFiles(_ section: ConfigurationSection, _ path: (String) -> String) -> TLSFiles? {
        let certificate = section.required("certificate", expected: "a PEM file of the certificate chain")
        let key = section.required("key", expected: "a PEM file of the private key")
        for (name, file) in [("certificate", certificate), ("key", key)] {
            guard let file, !section.reading.canRead(path(file)) else { continue }
            section.reportUnreadable("file", key: name)
        }
        guard let certificate, let key else { return nil }
        return TLSFiles(certificate: path(certificate), key: path(key))
    }

    private static func http(_ section: ConfigurationSection) -> HTTPPart {
        let standard = HTTPPart()
        return HTTPPart(
            connectionsMax: section.integer("connections_max", default: standard.connectionsMax, in: 16...1_000_000),
            idleTimeout: section.duration(
                "idle_timeout",
                default: standard.idleTimeout,
                example: "75s",
                atLeast: .seconds(1)
            ),
            requestTimeout: section.duration(
                "request_timeout",
                default: standard.requestTimeout,
                example: "2m",
                atLeast: .seconds(1)
            )
        )
    }

    private static func log(_ section: ConfigurationSection) -> LogSettings {
        LogSettings(
            level: section.choice("level", default: .info, of: Logger.Level.allCases.map { ($0.rawValue, $0) }),
            format: section.choice("format", default: .text, of: words(LogSettings.Format.self))
        )
    }

    private static func journal(_ section: ConfigurationSection) -> JournalPart {
        let standard = JournalPart()
        return JournalPart(
            partitions: section.integer("partitions", default: standard.partitions, in: 1...256),
            segmentBytes: section.bytes(
                "segment",
                default: standard.segmentBytes,
                example: "64MiB",
                in: 8 << 20...1 << 30
            ),
            keep: section.duration(
                "keep",
                default: standard.keep,
                example: "7d",
                atMost: .seconds(3_650 * 86_400)
            )
        )
    }

    private static func disk(_ section: ConfigurationSection) -> DiskPart {
        DiskPart(
            budgetBytes: section.bytes("budget", example: "50GiB", in: 256 << 20 ... .max),
            reserveBytes: section.bytes("reserve", default: DiskPart().reserveBytes, example: "256MiB", in: 0 ... .max)
        )
    }

    /// A journal that cannot even turn over would answer 503 for ever.
    private static func check(_ disk: DiskPart, against journal: JournalPart, _ root: ConfigurationSection) {
        let least = journal.segmentBytes * journal.partitions * 4
        guard let budget = disk.budgetBytes, budget < least else { return }
        root.inspect("disk") { section in
            let message = "expected at least \(least) bytes: four segments for each partition"
            section.report(message, key: "budget", line: section.lineOf("budget"))
        }
    }

    /// An event that is set aside becomes one record, and a record is at most half a segment.
    private static func check(_ intake: IntakeSettings, against journal: JournalPart, _ root: ConfigurationSection) {
        var boundless = intake
        boundless.bodyBytesMax = .max
        let most = boundless.bounded(bySegment: journal.segmentBytes).bodyBytesMax
        root.inspect("intake") { section in
            if intake.eventBytesMax > most {
                let message =
                    "expected at most \(most) bytes, what half a segment (journal.segment) holds as one record"
                section.report(message, key: "event_bytes_max", line: section.lineOf("event_bytes_max"))
            } else if intake.bodyBytesMax < intake.eventBytesMax {
                let message = "expected at least event_bytes_max (\(intake.eventBytesMax)): one whole event must fit"
                section.report(message, key: "body_bytes_max", line: section.lineOf("body_bytes_max"))
            }
        }
    }

    private static func duplicates(_ section: ConfigurationSection) -> DuplicatesPart {
        let standard = DuplicatesPart()
        return DuplicatesPart(
            window: section.duration(
                "window",
                default: standard.window,
                example: "1h",
                atMost: .seconds(30 * 86_400)
            ),
            memoryBytes: section.bytes("memory", default: standard.memoryBytes, example: "64MiB", in: 1 << 20 ... .max)
        )
    }

    private static func intake(_ section: ConfigurationSection) -> IntakeSettings {
        var settings = IntakeSettings()
        settings.eventBytesMax = section.bytes(
            "event_bytes_max",
            default: settings.eventBytesMax,
            example: "900000",
            in: 1024...16 << 20
        )
        settings.bodyBytesMax = section.bytes(
            "body_bytes_max",
            default: settings.bodyBytesMax,
            example: "16MiB",
            in: 1024...1 << 30
        )
        settings.decompressedBytesMax = section.bytes(
            "decompressed_bytes_max",
            default: settings.decompressedBytesMax,
            example: "16MiB",
            in: 1024...1 << 30
        )
        settings.inFlightBytesMax = section.bytes(
            "in_flight_bytes_max",
            default: settings.inFlightBytesMax,
            example: "256MiB",
            in: 1024 ... .max
        )
        if settings.inFlightBytesMax < settings.bodyBytesMax {
            let message = "expected at least body_bytes_max (\(settings.bodyBytesMax)): one whole body must fit"
            section.report(message, key: "in_flight_bytes_max", line: section.lineOf("in_flight_bytes_max"))
        }
        return settings
    }

    static func words<Value: CaseIterable & RawRepresentable<String>>(
        _ type: Value.Type
    ) -> [(word: String, value: Value)] {
        type.allCases.map { ($0.rawValue, $0) }
    }
}
