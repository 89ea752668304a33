import Foundation
import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

@Suite("Looking into a journal from outside")
struct InspectorTests {
    @Test("check and dump read a journal that is being written")
    func live() async throws {
        let world = JournalWorld(partitions: 2)
        try await world.run { journal in
            for first in stride(from: UInt64(0), to: 1_000, by: 20) {
                _ = try await journal.append(TestRecord.batch(first..<first + 20), to: PartitionID(0))
            }
            _ = try await journal.append(TestRecord.batch(5_000..<5_003, schema: 1), to: PartitionID(1))
            let inspector = try world.inspector()
            #expect(inspector.id == journal.id && inspector.partitions == 2)
            let reports = try inspector.check()
            #expect(reports.count > 2)
            #expect(reports.allSatisfy { $0.isHeadGood && $0.framesBad == 0 && !$0.hasTornTail })
            #expect(reports.filter { $0.ending == .open }.map(\.partition.rawValue) == [0, 1])
            #expect(reports.reduce(0) { $0 + $1.records } == 1_003)
            var dumped: [(Int, Int64, String)] = []
            let result = try inspector.dump { record in
                dumped.append((record.partition.rawValue, record.offset.rawValue, record.schema.name))
                #expect(TestRecord.id(ofDatum: record.datum) != nil)
            }
            guard case .success = result else { return }
            #expect(dumped.count == 1_003)
            #expect(dumped.filter { $0.0 == 0 }.map(\.1) == (0..<1_000).map { Int64($0) })
            #expect(dumped.last?.2 == "test.Two")
        }
        let reports = try world.inspector().check()
        #expect(reports.allSatisfy { $0.ending == .sealed })
    }

    @Test("check counts what is broken and changes nothing")
    func broken() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            for first in [UInt64(0), 10, 20, 30] {
                _ = try await journal.append(TestRecord.batch(first..<first + 10), to: .first)
            }
        }
        let name = try #require(try world.segments().first)
        world.files.rot(world.path(name), at: 2 * 4_096 + 200, [0xFF])
        world.files.rot(world.path(name), at: 4 * 4_096 + 200, [0xFF])
        let operations = world.files.operationCount
        let report = try #require(
            try world.inspector().check().first
        )
        #expect(report.framesGood == 2 && report.framesBad == 1 && report.hasTornTail)
        #expect(report.records == 20 && report.ending == .open)
        #expect(world.files.operationCount == operations)
    }

    @Test("frames behind a rotted head are dumped by the running schemas")
    func rottedHead() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            _ = try await journal.append(TestRecord.batch(0..<10), to: .first)
        }
        let name = try #require(try world.segments().first)
        world.files.rot(world.path(name), at: 20, [0xFF])
        let inspector = try world.inspector()
        let report = try #require(try inspector.check().first)
        #expect(!report.isHeadGood && report.records == 10 && report.framesBad == 0)
        var dumped: [Int64] = []
        _ = try inspector.dump { dumped.append($0.offset.rawValue) }
        #expect(dumped == (0..<10).map { Int64($0) })
    }

    @Test("a folder without a journal is named in the error")
    func missing() throws {
        let world = JournalWorld()
        let error = #expect(throws: JournalError.self) {
            try SegmentInspector(folder: "/nowhere", schemas: [], files: world.files)
        }
        #expect(error?.message.contains("/nowhere/journal.meta") == true)
    }

    @Test("the same on real files and a real clock: rolls, restart, retention", arguments: [1, 3])
    func realFiles(partitions: Int) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/courant-journal-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let platform = Platform.live(blockingThreads: 4, computeThreads: 1)
        let settings = JournalSettings(
            folder: folder,
            partitions: partitions,
            segmentBytes: 1 << 20,
            frameBytesMax: 256 << 10
        )
        func run(_ body: @Sendable (SegmentedJournal) async throws -> Void) async throws {
            let journal = try await SegmentedJournal.open(
                settings,
                schemas: JournalWorld.schemas,
                identify: { _ in { TestRecord.identity(ofDatum: $1, fingerprint: $0) } },
                platform: platform,
                metrics: MetricRegistry(),
                failStop: { Issue.record($0) },
                onLoss: { Issue.record("lost: \($0)") }
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await journal.run() }
                try await body(journal)
                group.cancelAll()
                try await group.waitForAll()
            }
        }
        try await run { journal in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for partition in 0..<partitions {
                    for sender in 0..<4 {
                        group.addTask {
                            for batch in 0..<25 {
                                let first = UInt64((partition * 4 + sender) * 100_000 + batch * 100)
                                let result = try await journal.append(
                                    TestRecord.batch(first..<first + 100, length: 700),
                                    to: PartitionID(partition)
                                )
                                #expect(result.accepted == 100)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        try await run { journal in
            for partition in (0..<partitions).map(PartitionID.init) {
                #expect(journal.recovery[partition.rawValue].losses.isEmpty)
                let read = try await journal.readAll(partition)
                #expect(read.records.count == 10_000 && Set(read.ids).count == 10_000)
                #expect(read.records.map(\.offset.rawValue) == (0..<10_000).map { Int64($0) })
                let first = UInt64(partition.rawValue * 4 * 100_000)
                let again = try await journal.append(TestRecord.batch(first..<first + 100, length: 700), to: partition)
                #expect(again.accepted == 0 && again.duplicates.count == 100)
                let removed = try await journal.removeSegments(
                    of: partition,
                    before: Offset(10_000),
                    olderThan: platform.clock.now() + .seconds(1)
                )
                #expect(removed >= 6)
            }
        }
        #expect(try SystemFiles().list(folder).filter { $0.hasSuffix(".spare") } == [])
    }
}
