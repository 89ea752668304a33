import Avro
import Delivery
import Glossary
import Intake
import Journal
import Platform
import PlatformTesting
import Telemetry
import Tracking

/// A fixed amount of work in a world that stands still, so that its instructions and allocations can be counted.
///
/// Each work holds the one before it: bodies read, then events checked and encoded, then journalled, then delivered.
/// What a part costs is the difference between two works; what an event costs, the difference between two sizes.
/// One caller, one thread for everything, so that no two runs take turns in another order; a clock that nobody moves,
/// and random numbers from a seed.
enum CountedWork: String {
    case bodies
    case intake
    case journal
    case deliveryNull = "delivery-null"
    case deliveryZstandard = "delivery-zstandard"
    case sends

    private static let thread = ThreadPool(threads: 1)

    func run(_ file: EventFile) async throws {
        try await withTaskExecutorPreference(Self.thread) { try await perform(file) }
    }

    @concurrent
    private func perform(_ file: EventFile) async throws {
        switch self {
        case .bodies: guard file.events > 0 else { throw BenchmarkFailure("there are no events") }
        case .intake: _ = try await Self.encoded(file)
        case .journal: try await Self.journalled(file) { (_, _, _) in }
        case .deliveryNull: try await Self.delivered(file, codec: .null)
        case .deliveryZstandard: try await Self.delivered(file, codec: .zstandard(level: 1))
        case .sends: try await Self.sends(file)
        }
    }

    private static func platform() -> Platform {
        Platform(
            clock: ManualClock(),
            random: SeededRandom(seed: 42),
            files: SystemFiles(),
            blocking: thread,
            compute: thread
        )
    }

    private static func encoded(_ file: EventFile) async throws -> [RecordBatch] {
        let catching = CatchingJournal(keeps: true)
        try await IntakeBenchmark.post(file, to: IntakeBenchmark.intake(into: catching, platform: platform()))
        return catching.batches
    }

    /// One batch a frame.
    private static func journalled(
        _ file: EventFile,
        then work: (any Journal, _ folder: String, Platform) async throws -> Void
    ) async throws {
        let batches = try await encoded(file)
        try await ScratchFolder.with { folder in
            let platform = platform()
            let journal = try await BenchJournal.open(in: folder, platform: platform)
            try await BenchJournal.running(journal) {
                for batch in batches {
                    let result = try await journal.append(batch, to: PartitionID(0))
                    guard result.duplicates.isEmpty else { throw BenchmarkFailure("the events are not unique") }
                }
                try await work(journal, folder, platform)
            }
        }
    }

    private static func delivered(_ file: EventFile, codec: Codec) async throws {
        try await journalled(file) { journal, folder, platform in
            let landed = try await DeliveryBench.with(journal, folder: folder, platform: platform) { bench in
                let connector = try await bench.connector("local", codec: codec)
                return try await bench.running([connector]) {
                    try await connector.flush(timeout: .seconds(600)).records
                }
            }
            guard landed == file.events else { throw BenchmarkFailure("\(landed) of \(file.events) records landed") }
        }
    }

    /// Reports of as many sends as the file has events in a body.
    private static func sends(_ file: EventFile) async throws {
        try await TrackingBenchmark.with(platform()) { tracker in
            let recipients = file.events / file.bodies.count
            for number in file.bodies.indices {
                try await TrackingBenchmark.report(number, recipients: recipients, to: tracker)
            }
        }
    }
}
