import Platform
import Synchronization
import Telemetry

/// Takes a partition's segments away, and keeps the identities of their records while the duplicate window needs them.
///
/// Before a segment with records younger than the window goes, its seal and trailer are written, durably, to a file of
/// their own (`.ids`), for the next start to make its window from. Such a file goes once the window has passed over it,
/// or once the identities behind it fill the window's memory.
final class SegmentRemoval: Sendable {
    private let log: PartitionLog
    private let context: JournalContext
    /// The most identities that the partition's window holds.
    private let capacity: Int
    /// The removed segments whose identities are kept, oldest first.
    ///
    /// Locked for the whole of a removal: segments go one by one.
    private let kept: Mutex<[SegmentSummary]>
    private let keptBytes: Atomic<Int64>
    /// The segment that is nobody's any more and whose file may still be there: no newer one goes before it has.
    private let leaving = Mutex<SegmentSummary?>(nil)

    init(_ log: PartitionLog, kept: [SegmentSummary], context: JournalContext) {
        self.log = log
        self.context = context
        capacity = DuplicateWindow.capacity(memoryBytes: context.duplicateMemory)
        keptBytes = Atomic(Self.bytes(kept))
        self.kept = Mutex(kept)
    }

    /// What the kept identities take on the disk, and a segment that could not be removed.
    var bytesOnDisk: Int64 { keptBytes.load(ordering: .relaxed) + (leaving.withLock { $0?.bytes } ?? 0) }

    /// Removes sealed segments, oldest first, and answers how many.
    ///
    /// Blocks.
    func remove(before offset: Offset, olderThan time: Timestamp) throws(FileError) -> Int {
        try kept.withLock { kept throws(FileError) in
            defer { keptBytes.store(Self.bytes(kept), ordering: .relaxed) }
            var removed = try finishLeaving() ? 1 : 0
            while let segment = log.removable(before: offset, olderThan: time) {
                if isInWindow(segment), log.identities - segment.identities < capacity,
                    let summary = try keepIdentities(of: segment)
                {
                    kept.append(summary)
                }
                log.drop(segment)
                leaving.withLock { $0 = segment }
                removed += try finishLeaving() ? 1 : 0
            }
            try forget(&kept)
            return removed
        }
    }

    /// Removes the file of the segment that is leaving, durably; false if there is none.
    ///
    /// One by one: neither after a power loss nor after a removal that failed may an older segment be there while a
    /// newer one is gone, which the next start would take for rot.
    private func finishLeaving() throws(FileError) -> Bool {
        guard let segment = leaving.withLock({ $0 }) else { return false }
        let files = context.platform.files
        do throws(FileError) {
            try files.remove(segment.path)
        } catch  where error.isNotFound {
            // It went before the folder could be synced, or somebody's hand took it.
        }
        try files.synchronizeFolder(context.settings.folder)
        leaving.withLock { $0 = nil }
        context.metrics.segmentsRemoved.add()
        return true
    }

    /// Nil where nothing can be read of them any more.
    private func keepIdentities(of segment: SegmentSummary) throws(FileError) -> SegmentSummary? {
        let seal: SegmentSeal?
        do throws(FileError) {
            seal = try context.readSeal(of: segment, in: log.partition)
        } catch  where error.isNotFound {
            // Somebody's hand took the segment.
            return nil
        }
        guard let seal else { return nil }
        let name = SegmentName(partition: log.partition, number: segment.number)
        let path = context.path(name.text(ending: SegmentName.identitiesEnding))
        var bytes = seal.encoded(segment: segment.number)
        let trailer = SegmentTrailer(
            partition: log.partition,
            journal: context.meta.id,
            number: segment.number,
            sealPosition: 0,
            sealLength: bytes.count,
            sealChecksum: Checksum.crc32(bytes),
            frames: seal.frames.count,
            firstOffset: segment.firstOffset,
            nextOffset: segment.nextOffset,
            nextSequence: segment.nextSequence,
            records: seal.frames.reduce(0) { $0 + Int64($1.records) },
            firstTime: segment.firstTime,
            latestTime: segment.latestTime
        )
        bytes.pad(toMultipleOf: Block.bytes)
        bytes += trailer.encoded()
        try context.platform.files.replace(path, with: bytes)
        return SegmentSummary(trailer: trailer, path: path)
    }

    /// Removes what the window does not need any more.
    private func forget(_ kept: inout [SegmentSummary]) throws(FileError) {
        var room = capacity - log.identities
        let last = kept.lastIndex { segment in
            defer { room -= segment.identities }
            return room <= 0 || !isInWindow(segment)
        }
        guard let last else { return }
        for _ in 0...last {
            do throws(FileError) {
                try context.platform.files.remove(kept[0].path)
            } catch {
                guard error.isNotFound else { throw error }
            }
            kept.removeFirst()
        }
    }

    private func isInWindow(_ segment: SegmentSummary) -> Bool {
        segment.latestTime > context.platform.clock.now() - context.settings.duplicateWindow
    }

    private static func bytes(_ kept: [SegmentSummary]) -> Int64 {
        kept.reduce(0) { $0 + $1.bytes }
    }
}
