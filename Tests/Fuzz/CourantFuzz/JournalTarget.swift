import Journal
import Platform
import PlatformTesting
import Telemetry

/// A journal's folder that something has happened to: bytes flipped, zeroed, copied, cut off; files lost or renamed.
///
/// The input is a list of such edits. The journal opens, or says why not where `journal.meta` is not what it was. What
/// it gives is what was written, at its offset; every frame that still stands there is given whole; no offset is passed
/// over without a word. It takes more, and where nothing was edited it knows all repeats; and the next start finds the
/// same again.
struct JournalTarget: FuzzTarget {
    static let name = "journal"

    private static let folder = "/data/journal"
    private static let partitions = 2
    private static let batchCount = 44
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

    /// What an edited folder must still give.
    private struct Expectation {
        let isUntouched: Bool
        /// Checksums are right wherever bytes are as they were written, and only there.
        let isTrusted: Bool
        let mayRefuse: Bool
        let whole: [WrittenFrames.Frame]
    }

    /// As the folder was in the middle of its work, and after a clean end.
    private let folders: [[String: [UInt8]]]
    private let frames: [WrittenFrames]
    /// What was handed to the journal, at the offsets that it answered.
    private let written: Records

    init() throws {
        let made = try awaited { () async -> Result<([[String: [UInt8]]], Records), any Error> in
            do { return .success(try await Self.make()) } catch { return .failure(error) }
        }.get()
        (folders, written) = made
        frames = folders.map(WrittenFrames.init)
        for frames in frames { demand(frames.records == written.count, "the format's page does not find all frames") }
    }

    func take(_ input: FuzzInput) {
        var input = input
        let choice = input.byte()
        let (folder, frames) = (folders[Int(choice & 1)], frames[Int(choice & 1)])
        var edits = JournalEdits(folder, forges: choice & 2 != 0)
        edits.apply(input)
        let expected = Expectation(
            isUntouched: edits.files == folder,
            isTrusted: !edits.forges,
            mayRefuse: frames.mayRefuse(edits.files),
            whole: frames.whole(in: edits.files, except: edits.mixed)
        )
        let files = edits.files
        awaited { await live(in: Self.put(files), expected) }
    }

    // MARK: - Making

    private static func make() async throws -> (folders: [[String: [UInt8]]], written: Records) {
        let files = FaultyFiles()
        var open: [String: [UInt8]] = [:]
        var written: Records = [:]
        let opened = try await run(files) { journal in
            for number in 0..<batchCount {
                let (batch, partition) = (batch(number), partition(of: number))
                let result = try await journal.append(batch, to: partition)
                guard let first = result.firstOffset else { fatalError("a new batch is taken for repeats") }
                for (index, entry) in batch.entries.enumerated() {
                    let start = Int(entry.start) + RecordLayout.datumStart
                    written[Place(partition: partition, offset: first + index)] =
                        Array(batch.bytes[start..<Int(entry.start + entry.length)])
                }
            }
            open = snapshot(files)
        }
        if case .refused(let error) = opened { throw error }
        return ([open, snapshot(files)], written)
    }

    private static func partition(of number: Int) -> PartitionID {
        PartitionID(number % 7 == 3 ? 1 : 0)
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

    private func live(in files: FaultyFiles, _ expected: Expectation) async {
        if let inspector = try? SegmentInspector(folder: Self.folder, schemas: Self.schemas, files: files) {
            _ = try? inspector.check()
            _ = try? inspector.dump { (_: SegmentInspector.Record) in }
        }
        var first: Records = [:]
        do {
            let opened = try await Self.run(files) { journal in
                let found = try await Self.read(journal, isWhole: expected.isTrusted)
                check(found, expected)
                if expected.isUntouched { try await Self.repeatAll(journal) }
                for partition in (0..<Self.partitions).map(PartitionID.init) {
                    let result = try await journal.append(Self.batch(90 + partition.rawValue), to: partition)
                    demand(result.accepted > 0, "a new record is taken for a repeat")
                    let last = found.keys.filter { $0.partition == partition }.max()
                    if let offset = result.firstOffset, let last {
                        demand(offset > last.offset, "offset \(offset) is given a second time")
                    }
                }
                first = try await Self.read(journal, isWhole: expected.isTrusted)
                if expected.isTrusted {
                    for (place, bytes) in found {
                        demand(first[place] == bytes, "the record at \(place.offset) is gone after an append")
                    }
                }
            }
            if case .refused(let error) = opened {
                demand(expected.mayRefuse, "what the format says is no reason: \(error)")
                demand(!error.message.isEmpty, "an error says what is wrong")
                return
            }
            let again = try await Self.run(files) { journal in
                let again = try await Self.read(journal, isWhole: expected.isTrusted)
                demand(!expected.isTrusted || again == first, "another start finds other records")
            }
            if case .refused(let error) = again { fatalError("it opened once and does not again: \(error)") }
        } catch {
            fatalError("an open journal throws \(error)")
        }
    }

    private func check(_ found: Records, _ expected: Expectation) {
        guard expected.isTrusted else { return }
        for (place, bytes) in found {
            demand(
                written[place] == bytes,
                "partition \(place.partition) has at offset \(place.offset) what was never written there"
            )
        }
        for frame in expected.whole {
            for offset in frame.offsets {
                let place = Place(partition: frame.partition, offset: Offset(offset))
                demand(found[place] != nil, "partition \(place.partition) lost \(offset), whose frame is whole")
            }
        }
        demand(!expected.isUntouched || found == written, "what nobody touched is not all there")
    }

    private static func repeatAll(_ journal: SegmentedJournal) async throws {
        for number in 0..<batchCount {
            let result = try await journal.append(batch(number), to: partition(of: number))
            demand(result.accepted == 0, "a repeat is taken for a new record")
        }
    }

    private enum Opening {
        case done
        case refused(JournalError)
    }

    private static func run(
        _ files: FaultyFiles,
        _ body: (SegmentedJournal) async throws -> Void
    ) async throws -> Opening {
        let settings = JournalSettings(
            folder: folder,
            partitions: partitions,
            segmentBytes: 40 << 10,
            frameBytesMax: 8 << 10,
            queueBytesMax: 1 << 20,
            duplicateMemory: 64 << 10
        )
        let journal: SegmentedJournal
        do throws(JournalError) {
            journal = try await SegmentedJournal.open(
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
        } catch {
            return .refused(error)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await journal.run() }
            try await body(journal)
            group.cancelAll()
            try await group.waitForAll()
        }
        return .done
    }

    /// All that the journal gives; `isWhole`: each offset is in a frame or said to be lost.
    private static func read(_ journal: SegmentedJournal, isWhole: Bool) async throws -> Records {
        var records: Records = [:]
        for partition in (0..<partitions).map(PartitionID.init) {
            let reader = journal.makeReader(partition, from: .zero)
            var behind = Offset.zero
            reading: while true {
                switch try await reader.next(wanting: { _ in true }, bytesMax: 64 << 10) {
                case .end:
                    demand(!isWhole || behind == journal.end(of: partition), "the reader ends before its journal")
                    break reading
                case .lost(let loss):
                    demand(loss.from >= behind && loss.to > loss.from, "a loss goes backwards")
                    demand(!isWhole || loss.from == behind, "offsets before a loss are passed over")
                    behind = loss.to
                case .frame(let frame):
                    demand(frame.nextOffset > behind, "the reader goes backwards")
                    demand(!isWhole || frame.firstOffset == behind, "offsets before a frame are passed over")
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
