import Platform
import Telemetry

/// What recovery found in one partition, for the log and for whoever must know of losses.
package struct RecoveryReport: Sendable {
    package let partition: PartitionID
    /// Frames copied out of the segment that was being written when the process ended.
    package internal(set) var framesRecovered = 0
    /// Bytes behind the last good frame of that segment that were no zeros: a write that was never acknowledged.
    package internal(set) var hasTornTail = false
    /// Gaps in the offsets.
    package internal(set) var losses: [JournalLoss] = []
    /// Segments without a readable head, now named `.broken`.
    package internal(set) var brokenSegments: [String] = []

    init(partition: PartitionID) {
        self.partition = partition
    }
}

/// A partition as it stands after recovery, before anything reads or writes.
struct RecoveredPartition: Sendable {
    let partition: PartitionID
    var segments: [SegmentSummary] = []
    /// Removed segments whose identities are kept; older than the others.
    var kept: [SegmentSummary] = []
    /// Of segments whose own seal rotted, by number: made by walking their frames.
    var walkedSeals: [UInt64: SegmentSeal] = [:]
    var nextOffset = Offset.zero
    var nextNumber: UInt64 = 1
    var nextSequence: UInt64 = 1
    var report: RecoveryReport

    init(partition: PartitionID) {
        self.partition = partition
        report = RecoveryReport(partition: partition)
    }
}

/// Brings one partition into a state that can be read and appended to.
///
/// Blocks.
///
/// Sealed segments are known by their last block. The one that was being written is copied, frame by frame, into a
/// file of its own that takes its place sealed; writing goes on in the next segment. So nothing is ever appended
/// behind a tear, and no torn frame can come back from under a later one. A frame whose payload alone has rotted is
/// copied as it is: readers go by its header, and tell what was lost.
struct PartitionRecovery {
    let context: JournalContext
    private var result: RecoveredPartition

    init(_ partition: PartitionID, context: JournalContext) {
        self.context = context
        result = RecoveredPartition(partition: partition)
    }

    /// - Parameters:
    ///   - names: the partition's segments and kept identities by number.
    ///   - minimumNextOffset: the offset behind every one that state names.
    /// - Returns: what stands there now.
    /// - Throws: `noSpace` or `readFailed`.
    mutating func run(
        _ names: JournalFolder.Names,
        minimumNextOffset: Offset
    ) throws(JournalError) -> RecoveredPartition {
        do throws(FileError) {
            for name in names.kept { try takeKept(name, isRemoved: !names.segments.contains(name)) }
            for (index, name) in names.segments.enumerated() {
                try take(name, isLast: index == names.segments.count - 1)
            }
        } catch {
            throw error.isNoSpace
                ? JournalError(.noSpace, "recovery needs room for a copy of one segment: free some disk", cause: error)
                : JournalError.readFailed(error)
        }
        if result.nextOffset < minimumNextOffset {
            noteLoss(to: minimumNextOffset)
            result.nextOffset = minimumNextOffset
        }
        return result
    }

    /// A file whose segment is still there was written just before a crash; a broken one says nothing.
    private mutating func takeKept(_ name: SegmentName, isRemoved: Bool) throws(FileError) {
        let files = context.platform.files
        let path = context.path(name.text(ending: SegmentName.identitiesEnding))
        let file = try files.open(path, .read)
        defer { file.close() }
        if isRemoved, let trailer = try SegmentTrailer.read(file, size: file.size(), name, of: context.meta.id) {
            result.kept.append(SegmentSummary(trailer: trailer, path: path))
        } else {
            try files.remove(path)
        }
    }

    private mutating func take(_ name: SegmentName, isLast: Bool) throws(FileError) {
        let path = context.path(name.text)
        let file = try context.platform.files.open(path, .read)
        defer { file.close() }
        let size = try file.size()
        result.nextNumber = name.number + 1
        var trailer = try SegmentTrailer.read(file, size: size, name, of: context.meta.id)
        // A crash while the last segment was being sealed can leave its trailer without its seal.
        if isLast, let torn = trailer, try torn.readSeal(file) == nil { trailer = nil }
        if let trailer {
            noteLoss(to: trailer.firstOffset)
            add(SegmentSummary(trailer: trailer, path: path))
        } else if let (head, headLength) = try context.findHead(file, name, limit: size) {
            noteLoss(to: head.firstOffset)
            if isLast {
                try copy(file, size: size, head: head, headLength: headLength, path: path)
            } else {
                try walk(file, size: size, head: head, headLength: headLength, path: path)
            }
        } else {
            try setAside(file, size: size, name)
        }
    }

    private mutating func add(_ summary: SegmentSummary) {
        result.segments.append(summary)
        result.nextOffset = max(result.nextOffset, summary.nextOffset)
        result.nextSequence = max(result.nextSequence, summary.nextSequence)
    }

    /// A segment in the middle whose seal rotted: its frames are all there, or skipped one by one.
    private mutating func walk(
        _ file: any File,
        size: Int64,
        head: SegmentHead,
        headLength: Int,
        path: String
    ) throws(FileError) {
        let context = context
        var segment = OpenSegment(head: head, headLength: headLength, path: path, file: file, capacity: .max)
        try eachFrame(file, size, head, headLength) { (header, position, payload) throws(FileError) in
            segment.skip(to: position)
            segment.add(header, payload.map(context.identities) ?? [])
        }
        result.walkedSeals[head.number] = segment.seal
        add(SegmentSummary(walked: segment, bytes: size))
    }

    /// The segment that was being written: its frames go into a fresh file, which is sealed and takes its name.
    private mutating func copy(
        _ file: any File,
        size: Int64,
        head: SegmentHead,
        headLength: Int,
        path: String
    ) throws(FileError) {
        let context = context
        let files = context.platform.files
        let copyPath = path + ".recovering"
        if try files.size(of: copyPath) != nil { try files.remove(copyPath) }
        let target = try files.open(copyPath, .create)
        defer { target.close() }
        let headBytes = head.encoded()
        try target.write(at: 0, headBytes)
        var segment = OpenSegment(head: head, headLength: headBytes.count, path: path, file: target, capacity: .max)
        var recovered = 0
        let tail = try eachFrame(file, size, head, headLength) { (header, position, payload) throws(FileError) in
            try target.write(at: Int64(segment.position), try file.read(at: position, count: header.frameLength))
            segment.add(header, payload.map(context.identities) ?? [])
            if payload != nil { recovered += 1 }
        }
        result.report.framesRecovered = recovered
        result.report.hasTornTail = !tail.isBlank
        guard segment.records > 0 else {
            // Nothing to keep but its place: the next segment takes number, offset and sequence over.
            try files.remove(copyPath)
            result.nextNumber = head.number
            result.nextOffset = max(result.nextOffset, head.firstOffset)
            result.nextSequence = max(result.nextSequence, head.firstSequence)
            return
        }
        let summary = try segment.finish()
        try files.rename(copyPath, to: path)
        try files.synchronizeFolder(context.settings.folder)
        add(summary)
    }

    /// A head that rotted and cannot be made again takes the names of its records' schemas with it.
    private mutating func setAside(_ file: any File, size: Int64, _ name: SegmentName) throws(FileError) {
        var scan = FrameScan(
            file: file,
            segment: name,
            salt: context.salt,
            from: 0,
            limit: size,
            sequenceMin: 0
        )
        var next = result.nextOffset
        scanning: while true {
            switch try scan.next() {
            case .frame(let header, _):
                next = max(next, header.nextOffset)
                result.nextSequence = max(result.nextSequence, header.sequence + 1)
            case .rot: continue
            case .end: break scanning
            }
        }
        let aside = context.path(name.text + ".broken")
        try context.platform.files.rename(context.path(name.text), to: aside)
        try context.platform.files.synchronizeFolder(context.settings.folder)
        result.report.brokenSegments.append(aside)
        noteLoss(to: next)
        result.nextOffset = next
    }

    /// Gives each frame with a good header to `body`, without its payload where that has rotted; answers whether
    /// nothing but zeros stands behind the last.
    @discardableResult
    private mutating func eachFrame(
        _ file: any File,
        _ size: Int64,
        _ head: SegmentHead,
        _ headLength: Int,
        _ body: (FrameHeader, Int64, [UInt8]?) throws(FileError) -> Void
    ) throws(FileError) -> (end: Int64, isBlank: Bool) {
        var scan = FrameScan(
            file: file,
            segment: SegmentName(partition: head.partition, number: head.number),
            salt: context.salt,
            from: Int64(headLength),
            limit: size,
            sequenceMin: head.firstSequence
        )
        var expected = head.firstOffset
        while true {
            switch try scan.next() {
            case .frame(let header, let position):
                let payload = try scan.payload(header, at: position)
                if payload == nil, try !scan.hasFrameAhead() { return (position, false) }
                // One that names no schema of the head is no frame to a reader either.
                guard let counts = header.counts(head.schemas) else { continue }
                if header.firstOffset > expected { noteLoss(from: expected, to: header.firstOffset) }
                if payload == nil { noteLoss(from: header.firstOffset, to: header.nextOffset, counts) }
                try body(header, position, payload)
                expected = header.nextOffset
            case .rot: continue
            case .end(let position, let isBlank): return (position, isBlank)
            }
        }
    }

    private mutating func noteLoss(to offset: Offset) {
        // The first segment that is still there may begin anywhere: retention took those before it.
        guard !(result.segments.isEmpty && result.report.losses.isEmpty && result.nextOffset == .zero) else { return }
        if offset > result.nextOffset { noteLoss(from: result.nextOffset, to: offset) }
    }

    private mutating func noteLoss(from: Offset, to: Offset, _ counts: SchemaCounts? = nil) {
        let loss = JournalLoss(from: from, to: to, counts: counts)
        result.report.losses.append(loss)
        context.tell(loss, in: result.report.partition)
    }
}
