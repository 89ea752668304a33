import Platform
import Synchronization
import Telemetry

/// The one writer of a partition: batches become frames, one write and one sync each.
final class PartitionWriter: Sendable {
    /// What one turn of the writer came to.
    private enum Turn {
        case wrote
        /// The chosen frame needs a new segment before it can be written.
        case needsSegment
    }

    private struct State: ~Copyable {
        var segment: OpenSegment?
        /// Where the next segment begins.
        var nextNumber: UInt64
        var nextOffset: Offset
        var nextSequence: UInt64
        let composer: FrameComposer
        var window: DuplicateWindow
        var pending: [WaitingBatch] = []
        var hasChosen = false
    }

    let log: PartitionLog
    let removal: SegmentRemoval
    let waiting = WaitingBatches()
    let windowIDs = Gauge()
    let windowHeld = Gauge()
    private let spares: SpareSegments
    private let context: JournalContext
    private let state: Mutex<State>

    init(_ recovered: RecoveredPartition, context: JournalContext) throws(JournalError) {
        self.context = context
        log = PartitionLog(
            partition: recovered.partition,
            segments: recovered.segments,
            end: recovered.nextOffset,
            losses: recovered.report.losses
        )
        removal = SegmentRemoval(log, kept: recovered.kept, context: context)
        spares = SpareSegments(
            stem: FilePath.join(context.settings.folder, SegmentName.partitionStem(recovered.partition)),
            bytes: context.settings.segmentBytes,
            platform: context.platform
        )
        let now = context.platform.clock.uptime()
        let window: DuplicateWindow
        do throws(FileError) {
            window = try recovered.makeWindow(context: context, now: now)
        } catch {
            throw .readFailed(error)
        }
        windowIDs.set(Double(window.count))
        windowHeld.set(window.held(at: now).inSeconds)
        state = Mutex(
            State(
                nextNumber: recovered.nextNumber,
                nextOffset: recovered.nextOffset,
                nextSequence: recovered.nextSequence,
                composer: FrameComposer(
                    schemas: context.schemas,
                    payloadBytesMax: context.settings.frameBytesMax
                ),
                window: window
            )
        )
    }

    var isOutOfSpace: Bool { spares.isFailing }

    var bytesOnDisk: Int64 { log.bytesOnDisk + spares.bytesOnDisk + removal.bytesOnDisk }

    func append(_ batch: RecordBatch) async throws(JournalError) -> AppendResult {
        let result = await withCheckedContinuation { answer in
            if !waiting.append(WaitingBatch(batch: batch, answer: answer)) {
                answer.resume(returning: .failure(JournalError(.closed, "the journal is stopping: send again later")))
            }
        }
        return try result.get()
    }

    /// Writes until cancelled, then what still waits, then the seal.
    ///
    /// On threads that may block.
    func run() async throws(JournalError) {
        let failure = await withTaskGroup(of: Void.self) { group -> JournalError? in
            group.addTask { await self.spares.run() }
            let failure = await withTaskCancellationHandler {
                await self.write()
            } onCancel: {
                waiting.stop()
            }
            spares.stop()
            // The maker may be sleeping before its next attempt on a full disk.
            group.cancelAll()
            return failure
        }
        if let failure { throw failure }
    }

    private func write() async -> JournalError? {
        do throws(JournalError) {
            while true {
                let batches = state.withLock({ $0.pending.isEmpty }) ? await waiting.next() : waiting.take()
                if state.withLock({ state in
                    state.pending += batches
                    return state.pending.isEmpty
                }) {
                    break
                }
                var turn = try takeTurn()
                while case .needsSegment = turn {
                    guard let spare = await spares.take() else {
                        throw JournalError(.noSpace, "the journal stopped while its disk was full")
                    }
                    try begin(spare)
                    turn = try takeTurn()
                }
            }
            try close()
            return nil
        } catch {
            waiting.stop()
            if error.code == .writeFailed { context.failStop(error) }
            refuseWaiting(error)
            return error
        }
    }

    private func takeTurn() throws(JournalError) -> Turn {
        var answered: [WaitingBatch] = []
        let turn = try state.withLock { state throws(JournalError) in
            try takeTurn(&state, &answered)
        }
        for batch in answered {
            waiting.release(batch)
            let result = AppendResult(
                duplicates: batch.duplicates,
                accepted: batch.accepted,
                firstOffset: batch.firstOffset
            )
            context.metrics.duplicates.add(batch.duplicates.count)
            batch.answer.resume(returning: .success(result))
        }
        return turn
    }

    private func takeTurn(_ state: inout State, _ answered: inout [WaitingBatch]) throws(JournalError) -> Turn {
        let composer = state.composer
        if !state.hasChosen {
            composer.choose(
                from: &state.pending,
                nextOffset: state.nextOffset,
                window: &state.window,
                now: context.platform.clock.uptime()
            )
            state.hasChosen = true
        }
        if !composer.isEmpty {
            let fits = state.segment?.fits(
                frameLength: composer.frameLength,
                identities: composer.identities.count
            )
            guard fits == true else {
                if fits == false { try seal(&state) }
                return .needsSegment
            }
            try writeFrame(&state)
        }
        state.hasChosen = false
        let done = state.pending.prefix { $0.isDone }
        answered = Array(done)
        state.pending.removeFirst(done.count)
        let now = context.platform.clock.uptime()
        windowIDs.set(Double(state.window.count))
        windowHeld.set(state.window.held(at: now).inSeconds)
        return .wrote
    }

    /// One write, one sync; only then is the frame counted, shown and answered.
    private func writeFrame(_ state: inout State) throws(JournalError) {
        let began = context.platform.clock.uptime()
        // Taken out: two owners of the segment's arrays would copy them at each frame.
        guard var segment = state.segment.take() else { return }
        var written: FrameHeader?
        do throws(FileError) {
            try unsafe state.composer.compose(
                state.pending,
                into: segment,
                time: context.platform.clock.now(),
                salt: context.salt
            ) { (header, bytes) throws(FileError) in
                try unsafe segment.file.write(at: Int64(segment.position), bytes)
                written = header
            }
            try segment.file.synchronize()
        } catch {
            throw JournalError.writeFailed(error)
        }
        guard let written else { return }
        segment.add(written, state.composer.identities)
        state.nextOffset = segment.nextOffset
        state.nextSequence = segment.nextSequence
        log.publish(segment)
        state.segment = segment
        context.metrics.syncSeconds.observe(context.platform.clock.uptime() - began)
        context.metrics.frames.add()
        context.metrics.records.add(written.recordCount)
        context.metrics.bytes.add(written.payloadLength)
    }

    /// The old segment is sealed and synced before the next one gets its name: only the last is ever unsealed.
    private func seal(_ state: inout State) throws(JournalError) {
        guard let segment = state.segment else { return }
        do throws(FileError) {
            log.seal(try segment.finish())
        } catch {
            throw JournalError.writeFailed(error)
        }
        segment.file.close()
        state.segment = nil
    }

    private func begin(_ spare: SpareSegments.Spare) throws(JournalError) {
        try state.withLock { state throws(JournalError) in
            let name = SegmentName(partition: log.partition, number: state.nextNumber)
            let head = SegmentHead(
                partition: log.partition,
                journal: context.meta.id,
                number: name.number,
                firstOffset: state.nextOffset,
                firstSequence: state.nextSequence,
                made: context.platform.clock.now(),
                schemas: context.schemas
            )
            let path = FilePath.join(context.settings.folder, name.text)
            let bytes = head.encoded()
            do throws(FileError) {
                try spare.file.write(at: 0, bytes)
                try spare.file.synchronize()
                try context.platform.files.rename(spare.path, to: path)
                try context.platform.files.synchronizeFolder(context.settings.folder)
            } catch {
                throw JournalError.writeFailed(error)
            }
            let segment = OpenSegment(
                head: head,
                headLength: bytes.count,
                path: path,
                file: spare.file,
                capacity: spare.bytes
            )
            state.nextNumber += 1
            state.segment = segment
            log.begin(segment)
        }
    }

    /// A clean end seals, so that the next start reads one block instead of a segment.
    ///
    /// A segment without frames stays as it is: its head may be all that carries the next offset.
    private func close() throws(JournalError) {
        try state.withLock { state throws(JournalError) in
            guard let segment = state.segment, segment.records > 0 else { return }
            try seal(&state)
        }
    }

    private func refuseWaiting(_ error: JournalError) {
        let pending = state.withLock { state in
            let pending = state.pending
            state.pending = []
            return pending
        }
        for batch in pending + waiting.take() {
            waiting.release(batch)
            batch.answer.resume(returning: .failure(error))
        }
    }
}

extension JournalError {
    static func writeFailed(_ cause: FileError) -> JournalError {
        JournalError(
            .writeFailed,
            "the journal could not be written: the process must end, for nothing after this can be trusted. "
                + "Check the disk, then start again",
            cause: cause
        )
    }

    static func readFailed(_ cause: FileError) -> JournalError {
        JournalError(.readFailed, "the journal could not be read: check the disk and the folder's rights", cause: cause)
    }
}
