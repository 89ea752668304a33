import Platform

/// What a segment holds, kept while it is written and stored behind its last frame when it is full.
///
/// ```
/// 0   8  "COURSEAL"
/// 8   8  segment number
/// 16  4  number of sums
/// 20  4  number of frames
/// 24  8  number of identities
/// 32  …  sums: index of the schema (4), zero (4), records (8)
///     …  frames: time (8), identities (4), records (4)
///     …  identities in order of their records: high half (8), low half (8)
///     …  zeros up to a multiple of 4096; length and CRC-32 stand in the trailer
/// ```
struct SegmentSeal: Sendable, Hashable {
    struct Frame: Sendable, Hashable {
        let time: Timestamp
        let identities: Int
        let records: Int
    }

    static let fixedLength = 32
    static let itemLength = 16
    private static let magic = Array("COURSEAL".utf8)

    /// Records by the schema's index in the segment's head.
    private(set) var sums: [Int]
    private(set) var frames: [Frame] = []
    private(set) var identities: [RecordIdentity] = []

    init(schemas: Int) {
        sums = Array(repeating: 0, count: schemas)
    }

    mutating func add(_ header: FrameHeader, _ frameIdentities: some Sequence<RecordIdentity>) {
        let before = identities.count
        identities.append(contentsOf: frameIdentities)
        frames.append(Frame(time: header.time, identities: identities.count - before, records: header.recordCount))
        for entry in header.entries where entry.schema < sums.count {
            sums[Int(entry.schema)] += Int(entry.count)
        }
    }

    /// The blocks that the seal and its trailer would take after one more frame.
    func bytesNeeded(identitiesMore: Int) -> Int {
        let items = sums.count + frames.count + 1 + identities.count + identitiesMore
        return Block.roundedUp(Self.fixedLength + Self.itemLength * items) + Block.bytes
    }

    /// Without padding.
    func encoded(segment: UInt64) -> [UInt8] {
        let used = sums.indices.filter { sums[$0] > 0 }
        var bytes = Self.magic
        bytes.reserveCapacity(bytesNeeded(identitiesMore: 0))
        bytes.append(littleEndian: segment)
        bytes.append(littleEndian: UInt32(used.count))
        bytes.append(littleEndian: UInt32(frames.count))
        bytes.append(littleEndian: UInt64(identities.count))
        for schema in used {
            bytes.append(littleEndian: UInt64(schema))
            bytes.append(littleEndian: UInt64(sums[schema]))
        }
        for frame in frames {
            bytes.append(littleEndian: frame.time.nanoseconds)
            bytes.append(littleEndian: UInt32(frame.identities))
            bytes.append(littleEndian: UInt32(frame.records))
        }
        for identity in identities {
            bytes.append(littleEndian: identity.high)
            bytes.append(littleEndian: identity.low)
        }
        return bytes
    }

    /// Nil if the bytes are no seal of this segment; the checksum is the trailer's to compare.
    init?(decoding bytes: [UInt8], segment: UInt64) {
        var fields = FieldReader(bytes)
        guard fields.take(count: 8) == Self.magic, fields.take(UInt64.self) == segment,
            let sumCount = fields.take(UInt32.self), let frameCount = fields.take(UInt32.self),
            let identityCount = fields.take(UInt64.self), identityCount <= UInt64(bytes.count),
            bytes.count
                == Self.fixedLength + Self.itemLength * (Int(sumCount) + Int(frameCount) + Int(identityCount))
        else { return nil }
        sums = []
        for _ in 0..<sumCount {
            guard let schema = fields.take(UInt64.self), schema < UInt64(FrameHeader.entriesMax),
                let records = fields.take(UInt64.self), records <= UInt64(Int.max)
            else { return nil }
            while sums.count <= Int(schema) { sums.append(0) }
            sums[Int(schema)] = Int(records)
        }
        for _ in 0..<frameCount {
            guard let time = fields.take(Int64.self), let identities = fields.take(UInt32.self),
                let records = fields.take(UInt32.self)
            else { return nil }
            frames.append(
                Frame(time: Timestamp(nanoseconds: time), identities: Int(identities), records: Int(records))
            )
        }
        guard frames.reduce(0, { $0 + $1.identities }) == Int(identityCount) else { return nil }
        identities.reserveCapacity(Int(identityCount))
        var position = fields.position
        for _ in 0..<identityCount {
            identities.append(
                RecordIdentity(
                    high: bytes.littleEndian(at: position, as: UInt64.self),
                    low: bytes.littleEndian(at: position + 8, as: UInt64.self)
                )
            )
            position += Self.itemLength
        }
    }
}

/// The last 4 KiB of a sealed segment: with it, start-up reads one block a segment.
///
/// ```
/// 0   8  "COURTAIL"
/// 8   4  CRC-32 of the block without these four bytes
/// 12  4  partition
/// 16  16 journal id
/// 32  8  segment number
/// 40  8  position of the seal: where the frames end
/// 48  8  length of the seal without padding
/// 56  4  CRC-32 of the seal
/// 60  4  number of frames
/// 64  8  first offset
/// 72  8  offset behind the last record
/// 80  8  sequence behind the last frame
/// 88  8  records
/// 96  8  time of the first frame, nanoseconds
/// 104 8  latest time of any frame, nanoseconds
///     …  zeros
/// ```
struct SegmentTrailer: Sendable, Hashable {
    private static let magic = Array("COURTAIL".utf8)

    let partition: PartitionID
    let journal: JournalID
    let number: UInt64
    let sealPosition: Int64
    let sealLength: Int
    let sealChecksum: UInt32
    let frames: Int
    let firstOffset: Offset
    let nextOffset: Offset
    let nextSequence: UInt64
    let records: Int64
    let firstTime: Timestamp
    let latestTime: Timestamp

    /// At most a few too many: the sums of the seal count as identities here.
    var identities: Int { max(0, (sealLength - SegmentSeal.fixedLength) / SegmentSeal.itemLength - frames) }

    /// Of the whole file.
    var fileLength: Int64 { sealPosition + Int64(Block.roundedUp(sealLength) + Block.bytes) }

    func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt32(partition.rawValue))
        bytes += journal.bytes
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: sealPosition)
        bytes.append(littleEndian: Int64(sealLength))
        bytes.append(littleEndian: sealChecksum)
        bytes.append(littleEndian: UInt32(frames))
        bytes.append(littleEndian: firstOffset.rawValue)
        bytes.append(littleEndian: nextOffset.rawValue)
        bytes.append(littleEndian: nextSequence)
        bytes.append(littleEndian: records)
        bytes.append(littleEndian: firstTime.nanoseconds)
        bytes.append(littleEndian: latestTime.nanoseconds)
        bytes.pad(toMultipleOf: Block.bytes)
        bytes.set(littleEndian: Self.checksum(bytes), at: 8)
        return bytes
    }

    init?(decoding bytes: [UInt8]) {
        guard bytes.count == Block.bytes, Array(bytes[..<8]) == Self.magic,
            bytes.littleEndian(at: 8, as: UInt32.self) == Self.checksum(bytes)
        else { return nil }
        var fields = FieldReader(bytes, from: 12)
        guard let partition = fields.take(UInt32.self), partition < PartitionID.countMax,
            let journal = fields.take(count: 16), let number = fields.take(UInt64.self),
            let sealPosition = fields.take(Int64.self), (0...Offset.storedMax).contains(sealPosition),
            let sealLength = fields.take(Int64.self), (0...Int64(UInt32.max)).contains(sealLength),
            let sealChecksum = fields.take(UInt32.self), let frames = fields.take(UInt32.self),
            let firstOffset = fields.take(Int64.self), firstOffset >= 0,
            let nextOffset = fields.take(Int64.self), nextOffset >= firstOffset, nextOffset <= Offset.storedMax,
            let nextSequence = fields.take(UInt64.self), nextSequence <= Offset.storedMax,
            let records = fields.take(Int64.self),
            let firstTime = fields.take(Int64.self), let latestTime = fields.take(Int64.self)
        else { return nil }
        self.init(
            partition: PartitionID(Int(partition)),
            journal: JournalID(journal),
            number: number,
            sealPosition: sealPosition,
            sealLength: Int(sealLength),
            sealChecksum: sealChecksum,
            frames: Int(frames),
            firstOffset: Offset(firstOffset),
            nextOffset: Offset(nextOffset),
            nextSequence: nextSequence,
            records: records,
            firstTime: Timestamp(nanoseconds: firstTime),
            latestTime: Timestamp(nanoseconds: latestTime)
        )
    }

    init(
        partition: PartitionID,
        journal: JournalID,
        number: UInt64,
        sealPosition: Int64,
        sealLength: Int,
        sealChecksum: UInt32,
        frames: Int,
        firstOffset: Offset,
        nextOffset: Offset,
        nextSequence: UInt64,
        records: Int64,
        firstTime: Timestamp,
        latestTime: Timestamp
    ) {
        self.partition = partition
        self.journal = journal
        self.number = number
        self.sealPosition = sealPosition
        self.sealLength = sealLength
        self.sealChecksum = sealChecksum
        self.frames = frames
        self.firstOffset = firstOffset
        self.nextOffset = nextOffset
        self.nextSequence = nextSequence
        self.records = records
        self.firstTime = firstTime
        self.latestTime = latestTime
    }

    /// Reads the trailer of a file; nil if the file is not sealed, or not as this segment.
    static func read(
        _ file: any File,
        size: Int64,
        _ name: SegmentName,
        of journal: JournalID
    ) throws(FileError) -> SegmentTrailer? {
        guard size >= 2 * Int64(Block.bytes) else { return nil }
        let block = try file.read(at: size - Int64(Block.bytes), count: Block.bytes)
        guard let trailer = SegmentTrailer(decoding: block), trailer.journal == journal,
            trailer.partition == name.partition, trailer.number == name.number, trailer.fileLength == size
        else { return nil }
        return trailer
    }

    /// Reads the seal that the trailer points at; nil if it is broken.
    func readSeal(_ file: any File) throws(FileError) -> SegmentSeal? {
        let bytes = try file.read(at: sealPosition, count: sealLength)
        guard bytes.count == sealLength, Checksum.crc32(bytes) == sealChecksum else { return nil }
        return SegmentSeal(decoding: bytes, segment: number)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        let span = unsafe bytes.span.bytes
        return Checksum.crc32(span.extracting(12..<bytes.count), after: Checksum.crc32(span.extracting(0..<8)))
    }
}
