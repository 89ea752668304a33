import Avro
import CAllocations
import Journal
import Testing

@testable import Delivery

/// What a record costs the allocator on the copy path: nothing.
///
/// Twice the records may cost a few allocations for each block more, and for buffers that double as they grow.
@Suite(.enabled(if: courant_allocations_are_counted(), "this C library's allocations cannot be counted"))
struct AllocationTests {
    private static let records = 2_000
    private static let growthMax = 24
    private static let perBlockMax = 8

    private func frame(_ count: Int, from first: Offset) -> JournalFrame {
        var payload: [UInt8] = []
        for index in 0..<count {
            let name = [Records.open, Records.click, Records.send][index % 3]
            let record = Records.record(name, id: "an-id-of-some-length-\(index)", filler: 20)
            RecordLayout.append(datum: record.datum, fingerprint: record.fingerprint, to: &payload)
        }
        return JournalFrame(
            partition: PartitionID(0),
            firstOffset: first,
            count: count,
            time: DeliveryWorld.start,
            counts: SchemaCounts([]),
            payload: payload
        )
    }

    @Test("a copied record costs no allocation from its frame to the staged block", arguments: [64 << 10, 4 << 20])
    func noneForARecord(blockBytes: Int) async throws {
        let world = try DeliveryWorld()
        let state = try await world.openState()
        var settings = DeliveryWorld.settings(codec: .zstandard(level: 1))
        settings.blockBytes = blockBytes
        let connector = try Connector(settings, to: .objects(world.store), in: try await world.environment(state))
        let worker = PartitionWorker(
            connector.context,
            PartitionID(0),
            resuming: StoredCursor(snapshot: CursorSnapshot(scanned: .zero), gapOffsets: 0, counts: [])
        )
        var next = Offset.zero
        /// Takes a frame, and compresses its blocks, the open ones too.
        func taking(_ count: Int) throws -> (allocations: Int, blocks: Int) {
            let frame = frame(count, from: next)
            next = frame.nextOffset
            var blocks = 0
            let before = courant_allocations()
            worker.begin(frame)
            worker.take(frame)
            for slot in worker.slots {
                guard let file = slot.file else { continue }
                file.endBlock()
                for block in file.takeFull() {
                    try file.add(block, through: &worker.encoder)
                    blocks += 1
                }
                _ = file.takeWrite(folder: "/staging")
            }
            return (courant_allocations() - before, blocks)
        }
        // The first time files are opened and the codec's context is made ready.
        _ = try taking(2 * Self.records)
        let one = try taking(Self.records)
        let two = try taking(2 * Self.records)
        try await state.close()
        #expect(one.allocations > 0, "nothing was counted")
        #expect(worker.slots.reduce(0) { $0 + $1.staged } == 5 * Self.records)
        #expect(
            two.allocations - one.allocations < Self.growthMax + Self.perBlockMax * (two.blocks - one.blocks),
            "\(one) for \(Self.records) records, \(two) for twice as many"
        )
    }
}
