import Avro
import Foundation
import Glossary
import Intake
import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

@testable import Tracking

/// Tracking over a real journal and a real store in a folder of its own, on a clock that a test moves.
final class TrackingWorld: Sendable {
    /// What runs between two starts.
    struct Running: Sendable {
        let world: TrackingWorld
        let tracker: Tracker
        let intake: Intake
        let journal: SegmentedJournal
        let metrics: MetricRegistry
    }

    static let start: Int64 = 1_767_225_600

    let folder: String
    let clock = ManualClock(Timestamp(seconds: TrackingWorld.start))
    let platform: Platform
    let settings: TrackingSettings
    let sends: TrackingSource.Sends
    let edition: String
    let partitions: Int
    let isStrict: Bool
    let schemas: [JournalSchema]

    init(
        sends: TrackingSource.Sends = .reported,
        edition: String = "2021",
        partitions: Int = 1,
        isStrict: Bool = false,
        settings: TrackingSettings = TrackingSettings()
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "tracking-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        platform = Platform.testing(clock: clock, files: SystemFiles())
        self.settings = settings
        self.sends = sends
        self.edition = edition
        self.partitions = partitions
        self.isStrict = isStrict
        schemas = try Intake.journalSchemas(Glossary.standard.editions)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var now: Int64 { clock.now().seconds }
    var storePath: String { "\(folder)/tracking.db" }

    /// Starts, runs while `body` does, and ends cleanly.
    @discardableResult
    func run<Result: Sendable>(
        segmentBytes: Int = 8 << 20,
        sources: [String] = ["default", "other"],
        edition own: String? = nil,
        sends ownSends: TrackingSource.Sends? = nil,
        _ body: (Running) async throws -> Result
    ) async throws -> Result {
        let metrics = MetricRegistry()
        let edition = own ?? self.edition
        let editions = Glossary.standard.editions
        let journal = try await SegmentedJournal.open(
            JournalSettings(folder: "\(folder)/journal", partitions: partitions, segmentBytes: segmentBytes),
            schemas: schemas,
            identify: { [schemas] in Intake.identify(editions, schemas: schemas, secret: $0) },
            minimumNextOffset: [:],
            platform: platform,
            metrics: metrics,
            failStop: { Issue.record("the journal failed: \($0)") },
            onLoss: { Issue.record("the journal lost: \($0)") }
        )
        let intake = Intake(
            sources: sources.map { SourceSettings(name: $0, edition: edition, isStrict: isStrict) },
            editions: editions,
            schemas: schemas,
            settings: IntakeSettings(),
            journal: journal,
            platform: platform,
            metrics: metrics
        )
        let store = try await TrackingStore.open(storePath, platform: platform)
        guard let sourceEdition = Glossary.standard.edition(edition) else {
            preconditionFailure("an edition of the glossary")
        }
        let tracker = Tracker(
            sources: sources.map { TrackingSource(name: $0, edition: sourceEdition, sends: ownSends ?? sends) },
            settings: settings,
            intake: intake,
            store: store,
            platform: platform,
            metrics: metrics,
            failStop: { Issue.record("tracking failed: \($0)") }
        )
        try await tracker.recover()
        let running = Running(world: self, tracker: tracker, intake: intake, journal: journal, metrics: metrics)
        let result = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await tracker.run() }
            let result = try await withThrowingTaskGroup(of: Void.self) { writers in
                writers.addTask { try await journal.run() }
                let result = try await body(running)
                group.cancelAll()
                try await group.waitForAll()
                writers.cancelAll()
                try await writers.waitForAll()
                return result
            }
            return result
        }
        try await store.close()
        return result
    }

    /// Keeps the store as it is now, beside it.
    func keepStore(as name: String) throws {
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: storePath + suffix) {
            try FileManager.default.copyItem(atPath: storePath + suffix, toPath: "\(folder)/\(name)\(suffix)")
        }
    }

    /// Puts a kept store back, as if nothing since had reached it.
    func putStoreBack(_ name: String) throws {
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: storePath + suffix)
            guard FileManager.default.fileExists(atPath: "\(folder)/\(name)\(suffix)") else { continue }
            try FileManager.default.copyItem(atPath: "\(folder)/\(name)\(suffix)", toPath: storePath + suffix)
        }
    }
}

extension TrackingWorld.Running {
    func report(_ route: TrackRoute, _ body: String, key: String) async throws -> TrackAnswer {
        let report = try TrackReport(route, reading: JSONValue(parsing: body))
        return try await tracker.take(report, from: "default", key: "\(route.rawValue) \(key)", body: Array(body.utf8))
    }

    func users(_ body: String) async throws {
        let report = try TrackReport(usersReading: JSONValue(parsing: body))
        _ = try await tracker.take(report, from: "default", body: Array(body.utf8))
    }

    func define(_ kind: Definition.Kind, _ id: String, _ body: String) async throws {
        let definition = try Definition(kind, id: id, reading: JSONValue(parsing: body))
        _ = try await tracker.take(.define(definition), from: "default", body: [])
    }

    func undefine(_ kind: Definition.Kind, _ id: String) async throws {
        _ = try await tracker.take(.undefine(kind, id: id), from: "default", body: [])
    }

    @discardableResult
    func provider(
        _ reports: [ProviderReport],
        name: String = "sendgrid",
        source: String = "default"
    ) async throws -> TrackAnswer {
        try await tracker.take(.provider(name: name, reports, strange: []), from: source, body: [1])
    }

    /// Lets time pass, and waits until what is due has been handled.
    func pass(_ duration: Duration) async throws {
        // The tracker's own timekeeper sleeps, is woken, and has told of the tick once it sleeps again.
        while world.clock.sleeperCount == 0 { await Task.yield() }
        world.clock.advance(by: duration)
        while world.clock.sleeperCount == 0 { await Task.yield() }
        // The first may be answered before the house is kept, the second never is.
        for _ in 0..<2 { try await users(#"{"users":[]}"#) }
    }

    /// Every event in the journal, as its type and its fields that are not null, in the journal's order.
    func events(_ type: String? = nil) async throws -> [Event] {
        var events: [Event] = []
        for partition in 0..<journal.partitions {
            let reader = journal.makeReader(PartitionID(partition), from: .zero)
            reading: while true {
                switch try await reader.next(wanting: { _ in true }, bytesMax: 1 << 20) {
                case .end: break reading
                case .lost(let loss): Issue.record("lost \(loss)")
                case .frame(let frame):
                    for record in frame.records {
                        guard let schema = world.schemas.first(where: { $0.fingerprint == record.fingerprint }),
                            schema.name != ChangeRecord.typeName
                        else { continue }
                        let datum = try Resolution(writer: Schema(json: schema.json))
                            .decode(frame.payload.span.extracting(record.datum))
                        events.append(Event(type: schema.name, fields: try JSONValue(parsing: datum.json)))
                    }
                }
            }
        }
        return events.filter { type == nil || $0.type == type }
    }
}

/// An event as it lies in the journal.
struct Event: Hashable {
    let type: String
    let fields: JSONValue

    subscript(_ name: String) -> String? { fields[name]?.string }
    func integer(_ name: String) -> Int64? { fields[name]?.integer }
    func isNull(_ name: String) -> Bool { fields[name] == .null }
}
