internal import Delivery
internal import Journal
internal import Platform
internal import Synchronization

/// A journal with a care undone.
final class BrokenJournal: Journal {
    /// What is kept from one life to the next.
    final class Memory: Sendable {
        fileprivate let seen = Mutex<Set<RecordIdentity>>([])
        private let renewing = Atomic(false)

        /// Whether what comes now counts as new, whatever it is.
        var isRenewing: Bool {
            get { renewing.load(ordering: .relaxed) }
            set { renewing.store(newValue, ordering: .relaxed) }
        }
    }

    /// The journal as it is.
    let base: WatchedJournal
    private let variant: BrokenVariant
    private let clock: any WorldClock
    private let executor: SeededExecutor
    private let files: BrokenFiles
    private let memory: Memory
    private let isRunning = Atomic(false)
    private let seen = Mutex<Set<RecordIdentity>>([])
    /// Where what is synced ends, for readers that see nothing else.
    private let synced = Mutex<[PartitionID: Offset]>([:])
    private let owed = Mutex<[(batch: RecordBatch, partition: PartitionID)]>([])

    init(
        _ base: WatchedJournal,
        _ variant: BrokenVariant,
        _ executor: SeededExecutor,
        _ clock: any WorldClock,
        _ files: BrokenFiles,
        _ memory: Memory
    ) {
        self.base = base
        self.variant = variant
        self.executor = executor
        self.clock = clock
        self.files = files
        self.memory = memory
        guard variant == .appendsOverTear else { return }
        for partition in (0..<base.partitions).map(PartitionID.init) {
            synced.withLock { $0[partition] = base.end(of: partition) }
        }
    }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        switch variant {
        case .answersBeforeWrite:
            let before = owed.withLock { owed in
                defer { owed = [(batch, partition)] }
                return owed
            }
            for (batch, partition) in before { _ = try await base.append(batch, to: partition) }
            return AppendResult(duplicates: [], accepted: batch.entries.count, firstOffset: nil)
        case .answersRepeatsEarly: return try await append(batch, to: partition, knowing: seen)
        case .remembersFailed: return try await append(batch, to: partition, knowing: memory.seen)
        case .forgetsRepeats: return try await base.append(Self.anonymous(batch), to: partition)
        case .replaysAnew where memory.isRenewing:
            return try await base.append(Self.anonymous(batch), to: partition)
        case .reordersRequests:
            var batch = batch
            batch.entries.reverse()
            return try await base.append(batch, to: partition)
        case .traps: preconditionFailure("as the variant wants it")
        case .escapes, .escapesAsleep, .escapesToMain:
            escape()
            return try await base.append(batch, to: partition)
        case .altersFields: return try await base.append(Self.altered(batch), to: partition)
        case .callsRepeatsNew:
            let result = try await base.append(batch, to: partition)
            return AppendResult(duplicates: [], accepted: batch.entries.count, firstOffset: result.firstOffset)
        case .showsUnsynced, .appendsOverTear:
            let result = try await base.append(batch, to: partition)
            // The sender waits for the sync as ever.
            try? await clock.sleep(for: .milliseconds(50))
            let end = base.end(of: partition)
            do throws(FileError) {
                try files.synchronizeLate()
            } catch {
                throw JournalError(.writeFailed, "the late sync failed", cause: error)
            }
            synced.withLock { $0[partition] = max(end, $0[partition] ?? end) }
            return result
        default: return try await base.append(batch, to: partition)
        }
    }

    /// Begins a task that nobody waits for, and that leaves the executor in the variant's way.
    private func escape() {
        switch variant {
        case .escapesAsleep: executor.begin { try? await SystemClock().sleep(for: .nanoseconds(1)) }
        case .escapesToMain: executor.begin { await MainActor.run {} }
        default: SeededExecutor.beginElsewhere()
        }
    }

    private static func anonymous(_ batch: RecordBatch) -> RecordBatch {
        var batch = batch
        for index in batch.entries.indices { batch.entries[index].identity = .none }
        return batch
    }

    /// The same with the addresses of another domain, as long as they were.
    private static func altered(_ batch: RecordBatch) -> RecordBatch {
        var batch = batch
        let (domain, other) = (Array("@example.com".utf8), Array("@example.org".utf8))
        while let place = batch.bytes.firstRange(of: domain) { batch.bytes.replaceSubrange(place, with: other) }
        return batch
    }

    private func append(
        _ batch: RecordBatch,
        to partition: PartitionID,
        knowing seen: borrowing Mutex<Set<RecordIdentity>>
    ) async throws(JournalError) -> AppendResult {
        let ids = batch.entries.map(\.identity)
        let isRepeat = seen.withLock { seen in
            defer { seen.formUnion(ids) }
            return !ids.contains(.none) && seen.isSuperset(of: ids)
        }
        guard isRepeat else {
            // As where the writer is behind.
            try? await clock.sleep(for: .milliseconds(2))
            return try await base.append(batch, to: partition)
        }
        return AppendResult(duplicates: Array(0..<Int32(ids.count)), accepted: 0, firstOffset: nil)
    }

    func removeSegments(
        of partition: PartitionID,
        before: Offset,
        olderThan: Timestamp
    ) async throws(JournalError) -> Int {
        let before = variant == .removesNeeded ? base.end(of: partition) : before
        return try await base.removeSegments(of: partition, before: before, olderThan: olderThan)
    }

    var id: JournalID { base.id }
    var partitions: Int { base.partitions }
    var secret: [UInt8] { base.secret }
    var recordBytesMax: Int { base.recordBytesMax }
    var bytesOnDisk: Int64 { base.bytesOnDisk }
    func refusal(of bytes: Int) -> JournalRefusal? {
        let refusal = base.refusal(of: bytes)
        return variant == .ignoresQueue && refusal == .behind ? nil : refusal
    }

    func makeReader(_ partition: PartitionID, from: Offset) -> any JournalReader {
        let reader = base.makeReader(partition, from: from)
        if variant == .keepsHour { return HourKeeper(reader) }
        if variant == .appendsOverTear { return SyncedReader(reader, from: from) { self.end(of: partition) } }
        guard variant == .forgetsChanges else { return reader }
        // Before the writers run, readers are those of who recovers.
        return LateReader(reader) { self.isRunning.load(ordering: .relaxed) }
    }
    func end(of partition: PartitionID) -> Offset {
        let end = base.end(of: partition)
        return variant == .appendsOverTear ? min(end, synced.withLock { $0[partition] } ?? end) : end
    }
    func oldest(of partition: PartitionID) -> Offset { base.oldest(of: partition) }
    func waitForEnd(past offset: Offset, of partition: PartitionID) async throws {
        try await base.waitForEnd(past: offset, of: partition)
        while end(of: partition) <= offset { try await clock.sleep(for: .milliseconds(10)) }
    }
    func run() async throws {
        isRunning.store(true, ordering: .relaxed)
        try await base.run()
        if variant == .neverEnds { await unsafe withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
    }
}

/// Finds nothing until it may.
private final class LateReader: JournalReader {
    private let base: any JournalReader
    private let mayRead: @Sendable () -> Bool

    init(_ base: any JournalReader, mayRead: @escaping @Sendable () -> Bool) {
        self.base = base
        self.mayRead = mayRead
    }

    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead {
        guard mayRead() else { return .end }
        return try await base.next(wanting: wanting, bytesMax: bytesMax)
    }

    func seek(to offset: Offset) { base.seek(to: offset) }
}

/// Shows frames up to where the journal says that it ends, which may have more.
private final class SyncedReader: JournalReader {
    private let base: any JournalReader
    private let place: Mutex<Offset>
    private let end: @Sendable () -> Offset

    init(_ base: any JournalReader, from: Offset, end: @escaping @Sendable () -> Offset) {
        self.base = base
        self.end = end
        place = Mutex(from)
    }

    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead {
        guard place.withLock({ $0 }) < end() else { return .end }
        let read = try await base.next(wanting: wanting, bytesMax: bytesMax)
        switch read {
        case .frame(let frame): place.withLock { $0 = frame.nextOffset }
        case .lost(let loss): place.withLock { $0 = loss.to }
        case .end: break
        }
        return read
    }

    func seek(to offset: Offset) {
        place.withLock { $0 = offset }
        base.seek(to: offset)
    }
}

/// Takes no step of the clock back into an earlier hour for one.
private final class HourKeeper: JournalReader {
    private let base: any JournalReader
    private let latest = Mutex(Timestamp(seconds: 0))

    init(_ base: any JournalReader) {
        self.base = base
    }

    func next(
        wanting: @Sendable (SchemaCounts) -> Bool,
        bytesMax: Int
    ) async throws(JournalError) -> JournalRead {
        let read = try await base.next(wanting: wanting, bytesMax: bytesMax)
        guard case .frame(let frame) = read else { return read }
        let time = latest.withLock { latest in
            if Hour(of: frame.time) >= Hour(of: latest) { latest = frame.time }
            return latest
        }
        return .frame(
            JournalFrame(
                partition: frame.partition,
                firstOffset: frame.firstOffset,
                count: frame.count,
                time: time,
                counts: frame.counts,
                payload: frame.payload
            )
        )
    }

    func seek(to offset: Offset) { base.seek(to: offset) }
}
