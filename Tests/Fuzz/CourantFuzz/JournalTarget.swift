import Journal
import Platform
import PlatformTesting
import Telemetry

/// A journal's folder that something has happened to: bytes flipped, zeroed, copied, cut off; files lost or renamed.
///
/// The input is a list of such edits. The journal opens or says why not; what it gives is what was written, at its
/// offset; it takes more; and the next start finds the same again.
struct JournalTarget: FuzzTarget {
    static let name = "journal"

    private static let folder = "/data/journal"
    private static let partitions = 2
    private static let schemas = [
        JournalSchema(name: "test.One", edition: "2021", json: "{\"one\":1}", fingerprint: 0x1111),
        JournalSchema(name: "test.Two", edition: "2021", json: "{\"two\":2}", fingerprint: 0x2222),
    ]

    private struct Place: Hashable, Comparable {
        let partition: PartitionID
        let offset: Offset

        static func < (left: Place, right: Place) -> Bool {
            (left.partition, left.offset) < (right.partition, right.offset)
        }
    }

    private typealias Records = [Place: [UInt8]]

    /// As the folder was in the middle of its work, and after a clean end.
    private let folders: [[String: [UInt8]]]
    private let written: Records

    init() throws {
        let made = try awaited { () async -> Result<([[String: [UInt8]]], Records), any Error> in
            do { return .success(try await Self.make()) } catch { return .failure(error) }
        }.get()
        (folders, written) = made
    }

    func take(_ input: FuzzInput) {
        var input = input
        let choice = input.byte()
        var edits = JournalEdits(folders[Int(choice & 1)], forges: choice & 2 != 0)
        edits.apply(input)
        let (files, trusted) = (edits.files, !edits.forges)
        awaited { await live(in: Self.put(files), trusted: trusted) }
    }

    // MARK: - Making

    private static func make() async throws -> (folders: [[String: [UInt8]]], written: Records) {
        let files = FaultyFiles()
        var open: [String: [UInt8]] = [:]
        var written: Records = [:]
        try await run(files) { journal in
            for number in 0..<44 {
                let partition = PartitionID(number % 7 == 3 ? 1 : 0)
                _ = try await journal.append(batch(number), to: partition)
            }
            written = try await read(journal)
            open = snapshot(files)
        }
        return ([open, snapshot(files)], written)
    }

    private static func batch(_ number: Int) -> RecordBatch {
        var batch = RecordBatch()
        for index in 0..<(1 + number % 3) {
            let filler = UInt8(truncatingIfNeeded: number * 3 + index)
            let datum = [UInt8(number), UInt8(index)] + [UInt8](repeating: filler, count: number * 40)
            let schema = (number + index) % schemas.count
            let start = RecordLayout.append(datum: datum, fingerprint: schemas[schema].fingerprint, to: &batch.bytes)
            batch.entries.append(
                RecordBatch.Entry(
                    start: UInt32(start),
                    length: UInt32(batch.bytes.count - start),
                    schema: UInt16(schema),
                    identity: RecordIdentity(high: UInt64(number) << 56 | UInt64(index), low: 1)
                )
            )
        }
        return batch
    }

    private static func snapshot(_ files: FaultyFiles) -> [String: [UInt8]] {
        let names = (try? files.list(folder)) ?? []
        return Dictionary(
            uniqueKeysWithValues: names.compactMap { name in
                files.content(FilePath.join(folder, name)).map { (name, $0) }
            }
        )
    }

    private static func put(_ contents: [String: [UInt8]]) -> FaultyFiles {
        let files = FaultyFiles()
        do {
            _ = try files.makeFolder(folder)
            for (name, bytes) in contents.sorted(by: { $0.key < $1.key }) {
                let file = try files.open(FilePath.join(folder, name), .create)
                try file.write(at: 0, bytes)
                try file.synchronize()
            }
            try files.synchronizeFolder(folder)
        } catch {
            fatalError("files in memory fail: \(error)")
        }
        return files
    }

    // MARK: - Living

    private func live(in files: FaultyFiles, trusted: Bool) async {
        do {
            if let inspector = try? SegmentInspector(folder: Self.folder, schemas: Self.schemas, files: files) {
                _ = try? inspector.check()
                _ = try? inspector.dump { (_: SegmentInspector.Record) in }
            }
            var first: Records = [:]
            try await Self.run(files) { journal in
                let found = try await Self.read(journal)
                if trusted { check(found) }
                for partition in 0..<Self.partitions {
                    let id = PartitionID(partition)
                    let result = try await journal.append(Self.batch(90 + partition), to: id)
                    demand(result.accepted > 0, "a new record is taken for a repeat")
                    if let offset = result.firstOffset, let last = found.keys.filter({ $0.partition == id }).max() {
                        demand(offset > last.offset, "offset \(offset) is given a second time")
                    }
                }
                first = try await Self.read(journal)
                if trusted {
                    for (place, bytes) in found {
                        demand(first[place] == bytes, "the record at \(place.offset) is gone after an append")
                    }
                }
            }
            try await Self.run(files) { journal in
                let again = try await Self.read(journal)
                demand(!trusted || again == first, "another start finds other records")
            }
        } catch let error as JournalError {
            demand(!error.message.isEmpty, "an error says what is wrong")
        } catch {
            fatalError("a journal throws \(error)")
        }
    }

    private func check(_ found: Records) {
        for (place, bytes) in found {
            demand(
                written[place] == bytes,
                "partition \(place.partition) has at offset \(place.offset) what was never written there"
            )
        }
    }

    private static func run(
        _ files: FaultyFiles,
        _ body: (SegmentedJournal) async throws -> Void
    ) async throws {
        let settings = JournalSettings(
            folder: folder,
            partitions: partitions,
            segmentBytes: 40 << 10,
            frameBytesMax: 8 << 10,
            queueBytesMax: 1 << 20,
            duplicateMemory: 64 << 10
        )
        let journal = try await SegmentedJournal.open(
            settings,
            schemas: schemas,
            identify: { _ in
                { fingerprint, datum in
                    datum.count < 2
                        ? .none : RecordIdentity(high: UInt64(datum[0]) << 56 | UInt64(datum[1]), low: 1)
                }
            },
            platform: .onOneThread(random: SeededRandom(seed: 42), files: files),
            metrics: MetricRegistry(),
            failStop: { fatalError("nothing fails here: \($0)") },
            onLoss: { _ in }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await journal.run() }
            try await body(journal)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func read(_ journal: SegmentedJournal) async throws -> Records {
        var records: Records = [:]
        for partition in (0..<partitions).map(PartitionID.init) {
            let reader = journal.makeReader(partition, from: .zero)
            var behind = Offset.zero
            reading: while true {
                switch try await reader.next(wanting: { _ in true }, bytesMax: 64 << 10) {
                case .end: break reading
                case .lost(let loss):
                    demand(loss.from >= behind && loss.to > loss.from, "a loss goes backwards")
                    behind = loss.to
                case .frame(let frame):
                    demand(frame.nextOffset > behind, "the reader goes backwards")
                    behind = frame.nextOffset
                    for view in frame.records {
                        records[Place(partition: partition, offset: view.offset)] = Array(frame.payload[view.datum])
                    }
                }
            }
        }
        return records
    }
}
