internal import Journal
internal import Platform

/// Reads one partition for one connector, stages its records and commits plans.
///
/// It belongs to one task and runs on the compute executor. Per frame there is one synchronous loop over the records;
/// everything that waits happens between frames: first the full blocks are encoded and written, then files that are
/// due are finished and planned in one transaction with the cursor.
final class PartitionWorker {
    /// What goes on with one carried type.
    struct Slot {
        var file: StagedFile?
        /// Records before it are not taken.
        let threshold: Int64
        var carried: Int
        /// In open and closed files, or set aside and not committed.
        var staged = 0
        /// Staged before the start and not read again yet.
        var awaiting: Int
        var refused: [RefusedRecord] = []
        var refusedBytes = 0
        /// Not committed yet.
        var setAside = 0
        var lost = 0
        var hasChanged = false
    }

    /// The cursor is committed at the latest after so much time or so many journal bytes, for retention's sake.
    static let commitEvery = Duration.seconds(5)
    static let commitBytes = 256 << 20
    /// A file is closed when so much of its type waits to be set aside.
    static let refusedMax = 1_000
    static let refusedBytesMax = 4 << 20
    static let readAheadBytes = 4 << 20

    let context: ConnectorContext
    let partition: PartitionID
    let policy: RollPolicy
    var cursor: Cursor
    var slots: [Slot]
    var closed: [StagedFile] = []
    var encoder: BlockEncoder
    let buffers = BlockBuffers()
    var scratch = ProjectionScratch()
    var hour: Hour?
    var frameTime: Timestamp?
    var gapOffsets: Int
    var memoryHeld = 0
    private var committedAt: Duration
    private var bytesSinceCommit = 0
    private var hasMoved = false

    init(_ context: ConnectorContext, _ partition: PartitionID, resuming stored: StoredCursor) {
        self.context = context
        self.partition = partition
        policy = RollPolicy(settings: context.settings.roll)
        let cursor = Cursor(resuming: stored.snapshot, types: context.types.map(\.name))
        self.cursor = cursor
        slots = context.types.enumerated().map { index, type in
            let counts = stored.counts.first { $0.type == type.name }?.counts ?? TypeCounts()
            return Slot(
                threshold: cursor.threshold(ofType: index).rawValue,
                carried: counts.carried,
                awaiting: counts.staged
            )
        }
        encoder = BlockEncoder(context.settings.codec)
        gapOffsets = stored.gapOffsets
        committedAt = context.platform.clock.uptime()
    }

    /// Works until it is cancelled or something fails; what was staged and not planned is then made again.
    static func run(_ context: ConnectorContext, _ partition: PartitionID) async throws(DeliveryError) {
        let names = try await context.state.stagedNames(connector: context.settings.id)
        try await context.staging.clear(keeping: names, prefix: "p\(partition.rawValue)-")
        guard let stored = try await context.state.cursor(connector: context.settings.id, partition: partition) else {
            preconditionFailure("a connector has its cursors before it runs")
        }
        let worker = PartitionWorker(context, partition, resuming: stored)
        context.memory.join()
        defer {
            context.memory.leave(holding: worker.memoryHeld)
            context.ledger.update(partition) { books in
                // The next start reads again from what is committed.
                for index in books.live.indices { books.live[index] = TypeCounts() }
                books.position = books.snapshot.scanned
            }
        }
        try await worker.release(stored)
        try await worker.work()
    }

    private func work() async throws(DeliveryError) {
        let reader = context.journal.makeReader(partition, from: cursor.position)
        let routes = context.routes
        while !Task.isCancelled {
            let generation = context.control.changes.generation
            let read: JournalRead
            do throws(JournalError) {
                read = try await reader.next(
                    wanting: { counts in counts.entries.contains { routes.find($0.fingerprint) >= 0 } },
                    bytesMax: Self.readAheadBytes
                )
            } catch {
                if Task.isCancelled { break }
                throw DeliveryError(.journal, error.description)
            }
            switch read {
            case .frame(let frame):
                begin(frame)
                take(frame)
                advance(to: frame.nextOffset, bytes: frame.payload.count)
                try await settle(moment: frame.time)
            case .lost(let loss):
                note(loss)
                advance(to: max(loss.to, cursor.position), bytes: 0)
                try await settle(moment: frameTime ?? context.platform.clock.now())
            case .end:
                try await settle(moment: context.platform.clock.now())
                await waitForMore(since: generation)
            }
        }
        // The frame is finished; what is staged is read again at the next start.
        if hasMoved { try await commit([]) }
    }

    /// The reader has come further; once it passes what had been committed, everything staged must have come again.
    private func advance(to offset: Offset, bytes: Int) {
        let wasReadingAgain = cursor.isReadingAgain
        cursor.advance(to: offset)
        bytesSinceCommit += bytes
        hasMoved = true
        guard wasReadingAgain, !cursor.isReadingAgain else { return }
        for index in slots.indices where slots[index].awaiting != 0 {
            let missing = slots[index].awaiting
            slots[index].awaiting = 0
            slots[index].hasChanged = true
            if missing > 0 {
                // The journal has rotted under staged records.
                slots[index].lost += missing
            } else {
                // Records that an earlier reading had counted as lost are back.
                slots[index].carried -= missing
            }
        }
    }

    var isCommitDue: Bool {
        hasMoved
            && (bytesSinceCommit >= Self.commitBytes
                || context.platform.clock.uptime() - committedAt >= Self.commitEvery)
    }

    func didCommit() {
        hasMoved = false
        bytesSinceCommit = 0
        committedAt = context.platform.clock.uptime()
    }

    /// Waits for records, for a file to become due, for the cursor's next commit, or for the operator.
    private func waitForMore(since generation: UInt64) async {
        let now = context.platform.clock.now()
        var wait = hasMoved ? Self.commitEvery : Duration.seconds(60)
        for slot in slots {
            guard let file = slot.file else { continue }
            wait = min(wait, policy.remaining(opened: file.opened, now: now))
        }
        let (clock, changes, journal) = (context.platform.clock, context.control.changes, context.journal)
        let (position, partition) = (cursor.position, partition)
        await firstOf([
            { try? await journal.waitForEnd(past: position, of: partition) },
            { [wait] in try? await clock.sleep(for: max(wait, .milliseconds(1))) },
            { await changes.wait(past: generation) },
        ])
    }
}
