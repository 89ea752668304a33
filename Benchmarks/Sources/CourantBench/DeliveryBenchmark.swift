import Avro
import Delivery
import DestinationLocal
import Glossary
import Intake
import Journal
import Platform
import Telemetry

/// A full journal to finished files: read, route, copy, compress, plan and land, until all of it has landed.
struct DeliveryBenchmark {
    static let runs: [(name: String, codec: Codec, privacy: PrivacySettings, against: String)] = [
        ("zstandard", .zstandard(level: 1), PrivacySettings(), "zstd1"),
        ("deflate", .deflate(level: 1), PrivacySettings(), "deflate1"),
        ("null", .null, PrivacySettings(), "null"),
        ("zstandard, personal data hashed", .zstandard(level: 1), hashed, "zstd1"),
    ]
    private static let hashed = PrivacySettings(
        personal: .hmacSHA256,
        fields: ["latitude": .keep, "longitude": .keep],
        key: Array("a key of this benchmark".utf8)
    )

    let file: EventFile

    /// All runs, or the one that is named.
    @concurrent
    func run(only: String? = nil) async throws {
        for (name, codec, privacy, against) in Self.runs where only == nil || only == name {
            try await ScratchFolder.with { folder in
                let platform = Platform.live()
                let journal = try await BenchJournal.open(in: folder, platform: platform)
                try await BenchJournal.running(journal) {
                    try await IntakeBenchmark.post(file, to: IntakeBenchmark.intake(into: journal))
                    let measurement = Measurement.start()
                    let landed = try await DeliveryBench.with(journal, folder: folder, platform: platform) { bench in
                        let connector = try await bench.connector("local", codec: codec, privacy: privacy)
                        return try await bench.running([connector]) {
                            try await connector.flush(timeout: .seconds(600)).records
                        }
                    }
                    guard landed == file.events else {
                        throw BenchmarkFailure("\(landed) of \(file.events) records landed")
                    }
                    measurement.row("Delivery, \(name)", events: landed, bytes: file.bytes, against: against)
                }
            }
        }
    }
}

/// What connectors of a benchmark share.
struct DeliveryBench {
    private let environment: ConnectorEnvironment
    private let folder: String

    static func with<Result>(
        _ journal: any Journal,
        folder: String,
        platform: Platform,
        _ work: (DeliveryBench) async throws -> Result
    ) async throws -> Result {
        let state = try await StateStore.open(folder + "/state.db", platform: platform)
        try await state.adopt(journal.id)
        let environment = ConnectorEnvironment(
            journal: journal,
            state: state,
            owner: try await state.takeOver(),
            book: try SchemaBook(glossary: .standard),
            platform: platform,
            metrics: MetricRegistry(),
            stagingFolder: folder + "/staging",
            memory: StagingMemory(budget: 64 << 20)
        )
        let result = try await work(DeliveryBench(environment: environment, folder: folder))
        try await state.close()
        return result
    }

    /// A connector for everything, from the oldest record on; to a local folder of its own unless told otherwise.
    func connector(
        _ name: String,
        codec: Codec,
        privacy: PrivacySettings = PrivacySettings(),
        to destination: (any ObjectDestination)? = nil
    ) async throws -> Connector {
        let settings = ConnectorSettings(
            name: name,
            id: name,
            kind: .local,
            codec: codec,
            roll: RollSettings(every: .seconds(3_600)),
            start: .oldest,
            privacy: privacy
        )
        let files = LocalDestination(
            LocalConfiguration(path: "\(folder)/\(name)", connector: settings.id),
            platform: environment.platform
        )
        let connector = try Connector(settings, to: .objects(destination ?? files), in: environment)
        try await connector.prepare()
        return connector
    }

    /// Runs connectors while `work` lasts.
    func running<Result: Sendable>(
        _ connectors: [Connector],
        _ work: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connector in connectors { group.addTask { try await connector.run() } }
            let result = try await work()
            for connector in connectors { connector.stop() }
            try await group.waitForAll()
            return result
        }
    }
}
