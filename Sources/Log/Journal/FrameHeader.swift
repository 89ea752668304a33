import Platform

/// The start of a frame: one group write of records.
///
/// Frames begin on 4 KiB boundaries; zeros fill the last block.
///
/// ```
/// 0   8  "COURFRAM"
/// 8   4  length of this header, 64 + 8 × entries
/// 12  4  CRC-32 of the header without these four bytes, started from the CRC-32 of the journal's secret
/// 16  8  segment number
/// 24  8  sequence: the frame's number in its partition
/// 32  8  offset of the first record
/// 40  8  time written, nanoseconds
/// 48  4  number of records
/// 52  4  length of the payload, which follows the header directly
/// 56  4  CRC-32 of the payload
/// 60  2  partition
/// 62  2  number of entries
/// 64  …  entries: index of the schema in the segment's head (4), records of it (4)
/// ```
struct FrameHeader: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        let schema: UInt32
        let count: UInt32
    }

    static let fixedLength = 64
    static let entryLength = 8
    /// So that a header never passes its first block.
    static let entriesMax = (Block.bytes - fixedLength) / entryLength
    static let magic = Array("COURFRAM".utf8)

    let partition: PartitionID
    let segment: UInt64
    let sequence: UInt64
    let firstOffset: Offset
    let time: Timestamp
    let recordCount: Int
    let payloadLength: Int
    let payloadChecksum: UInt32
    let entries: [Entry]

    var length: Int { Self.length(entries: entries.count) }

    /// Of the whole frame on disk.
    var frameLength: Int { Block.roundedUp(length + payloadLength) }

    var nextOffset: Offset { firstOffset + recordCount }

    /// Whether the frame was written into that segment: checksums tell journals apart, and these two numbers segments.
    func isOf(_ name: SegmentName) -> Bool {
        partition == name.partition && segment == name.number
    }

    static func length(entries: Int) -> Int {
        fixedLength + entryLength * entries
    }

    func encoded(salt: UInt32) -> [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(length)
        bytes.append(littleEndian: UInt32(length))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: segment)
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: firstOffset.rawValue)
        bytes.append(littleEndian: time.nanoseconds)
        bytes.append(littleEndian: UInt32(recordCount))
        bytes.append(littleEndian: UInt32(payloadLength))
        bytes.append(littleEndian: payloadChecksum)
        bytes.append(littleEndian: UInt16(partition.rawValue))
        bytes.append(littleEndian: UInt16(entries.count))
        for entry in entries {
            bytes.append(littleEndian: entry.schema)
            bytes.append(littleEndian: entry.count)
        }
        bytes.set(littleEndian: Self.checksum(unsafe bytes.span.bytes, salt: salt), at: 12)
        return bytes
    }

    /// Decodes the header at `position` of `bytes`; nil if anything about it is wrong.
    init?(decoding bytes: [UInt8], at position: Int = 0, salt: UInt32) {
        guard bytes.count - position >= Self.fixedLength,
            bytes[position..<position + 8].elementsEqual(Self.magic)
        else { return nil }
        let length = Int(bytes.littleEndian(at: position + 8, as: UInt32.self))
        guard (Self.fixedLength...Block.bytes).contains(length), position + length <= bytes.count,
            bytes.littleEndian(at: position + 12, as: UInt32.self)
                == Self.checksum(unsafe bytes.span.bytes.extracting(position..<position + length), salt: salt)
        else { return nil }
        var fields = FieldReader(bytes, from: position + 16)
        guard let segment = fields.take(UInt64.self), let sequence = fields.take(UInt64.self),
            sequence <= Offset.storedMax, let firstOffset = fields.take(Int64.self),
            (0...Offset.storedMax).contains(firstOffset), let time = fields.take(Int64.self),
            let recordCount = fields.take(UInt32.self), let payloadLength = fields.take(UInt32.self),
            let payloadChecksum = fields.take(UInt32.self), let partition = fields.take(UInt16.self),
            partition < PartitionID.countMax, let count = fields.take(UInt16.self),
            length == Self.length(entries: Int(count))
        else { return nil }
        var entries: [Entry] = []
        for _ in 0..<count {
            guard let schema = fields.take(UInt32.self), let count = fields.take(UInt32.self) else { return nil }
            entries.append(Entry(schema: schema, count: count))
        }
        self.init(
            partition: PartitionID(Int(partition)),
            segment: segment,
            sequence: sequence,
            firstOffset: Offset(firstOffset),
            time: Timestamp(nanoseconds: time),
            recordCount: Int(recordCount),
            payloadLength: Int(payloadLength),
            payloadChecksum: payloadChecksum,
            entries: entries
        )
    }

    init(
        partition: PartitionID,
        segment: UInt64,
        sequence: UInt64,
        firstOffset: Offset,
        time: Timestamp,
        recordCount: Int,
        payloadLength: Int,
        payloadChecksum: UInt32,
        entries: [Entry]
    ) {
        self.partition = partition
        self.segment = segment
        self.sequence = sequence
        self.firstOffset = firstOffset
        self.time = time
        self.recordCount = recordCount
        self.payloadLength = payloadLength
        self.payloadChecksum = payloadChecksum
        self.entries = entries
    }

    /// The counts by fingerprint, by the schemas of the segment's head; nil if an index points outside.
    func counts(_ schemas: [JournalSchema]) -> SchemaCounts? {
        var counts: [SchemaCount] = []
        for entry in entries {
            guard entry.schema < schemas.count else { return nil }
            counts.append(SchemaCount(fingerprint: schemas[Int(entry.schema)].fingerprint, count: Int(entry.count)))
        }
        return SchemaCounts(counts)
    }

    private static func checksum(_ bytes: RawSpan, salt: UInt32) -> UInt32 {
        Checksum.crc32(
            bytes.extracting(16..<bytes.byteCount),
            after: Checksum.crc32(bytes.extracting(0..<12), after: salt)
        )
    }
}
