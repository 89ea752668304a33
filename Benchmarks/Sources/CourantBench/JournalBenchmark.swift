import Foundation
import Intake
import Journal
import Platform
import Synchronization
import Telemetry

/// Encoded records to durable ones: appends by many callers at once, grouped into frames, one `fdatasync` each.
struct JournalBenchmark {
    static let callers = 16

    let file: EventFile

    @concurrent
    func run() async throws {
        let catching = CatchingJournal(keeps: true)
        try await IntakeBenchmark.post(file, to: IntakeBenchmark.intake(into: catching))
        let batches = catching.batches
        let bytes = batches.reduce(0) { $0 + $1.bytes.count }
        try await ScratchFolder.with { folder in
            let journal = try await BenchJournal.open(in: folder)
            try await BenchJournal.running(journal) {
                let measurement = Measurement.start()
                try await Self.append(batches, to: journal)
                measurement.row(
                    "Journal append, \(Self.callers) callers",
                    events: file.events,
                    bytes: bytes,
                    against: "null"
                )
            }
        }
    }

    static func append(_ batches: [RecordBatch], to journal: any Journal) async throws {
        let turn = Turn()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    while true {
                        let index = turn.next()
                        guard index < batches.count else { return }
                        let result = try await journal.append(batches[index], to: PartitionID(0))
                        guard result.duplicates.isEmpty else { throw BenchmarkFailure("the events are not unique") }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Hands out the numbers from 0, to many callers.
final class Turn: Sendable {
    private let following = Atomic<Int>(0)

    func next() -> Int { following.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// A journal of the real kind.
enum BenchJournal {
    static func open(in folder: String, platform: Platform = .live()) async throws -> SegmentedJournal {
        let editions = try IntakeBenchmark.editions()
        let schemas = try Intake.journalSchemas(editions)
        return try await SegmentedJournal.open(
            JournalSettings(folder: folder + "/journal"),
            schemas: schemas,
            identify: { secret in Intake.identify(editions, schemas: schemas, secret: secret) },
            platform: platform,
            metrics: MetricRegistry(),
            failStop: { error in fatalError("the journal failed: \(error)") },
            onLoss: { loss in fatalError("the journal lost \(loss)") }
        )
    }

    /// Runs the writers while `work` lasts.
    static func running(_ journal: any Journal, _ work: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await journal.run() }
            try await work()
            group.cancelAll()
        }
    }
}

/// A folder of its own for each measurement, beside the events, so that it lies on the same disk.
enum ScratchFolder {
    static func with(_ work: (String) async throws -> Void) async throws {
        let url = URL(filePath: ".build/bench/scratch-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try await work(url.path(percentEncoded: false))
    }
}
