import Journal
import Platform
import Synchronization

@testable import Delivery

/// A stream in memory that refuses, fails or hangs where a test tells it to.
final class FakeStream: StreamDestination {
    private struct State {
        var ids: [String] = []
        var batches: [Int] = []
        var mishaps: [DestinationError] = []
        var poison: Set<String> = []
        var refusesWhole = false
        var outages: [PartitionID: DestinationError] = [:]
        var held: Set<PartitionID> = []
        var calls: Set<PartitionID> = []
        var preparing: DestinationError?
        var isDeaf = false
    }

    let location: String
    let limits = StreamLimits(recordsMax: 4, bytesMax: 1 << 20)
    private let state = Mutex(State())
    private let changes = Signal()
    private let crash: CrashPoint?

    init(location: String = "fake:stream", crash: CrashPoint? = nil) {
        self.location = location
        self.crash = crash
    }

    var ids: [String] { state.withLock(\.ids) }
    var batches: [Int] { state.withLock(\.batches) }
    /// Partitions that have called at least once.
    var calls: Set<PartitionID> { state.withLock(\.calls) }

    func fail(_ errors: [DestinationError]) { state.withLock { $0.mishaps += errors } }
    /// To prepare it fails until nil is set.
    func setPreparing(_ error: DestinationError?) { state.withLock { $0.preparing = error } }
    /// It is not to answer when it is prepared.
    func setDeaf(_ isDeaf: Bool) { state.withLock { $0.isDeaf = isDeaf } }

    /// Every call for a partition fails until nil is set.
    func setOutage(_ error: DestinationError?, _ partition: PartitionID) {
        state.withLock { $0.outages[partition] = error }
    }

    /// Calls for these partitions are not answered until they are released.
    func hold(_ partitions: Set<PartitionID>) {
        state.withLock { $0.held = partitions }
        changes.raise()
    }

    func setPoison(_ ids: Set<String>, refusesWhole: Bool) {
        state.withLock { state in
            state.poison = ids
            state.refusesWhole = refusesWhole
        }
    }

    func prepare() async throws(DestinationError) {
        let (isDeaf, error) = state.withLock { ($0.isDeaf, $0.preparing) }
        if isDeaf { await changes.wait(past: .max) }
        if Task.isCancelled { throw .cancelled }
        if let error { throw error }
    }

    func probe() async throws(DestinationError) -> String {
        if let mishap = state.withLock({ $0.mishaps.isEmpty ? nil : $0.mishaps.removeFirst() }) { throw mishap }
        return "it would take records"
    }

    func deliver(_ batch: StreamBatch) async throws(DestinationError) -> StreamOutcome {
        let outage = state.withLock { state in
            state.calls.insert(batch.partition)
            return state.outages[batch.partition]
        }
        if let outage { throw outage }
        try await waitUntilReleased(batch.partition)
        try crash?.destinationStep("deliver", .before)
        let outcome = try state.withLock { state throws(DestinationError) -> StreamOutcome in
            if !state.mishaps.isEmpty { throw state.mishaps.removeFirst() }
            // The id is the first field of every type here: a length of one byte, then its bytes.
            let ids = batch.records.map { record in
                let start = record.datum.lowerBound
                return String(
                    decoding: batch.bytes[start + 1..<start + 1 + Int(batch.bytes[start] >> 1)],
                    as: UTF8.self
                )
            }
            let refused = ids.indices.filter { state.poison.contains(ids[$0]) }
            if state.refusesWhole, !refused.isEmpty {
                throw DestinationError(.refused, "400", remedy: .setAside)
            }
            state.batches.append(ids.count)
            for index in ids.indices where !refused.contains(index) { state.ids.append(ids[index]) }
            return StreamOutcome(refused: refused.map { .init(record: $0, reason: "no") })
        }
        try crash?.destinationStep("deliver", .after)
        return outcome
    }

    private func waitUntilReleased(_ partition: PartitionID) async throws(DestinationError) {
        while true {
            let generation = changes.generation
            guard !Task.isCancelled else { throw .cancelled }
            guard state.withLock({ $0.held.contains(partition) }) else { return }
            await changes.wait(past: generation)
        }
    }
}
