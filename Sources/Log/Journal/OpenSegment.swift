import Platform

/// The segment that is being written: a file of zeros that fills from the front.
struct OpenSegment {
    let head: SegmentHead
    let headLength: Int
    let path: String
    let file: any File
    /// Of the zero-written file; frames, seal and trailer must fit.
    let capacity: Int
    private(set) var position: Int
    private(set) var nextOffset: Offset
    private(set) var nextSequence: UInt64
    private(set) var seal: SegmentSeal
    private(set) var records: Int64 = 0
    private(set) var latestTime: Timestamp

    var number: UInt64 { head.number }

    /// `file` holds the head already, and zeros behind it.
    init(head: SegmentHead, headLength: Int, path: String, file: any File, capacity: Int) {
        self.head = head
        self.headLength = headLength
        self.path = path
        self.file = file
        self.capacity = capacity
        position = headLength
        nextOffset = head.firstOffset
        nextSequence = head.firstSequence
        seal = SegmentSeal(schemas: head.schemas.count)
        latestTime = head.made
    }

    /// Whether a frame of so many bytes fits, with the seal that it would bring.
    func fits(frameLength: Int, identities: Int) -> Bool {
        position + frameLength + seal.bytesNeeded(identitiesMore: identities) <= capacity
    }

    /// Counts a frame that stands, written, at `position`.
    mutating func add(_ header: FrameHeader, _ identities: some Sequence<RecordIdentity>) {
        seal.add(header, identities)
        latestTime = records == 0 ? header.time : max(latestTime, header.time)
        position += header.frameLength
        nextOffset = header.nextOffset
        nextSequence = header.sequence + 1
        records += Int64(header.recordCount)
    }

    /// Stands behind blocks that hold no good frame.
    mutating func skip(to position: Int64) {
        self.position = Int(position)
    }

    /// Writes seal and trailer, cuts the unused zeros off and syncs: a sealed file ends with its trailer.
    func finish() throws(FileError) -> SegmentSummary {
        var bytes = seal.encoded(segment: number)
        let trailer = SegmentTrailer(
            partition: head.partition,
            journal: head.journal,
            number: number,
            sealPosition: Int64(position),
            sealLength: bytes.count,
            sealChecksum: Checksum.crc32(bytes),
            frames: seal.frames.count,
            firstOffset: head.firstOffset,
            nextOffset: nextOffset,
            nextSequence: nextSequence,
            records: records,
            firstTime: seal.frames.first?.time ?? head.made,
            latestTime: latestTime
        )
        bytes.pad(toMultipleOf: Block.bytes)
        bytes += trailer.encoded()
        try file.write(at: Int64(position), bytes)
        try file.truncate(to: trailer.fileLength)
        try file.synchronize()
        return SegmentSummary(trailer: trailer, path: path)
    }
}

/// What the rest of the journal knows of a segment that is no longer written.
struct SegmentSummary: Sendable, Hashable {
    let number: UInt64
    let path: String
    let firstOffset: Offset
    let nextOffset: Offset
    let nextSequence: UInt64
    /// Where the frames end in the file.
    let framesEnd: Int64
    let bytes: Int64
    let firstTime: Timestamp
    let latestTime: Timestamp
    let identities: Int
    /// False if its trailer rotted: its frames were walked at the open.
    let isSealed: Bool

    init(trailer: SegmentTrailer, path: String) {
        number = trailer.number
        self.path = path
        firstOffset = trailer.firstOffset
        nextOffset = trailer.nextOffset
        nextSequence = trailer.nextSequence
        framesEnd = trailer.sealPosition
        bytes = trailer.fileLength
        firstTime = trailer.firstTime
        latestTime = trailer.latestTime
        identities = trailer.identities
        isSealed = true
    }

    /// A segment whose frames were walked for lack of a seal.
    init(walked segment: OpenSegment, bytes: Int64) {
        number = segment.number
        path = segment.path
        firstOffset = segment.head.firstOffset
        nextOffset = segment.nextOffset
        nextSequence = segment.nextSequence
        framesEnd = Int64(segment.position)
        self.bytes = bytes
        firstTime = segment.seal.frames.first?.time ?? segment.head.made
        latestTime = segment.latestTime
        identities = segment.seal.identities.count
        isSealed = false
    }
}
