package import Platform
package import Telemetry

/// The journal on local files: numbered segments, one writer for each partition.
///
/// The folder belongs to one process; its lock is the service's.
package final class SegmentedJournal: Journal {
    private let context: JournalContext
    private let writers: [PartitionWriter]
    /// What recovery found, by partition.
    package let recovery: [RecoveryReport]

    package var id: JournalID { context.meta.id }
    package var partitions: Int { context.meta.partitions }
    package var secret: [UInt8] { context.meta.secret }
    package var recordBytesMax: Int { context.settings.recordBytesMax }

    /// Opens the journal in `settings.folder`, or makes one, and recovers what the last process left.
    ///
    /// - Parameters:
    ///   - settings: folder, sizes and bounds.
    ///   - schemas: all that batches may hold; an entry names one by its index here.
    ///   - identify: makes, for the journal's secret, what names stored records: for segments that no seal lists.
    ///   - minimumNextOffset: for each partition the offset behind every one that state names.
    ///   - platform: clock, files and threads.
    ///   - metrics: where the journal's figures go.
    ///   - failStop: must end the process: called when a write or sync of the journal has failed. Where it returns,
    ///     as in tests, the journal takes nothing more and `run` throws.
    ///   - onLoss: is told once of each stretch of records that rot has taken, by recovery and by whoever reads later.
    /// - Returns: the journal, ready for readers; records are written while `run` runs.
    /// - Throws: `settingsDiffer`, `metaBroken`, `noSpace`, `readFailed` or `writeFailed`.
    package static func open(
        _ settings: JournalSettings,
        schemas: [JournalSchema],
        identify: @escaping @Sendable (_ secret: [UInt8]) -> RecordIdentifier,
        minimumNextOffset: [PartitionID: Offset] = [:],
        platform: Platform,
        metrics: MetricRegistry,
        failStop: @escaping @Sendable (JournalError) -> Void,
        onLoss: @escaping @Sendable (FoundLoss) -> Void
    ) async throws(JournalError) -> SegmentedJournal {
        let (context, names) = try await platform.onBlocking {
            () throws(JournalError) -> (JournalContext, JournalFolder.Names) in
            do throws(FileError) {
                try platform.files.makeDurableFolder(settings.folder)
            } catch {
                throw JournalError(.writeFailed, "the journal's folder could not be made", cause: error)
            }
            let folder = JournalFolder(path: settings.folder, files: platform.files)
            let meta = try folder.openMeta(settings, platform)
            let context = JournalContext(
                settings: settings,
                meta: meta,
                schemas: schemas,
                identify: identify(meta.secret),
                failStop: failStop,
                onLoss: onLoss,
                platform: platform,
                metrics: JournalMetrics(metrics)
            )
            try folder.removeLeftovers()
            return (context, try folder.dataNames())
        }
        let recovered = try await recover(names, minimumNextOffset, context)
        let journal = SegmentedJournal(context, recovered.map(\.writer), recovered.map(\.report))
        journal.register(metrics)
        return journal
    }

    private typealias Recovered = (writer: PartitionWriter, report: RecoveryReport)

    /// Recovers all partitions, as many side by side as there are processors: what it takes is reading and checksums.
    private static func recover(
        _ names: JournalFolder.Names,
        _ minimumNextOffset: [PartitionID: Offset],
        _ context: JournalContext
    ) async throws(JournalError) -> [Recovered] {
        let partitions = (0..<context.meta.partitions).map(PartitionID.init)
        typealias Outcome = Result<Recovered, JournalError>
        let outcomes = await withTaskGroup(of: (partition: PartitionID, result: Outcome).self) { group in
            var outcomes: [PartitionID: Outcome] = [:]
            for (index, partition) in partitions.enumerated() {
                if index >= Platform.cores, let done = await group.next() { outcomes[done.partition] = done.result }
                group.addTask {
                    do throws(JournalError) {
                        let recovered = try await context.platform.onBlocking { () throws(JournalError) -> Recovered in
                            try recover(partition, names, minimumNextOffset[partition] ?? .zero, context)
                        }
                        return (partition, .success(recovered))
                    } catch {
                        return (partition, .failure(error))
                    }
                }
            }
            for await done in group { outcomes[done.partition] = done.result }
            return outcomes
        }
        var recovered: [Recovered] = []
        for partition in partitions {
            guard let outcome = outcomes[partition] else { preconditionFailure("every partition has an outcome") }
            recovered.append(try outcome.get())
        }
        return recovered
    }

    /// Blocks.
    private static func recover(
        _ partition: PartitionID,
        _ names: JournalFolder.Names,
        _ minimumNextOffset: Offset,
        _ context: JournalContext
    ) throws(JournalError) -> Recovered {
        var recovery = PartitionRecovery(partition, context: context)
        let recovered = try recovery.run(
            names.of(partition),
            minimumNextOffset: minimumNextOffset
        )
        return (try PartitionWriter(recovered, context: context), recovered.report)
    }

    private init(_ context: JournalContext, _ writers: [PartitionWriter], _ recovery: [RecoveryReport]) {
        self.context = context
        self.writers = writers
        self.recovery = recovery
    }

    package func append(
        _ batch: RecordBatch,
        to partition: PartitionID
    ) async throws(JournalError) -> AppendResult {
        guard !batch.entries.isEmpty else { return AppendResult(duplicates: [], accepted: 0, firstOffset: nil) }
        try batch.check(recordBytesMax: recordBytesMax)
        for index in batch.entries.indices {
            let entry = batch.entries[index]
            precondition(
                Int(entry.schema) < context.schemas.count && entry.length >= RecordLayout.datumStart
                    && Int(entry.start) + Int(entry.length) <= batch.bytes.count,
                "a batch's entries lie in its bytes and name one of the journal's schemas"
            )
        }
        return try await writers[partition.rawValue].append(batch)
    }

    package func refusal(of bytes: Int) -> JournalRefusal? {
        guard writers.allSatisfy(\.waiting.isTaking) else { return .closed }
        guard !writers.contains(where: \.isOutOfSpace), context.settings.diskAdmits(bytesOnDisk) else { return .full }
        let queued = bytesQueued
        // One batch alone is let through, however large: it could never be handed over else.
        return queued == 0 || queued + bytes <= context.settings.queueBytesMax ? nil : .behind
    }

    /// The bytes of batches that were handed over and are not yet durable.
    package var bytesQueued: Int { writers.reduce(0) { $0 + $1.waiting.bytes } }

    package func makeReader(_ partition: PartitionID, from offset: Offset) -> any JournalReader {
        SegmentReader(log(partition), from: offset, context: context)
    }

    package func end(of partition: PartitionID) -> Offset {
        log(partition).end
    }

    package func oldest(of partition: PartitionID) -> Offset {
        log(partition).oldest
    }

    package func waitForEnd(past offset: Offset, of partition: PartitionID) async throws {
        try await log(partition).waitForEnd(past: offset)
    }

    package func removeSegments(
        of partition: PartitionID,
        before offset: Offset,
        olderThan time: Timestamp
    ) async throws(JournalError) -> Int {
        let removal = writer(of: partition).removal
        do {
            return try await context.platform.onBlocking { () throws(FileError) in
                try removal.remove(before: offset, olderThan: time)
            }
        } catch {
            throw JournalError(.writeFailed, "a segment could not be removed: check the folder's rights", cause: error)
        }
    }

    package var bytesOnDisk: Int64 {
        writers.reduce(0) { $0 + $1.bytesOnDisk }
    }

    package func run() async throws {
        try await withTaskExecutorPreference(context.platform.blocking) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in writers {
                    group.addTask { try await writer.run() }
                }
                try await group.waitForAll()
            }
        }
    }

    private func writer(of partition: PartitionID) -> PartitionWriter {
        precondition(partition.rawValue < writers.count, "a partition of this journal")
        return writers[partition.rawValue]
    }

    private func log(_ partition: PartitionID) -> PartitionLog { writer(of: partition).log }

    private func register(_ metrics: MetricRegistry) {
        metrics.gaugeReading("courant_journal_disk_bytes", help: "Bytes of the journal on disk.") { [weak self] in
            Double(self?.bytesOnDisk ?? 0)
        }
        for writer in writers {
            let labels = [("partition", writer.log.partition.description)]
            metrics.gaugeReading(
                "courant_journal_queue_bytes",
                help: "Bytes handed over and not yet durable.",
                labels: labels
            ) { [waiting = writer.waiting] in Double(waiting.bytes) }
            metrics.gaugeReading(
                "courant_journal_end_offset",
                help: "The offset that the next record gets.",
                labels: labels
            ) { [log = writer.log] in Double(log.end.rawValue) }
            metrics.gaugeReading("courant_journal_segments", help: "Segments on disk.", labels: labels) {
                [log = writer.log] in Double(log.segmentCount)
            }
            metrics.gaugeReading(
                "courant_journal_duplicate_window_ids",
                help: "Identities in the duplicate window.",
                labels: labels
            ) { [ids = writer.windowIDs] in ids.value }
            metrics.gaugeReading(
                "courant_journal_duplicate_window_seconds",
                help: "How far back repeats are recognised.",
                labels: labels
            ) { [held = writer.windowHeld] in held.value }
        }
    }
}
