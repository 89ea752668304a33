import Avro
import CAllocations
import Glossary
import Journal
import Testing

@testable import Delivery

/// What a further record costs the allocator on the copy path, from its frame to the block in its file: nothing.
///
/// Twice the records may cost a few allocations for each file and block more, for buffers that double as they grow.
@Suite(.enabled(if: courant_allocations_are_counted(), "this C library's allocations cannot be counted"))
struct AllocationTests {
    private static let records = 10_000
    /// 0.02 for each record added.
    private static let addedMax = records / 50
    private static let perBlockMax = 4

    /// Records of every type of an edition in turn.
    private struct Frames {
        private let records: [(fingerprint: UInt64, datum: [UInt8])]
        private var next = Offset.zero

        init(_ edition: Edition) {
            records = edition.types.map { type in
                (Records.fingerprint(type), Records.datum(type, id: "an-id-of-some-length", filler: 20))
            }
        }

        mutating func frame(_ count: Int) -> JournalFrame {
            var payload: [UInt8] = []
            for index in 0..<count {
                let record = records[index % records.count]
                RecordLayout.append(datum: record.datum, fingerprint: record.fingerprint, to: &payload)
            }
            let first = next
            next = first + count
            return JournalFrame(
                partition: PartitionID(0),
                firstOffset: first,
                count: count,
                time: DeliveryWorld.start,
                counts: SchemaCounts([]),
                payload: payload
            )
        }
    }

    @Test(
        "a copied record costs no allocation from its frame to the staged block, with any codec, whatever its type",
        arguments: [.null, .deflate(level: 1), .snappy, .zstandard(level: 1)] as [Codec],
        ["2021", "v10"]
    )
    func noneForARecord(codec: Codec, name: String) async throws {
        let edition = try #require(Glossary.standard.edition(name))
        for blockBytes in [16 << 10, 4 << 20] {
            let (one, two) = try await costs(codec, edition, blockBytes: blockBytes)
            #expect(one.allocations > 0, "nothing was counted")
            #expect(
                two.allocations - one.allocations <= Self.addedMax + Self.perBlockMax * (two.blocks - one.blocks),
                "\(one) for \(Self.records) records, \(two) for twice as many, blocks of \(blockBytes) bytes"
            )
        }
    }

    private typealias Cost = (allocations: Int, blocks: Int)

    /// What so many records cost, and what twice as many.
    private func costs(_ codec: Codec, _ edition: Edition, blockBytes: Int) async throws -> (one: Cost, two: Cost) {
        let world = try DeliveryWorld()
        let state = try await world.openState()
        var settings = DeliveryWorld.settings(
            events: edition.types.map(\.name),
            edition: edition.name,
            codec: codec
        )
        settings.blockBytes = blockBytes
        let connector = try Connector(settings, to: .objects(world.store), in: try await world.environment(state))
        let worker = PartitionWorker(
            connector.context,
            PartitionID(0),
            resuming: StoredCursor(snapshot: CursorSnapshot(scanned: .zero), gapOffsets: 0, counts: [])
        )
        var frames = Frames(edition)
        // The first time files are opened and the codec's context is made ready.
        _ = try cost(of: frames.frame(2 * Self.records), worker)
        let one = try cost(of: frames.frame(Self.records), worker)
        let two = try cost(of: frames.frame(2 * Self.records), worker)
        try await state.close()
        #expect(worker.slots.count == edition.types.count && worker.slots.allSatisfy { $0.staged > 0 })
        #expect(worker.slots.reduce(0) { $0 + $1.staged } == 5 * Self.records)
        return (one, two)
    }

    /// Takes a frame, and compresses its blocks, the open ones too.
    private func cost(of frame: JournalFrame, _ worker: PartitionWorker) throws -> Cost {
        var blocks = 0
        let before = courant_allocations()
        worker.begin(frame)
        worker.take(frame)
        for slot in worker.slots {
            guard let file = slot.file else { continue }
            file.endBlock()
            var full = Array(file.takeFull().reversed())
            while let block = full.popLast() {
                try file.add(block, through: &worker.encoder)
                blocks += 1
            }
            _ = file.takeWrite(folder: "/staging")
        }
        return (courant_allocations() - before, blocks)
    }
}
