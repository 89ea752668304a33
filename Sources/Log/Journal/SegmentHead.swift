import Platform

/// The first blocks of a segment: whose it is, where it starts, and the schemas of its records.
///
/// ```
/// 0   8  "COURSEGM"
/// 8   4  version, 1
/// 12  4  length of the head, a multiple of 4096
/// 16  4  CRC-32 of the head without these four bytes
/// 20  4  partition
/// 24  16 journal id
/// 40  8  segment number
/// 48  8  first offset
/// 56  8  sequence of the first frame
/// 64  8  time made, nanoseconds
/// 72  4  number of schemas
/// 76  4  bytes of the table of schemas
/// 80  …  table: fingerprint (8), lengths of name (2), edition (2), JSON (4), then these three texts
///     …  zeros up to the length
/// ```
struct SegmentHead: Sendable, Hashable {
    static let version: UInt32 = 1
    static let fixedLength = 80
    /// Of a head's length: about 2,000 of the glossary's schemas.
    static let lengthMax = 16 << 20
    private static let magic = Array("COURSEGM".utf8)

    let partition: PartitionID
    let journal: JournalID
    let number: UInt64
    let firstOffset: Offset
    let firstSequence: UInt64
    let made: Timestamp
    let schemas: [JournalSchema]

    func encoded() -> [UInt8] {
        var table: [UInt8] = []
        for schema in schemas {
            table.append(littleEndian: schema.fingerprint)
            table.append(littleEndian: UInt16(schema.name.utf8.count))
            table.append(littleEndian: UInt16(schema.edition.utf8.count))
            table.append(littleEndian: UInt32(schema.json.utf8.count))
            table += schema.name.utf8
            table += schema.edition.utf8
            table += schema.json.utf8
        }
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(Block.roundedUp(Self.fixedLength + table.count)))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt32(partition.rawValue))
        bytes += journal.bytes
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: firstOffset.rawValue)
        bytes.append(littleEndian: firstSequence)
        bytes.append(littleEndian: made.nanoseconds)
        bytes.append(littleEndian: UInt32(schemas.count))
        bytes.append(littleEndian: UInt32(table.count))
        bytes += table
        bytes.pad(toMultipleOf: Block.bytes)
        bytes.set(littleEndian: Self.checksum(bytes), at: 16)
        return bytes
    }

    /// The length that a first block claims; nil if the block is no head's.
    static func length(firstBlock bytes: [UInt8]) -> Int? {
        guard bytes.count >= fixedLength, Array(bytes[..<8]) == magic,
            bytes.littleEndian(at: 8, as: UInt32.self) == version
        else { return nil }
        let length = Int(bytes.littleEndian(at: 12, as: UInt32.self))
        return (Block.bytes...lengthMax).contains(length) && length % Block.bytes == 0 ? length : nil
    }

    /// Nil if anything about the bytes is wrong.
    init?(decoding bytes: [UInt8]) {
        guard Self.length(firstBlock: bytes) == bytes.count,
            bytes.littleEndian(at: 16, as: UInt32.self) == Self.checksum(bytes)
        else { return nil }
        var fields = FieldReader(bytes, from: 20)
        guard let partition = fields.take(UInt32.self), partition < PartitionID.countMax,
            let journal = fields.take(count: 16), let number = fields.take(UInt64.self),
            let firstOffset = fields.take(Int64.self), (0...Offset.storedMax).contains(firstOffset),
            let firstSequence = fields.take(UInt64.self), firstSequence <= Offset.storedMax,
            let made = fields.take(Int64.self),
            let count = fields.take(UInt32.self), fields.take(UInt32.self) != nil
        else { return nil }
        var schemas: [JournalSchema] = []
        for _ in 0..<count {
            guard let fingerprint = fields.take(UInt64.self), let nameCount = fields.take(UInt16.self),
                let editionCount = fields.take(UInt16.self), let jsonCount = fields.take(UInt32.self),
                let name = fields.takeText(count: Int(nameCount)),
                let edition = fields.takeText(count: Int(editionCount)),
                let json = fields.takeText(count: Int(jsonCount))
            else { return nil }
            schemas.append(JournalSchema(name: name, edition: edition, json: json, fingerprint: fingerprint))
        }
        self.init(
            partition: PartitionID(Int(partition)),
            journal: JournalID(journal),
            number: number,
            firstOffset: Offset(firstOffset),
            firstSequence: firstSequence,
            made: Timestamp(nanoseconds: made),
            schemas: schemas
        )
    }

    init(
        partition: PartitionID,
        journal: JournalID,
        number: UInt64,
        firstOffset: Offset,
        firstSequence: UInt64,
        made: Timestamp,
        schemas: [JournalSchema]
    ) {
        self.partition = partition
        self.journal = journal
        self.number = number
        self.firstOffset = firstOffset
        self.firstSequence = firstSequence
        self.made = made
        self.schemas = schemas
    }

    /// Reads the head of an open segment; nil if it is broken or another journal's or segment's.
    static func read(
        _ file: any File,
        _ name: SegmentName,
        of journal: JournalID
    ) throws(FileError) -> (head: SegmentHead, length: Int)? {
        let first = try file.read(at: 0, count: Block.bytes)
        guard let length = length(firstBlock: first) else { return nil }
        let bytes = length == first.count ? first : try file.read(at: 0, count: length)
        guard let head = SegmentHead(decoding: bytes), head.journal == journal, head.partition == name.partition,
            head.number == name.number
        else { return nil }
        return (head, length)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        let span = unsafe bytes.span.bytes
        return Checksum.crc32(span.extracting(20..<bytes.count), after: Checksum.crc32(span.extracting(0..<16)))
    }
}
