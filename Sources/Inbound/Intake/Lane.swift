import CSimdjson
import Synchronization

/// What one request at a time needs to be parsed and encoded: a parser, and buffers that are kept between requests.
@safe
final class Lane {
    /// More fields than any event type has.
    static let slotsMax = 256

    let parser: OpaquePointer
    /// For each field of the event at hand, the tape's index of its value; 0: not given.
    let slots: UnsafeMutablePointer<UInt32>
    /// A tape without a value, for an encoder before its first event.
    let emptyTape: UnsafeMutablePointer<UInt64>
    let emptyText: UnsafeMutablePointer<UInt8>
    /// One writer for each partition.
    let writers: UnsafeMutablePointer<RecordWriter>
    private let partitions: Int

    /// `makeParser` answers nil where memory is short.
    init(
        partitions: Int,
        makeParser: @Sendable () -> OpaquePointer? = { unsafe courant_json_parser_make() }
    ) throws(BodyError) {
        guard let made = unsafe makeParser() else { throw .memoryShort }
        unsafe parser = made
        self.partitions = partitions
        unsafe slots = .allocate(capacity: Self.slotsMax)
        unsafe slots.initialize(repeating: 0, count: Self.slotsMax)
        unsafe emptyTape = .allocate(capacity: 2)
        unsafe emptyTape.initialize(repeating: 0, count: 2)
        unsafe emptyText = .allocate(capacity: 64)
        unsafe emptyText.initialize(repeating: 0, count: 64)
        unsafe writers = .allocate(capacity: partitions)
        for partition in 0..<partitions { unsafe (writers + partition).initialize(to: RecordWriter()) }
    }

    deinit {
        unsafe courant_json_parser_free(parser)
        unsafe slots.deallocate()
        unsafe emptyTape.deallocate()
        unsafe emptyText.deallocate()
        unsafe writers.deinitialize(count: partitions)
        unsafe writers.deallocate()
    }
}

/// Lanes at rest: as many are kept as there are cores, since a lane is held by one synchronous call.
final class LanePool: Sendable {
    // Unchecked: the lock of `resting` guards it.
    private struct Resting: @unchecked Sendable {
        var lanes: [Lane] = []
    }

    private let resting = Mutex(Resting())
    private let kept: Int
    private let makeLane: @Sendable () throws(BodyError) -> Lane

    init(kept: Int, makeLane: @escaping @Sendable () throws(BodyError) -> Lane) {
        self.kept = kept
        self.makeLane = makeLane
    }

    func withLane<T>(_ work: (Lane) throws(BodyError) -> T) throws(BodyError) -> T {
        let rested = resting.withLock { $0.lanes.popLast().map(Borrowed.init) }?.lane
        let lane = if let rested { rested } else { try makeLane() }
        defer {
            let back = Borrowed(lane: lane)
            resting.withLock { if $0.lanes.count < kept { $0.lanes.append(back.lane) } }
        }
        return try work(lane)
    }

    // Unchecked: a lane left the pool under the lock of `resting`, and only the call that took it has it.
    private struct Borrowed: @unchecked Sendable {
        let lane: Lane
    }
}
