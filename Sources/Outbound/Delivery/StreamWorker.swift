internal import Journal
internal import Platform

/// Reads one partition for a connector to a stream and delivers batch by batch.
///
/// A stream connector has one offset for each partition, committed after the acknowledgement: a record stands there
/// at least once, with its id to tell repeats by.
final class StreamWorker {
    let context: ConnectorContext
    let partition: PartitionID
    let destination: any StreamDestination
    private var cursor: StreamCursor
    private var gapOffsets: Int
    var counts: [CursorCommit.Counts]
    private var refused: [RefusedRecord] = []
    private var scratch = ProjectionScratch()
    private var committedAt: Duration
    var retry: RetryPolicy

    private init(
        _ context: ConnectorContext,
        _ partition: PartitionID,
        _ destination: any StreamDestination,
        _ stored: StoredCursor
    ) {
        self.context = context
        self.partition = partition
        self.destination = destination
        cursor = StreamCursor(scanned: stored.snapshot.scanned)
        gapOffsets = stored.gapOffsets
        counts = context.types.map { type in
            let carried = stored.counts.first { $0.type == type.name }?.counts.carried ?? 0
            return CursorCommit.Counts(type: type.name, carried: carried, staged: 0)
        }
        committedAt = context.platform.clock.uptime()
        retry = context.settings.retry
    }

    static func run(
        _ context: ConnectorContext,
        _ partition: PartitionID,
        to destination: any StreamDestination
    ) async throws(DeliveryError) {
        guard let stored = try await context.state.cursor(connector: context.settings.id, partition: partition) else {
            preconditionFailure("a connector has its cursors before it runs")
        }
        try await StreamWorker(context, partition, destination, stored).work()
    }

    private func work() async throws(DeliveryError) {
        let reader = context.journal.makeReader(partition, from: cursor.scanned)
        while try await step(reader) {}
    }

    /// Takes up what comes next in the journal; false if the worker is to end.
    ///
    /// What it began and did not deliver then stands behind the cursor, for the next worker.
    private func step(_ reader: any JournalReader) async throws(DeliveryError) -> Bool {
        guard !Task.isCancelled else { return false }
        let generation = context.control.changes.generation
        let routes = context.routes
        let read: JournalRead
        do throws(JournalError) {
            read = try await reader.next(
                wanting: { counts in counts.entries.contains { routes.find($0.fingerprint) >= 0 } },
                bytesMax: PartitionWorker.readAheadBytes
            )
        } catch {
            if Task.isCancelled { return false }
            throw DeliveryError(.journal, error.description)
        }
        switch read {
        case .frame(let frame):
            guard try await deliver(frame) else { return false }
            cursor.pass(to: frame.nextOffset)
            try await commitIfDue(readTo: frame.time)
            return true
        case .lost(let loss):
            note(loss)
            cursor.pass(to: loss.to)
            try await commit()
            return true
        case .end:
            try await commitIfDue(readTo: context.platform.clock.now())
            await waitAtEnd(past: generation)
            return true
        }
    }

    private func waitAtEnd(past generation: UInt64) async {
        let (journal, changes, clock) = (context.journal, context.control.changes, context.platform.clock)
        let (position, partition) = (cursor.scanned, partition)
        await firstOf([
            { try? await journal.waitForEnd(past: position, of: partition) },
            { try? await clock.sleep(for: PartitionWorker.commitEvery) },
            { await changes.wait(past: generation) },
        ])
    }

    /// Delivers a frame's records in batches; false if the connector stops or was cancelled on the way.
    private func deliver(_ frame: JournalFrame) async throws(DeliveryError) -> Bool {
        let limits = destination.limits
        var batch = StreamBatch(partition: partition, types: context.types)
        for record in frame.records where record.offset >= cursor.scanned {
            let route = context.routes.find(record.fingerprint)
            guard route >= 0 else { continue }
            let type = context.routes.types[route]
            let start = batch.bytes.count
            let obstacle = unsafe frame.payload.withUnsafeBytes { payload -> Projection.Obstacle? in
                let datum = unsafe UnsafeRawBufferPointer(rebasing: payload[record.datum])
                guard let projection = context.routes.projections[route] else {
                    unsafe batch.bytes.append(contentsOf: datum)
                    return nil
                }
                return unsafe projection.append(datum, to: &batch.bytes, scratch: &scratch)
            }
            cursor.begin(record.offset)
            counts[type].carried += 1
            if let obstacle {
                let reason = context.routes.projections[route]?.sentence(for: obstacle) ?? ""
                refuse(record, type: type, in: frame, reason: reason)
                continue
            }
            batch.records.append(
                StreamBatch.Record(offset: record.offset, type: type, datum: start..<batch.bytes.count)
            )
            if batch.records.count >= limits.recordsMax || batch.bytes.count >= limits.bytesMax {
                guard try await deliver(batch, of: frame, upTo: record.offset + 1) else { return false }
                batch = StreamBatch(partition: partition, types: context.types)
            }
        }
        guard !batch.records.isEmpty || !refused.isEmpty else { return true }
        return try await deliver(batch, of: frame, upTo: frame.nextOffset)
    }

    /// Delivers a batch and commits the cursor behind it; false if the connector stops before.
    private func deliver(
        _ batch: StreamBatch,
        of frame: JournalFrame,
        upTo offset: Offset
    ) async throws(DeliveryError) -> Bool {
        guard context.control.beginCall() else { return false }
        defer { context.control.endCall() }
        guard batch.records.isEmpty ? true : try await send(batch, of: frame) else { return false }
        cursor.settle(upTo: offset)
        try await commit()
        return true
    }

    func refuse(_ record: RecordView, type: Int, in frame: JournalFrame, reason: String) {
        counts[type].setAsideAdded += 1
        refused.append(
            RefusedRecord(
                offset: record.offset,
                type: context.types[type].name,
                fingerprint: record.fingerprint,
                datum: Array(frame.payload[record.datum]),
                reason: reason
            )
        )
    }

    private func note(_ loss: JournalLoss) {
        let from = max(loss.from, cursor.scanned)
        guard loss.to > from else { return }
        // Counts of a frame that was entered in its middle say nothing about its rest.
        guard let lost = loss.counts, lost.reduce(0, { $0 + $1.count }) == loss.to - from else {
            gapOffsets += Int(loss.to - from)
            return
        }
        for entry in lost {
            let route = context.routes.find(entry.fingerprint)
            guard route >= 0 else { continue }
            counts[context.routes.types[route]].carried += entry.count
            counts[context.routes.types[route]].lostAdded += entry.count
        }
    }

    private func commitIfDue(readTo: Timestamp) async throws(DeliveryError) {
        let flush = context.control.flushDue(partition, at: cursor.scanned)
        let committed = context.ledger.partition(partition).snapshot.scanned
        let isDue = context.platform.clock.uptime() - committedAt >= PartitionWorker.commitEvery
        if committed < cursor.scanned, flush != nil || isDue { try await commit() }
        context.ledger.update(partition) { books in
            books.position = cursor.scanned
            books.readTo = readTo
        }
        if let flush { context.control.flushed(partition, request: flush) }
    }

    private func commit() async throws(DeliveryError) {
        var commit = CursorCommit(
            connector: context.settings.id,
            partition: partition,
            snapshot: CursorSnapshot(scanned: cursor.scanned),
            gapOffsets: gapOffsets
        )
        commit.counts = counts
        commit.refused = refused
        _ = try await context.state.commit(commit, owner: context.owner)
        context.ledger.update(partition) { books in
            for index in counts.indices {
                books.committed[index].carried = counts[index].carried
                books.committed[index].landed += counts[index].landedAdded
                books.committed[index].setAside += counts[index].setAsideAdded
                books.committed[index].lost += counts[index].lostAdded
            }
            books.snapshot = commit.snapshot
            books.gapOffsets = gapOffsets
            books.position = cursor.scanned
        }
        for index in counts.indices {
            counts[index].landedAdded = 0
            counts[index].setAsideAdded = 0
            counts[index].lostAdded = 0
        }
        refused = []
        committedAt = context.platform.clock.uptime()
    }
}
