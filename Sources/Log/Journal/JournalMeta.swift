import Platform

/// `journal.meta`: what is fixed when a journal is made.
///
/// ```
/// 0   8  "COURMETA"
/// 8   4  version, 1
/// 12  4  partitions
/// 16  16 journal id
/// 32  16 secret
/// 48  8  time made, nanoseconds
/// 56  4  CRC-32 of bytes 0 to 55
/// ```
struct JournalMeta: Sendable, Hashable {
    static let name = "journal.meta"
    static let version: UInt32 = 1
    private static let magic = Array("COURMETA".utf8)

    let partitions: Int
    let id: JournalID
    let secret: [UInt8]
    let made: Timestamp

    /// The start value of every frame header's checksum: no record's bytes can pass for a frame of this journal.
    var salt: UInt32 { Checksum.crc32(secret) }

    func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(partitions))
        bytes += id.bytes
        bytes += secret
        bytes.append(littleEndian: made.nanoseconds)
        bytes.append(littleEndian: Checksum.crc32(bytes))
        return bytes
    }

    static func decode(_ bytes: [UInt8], path: String) throws(JournalError) -> JournalMeta {
        var fields = FieldReader(bytes)
        guard bytes.count == 60, fields.take(count: 8) == magic,
            let version = fields.take(UInt32.self), let partitions = fields.take(UInt32.self),
            let id = fields.take(count: 16), let secret = fields.take(count: 16),
            let made = fields.take(Int64.self), fields.take(UInt32.self) == Checksum.crc32(Array(bytes[..<56])),
            (1...UInt32(PartitionID.countMax)).contains(partitions)
        else {
            throw JournalError(
                .metaBroken,
                "\(path) is broken. Restore it from a copy of the data folder: without it no segment "
                    + "can be told from another journal's."
            )
        }
        guard version == Self.version else {
            throw JournalError(
                .settingsDiffer,
                "\(path) has version \(version); this program reads version \(Self.version). "
                    + "Use the program that made it."
            )
        }
        return JournalMeta(
            partitions: Int(partitions),
            id: JournalID(id),
            secret: secret,
            made: Timestamp(nanoseconds: made)
        )
    }
}
