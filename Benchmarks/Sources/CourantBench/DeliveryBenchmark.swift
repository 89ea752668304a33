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
    static let codecs: [(codec: Codec, against: String)] = [
        (.zstandard(level: 1), "zstd1"), (.deflate(level: 1), "deflate1"), (.null, "null"),
    ]

    let file: EventFile

    @concurrent
    func run() async throws {
        for (codec, against) in Self.codecs {
            try await ScratchFolder.with { folder in
                let platform = Platform.live()
                let journal = try await BenchJournal.open(in: folder, platform: platform)
                try await BenchJournal.running(journal) {
                    try await IntakeBenchmark.post(file, to: IntakeBenchmark.intake(into: journal))
                    let measurement = Measurement.start()
                    let landed = try await Self.deliver(from: journal, codec: codec, folder: folder, platform: platform)
                    guard landed == file.events else {
                        throw BenchmarkFailure("\(landed) of \(file.events) records landed")
                    }
                    measurement.row("Delivery, \(codec.name)", events: landed, bytes: file.bytes, against: against)
                }
            }
        }
    }

    /// Runs a connector from the oldest record until a flush says that everything has landed; answers how much.
    static func deliver(
        from journal: any Journal,
        codec: Codec,
        folder: String,
        platform: Platform
    ) async throws -> Int {
        try await DeliveryBench.with(journal, folder: folder, platform: platform) { bench in
            let connector = try await bench.connector("local", codec: codec)
            return try await bench.running([connector]) {
                try await connector.flush(timeout: .seconds(600)).records
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
        to destination: (any ObjectDestination)? = nil
    ) async throws -> Connector {
        let settings = ConnectorSettings(
            name: name,
            id: name,
            kind: .local,
            codec: codec,
            roll: RollSettings(every: .seconds(3_600)),
            start: .oldest
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
