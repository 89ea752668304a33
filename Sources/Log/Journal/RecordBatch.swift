/// How a record stands in a batch, a frame's payload and a segment.
///
/// ```
/// 0   4  length of what follows, little-endian
/// 4   2  C3 01, the mark of Avro's single-object encoding
/// 6   8  CRC-64-AVRO of the schema, little-endian
/// 14  …  the datum
/// ```
package enum RecordLayout {
    package static let lengthBytes = 4
    package static let mark: (UInt8, UInt8) = (0xC3, 0x01)
    package static let fingerprintStart = 6
    package static let datumStart = 14

    /// Appends one framed record and answers where it starts.
    @discardableResult
    package static func append(datum: [UInt8], fingerprint: UInt64, to bytes: inout [UInt8]) -> Int {
        let start = bytes.count
        bytes.append(littleEndian: UInt32(datum.count + datumStart - lengthBytes))
        bytes.append(mark.0)
        bytes.append(mark.1)
        bytes.append(littleEndian: fingerprint)
        bytes.append(contentsOf: datum)
        return start
    }
}

/// Records on their way into one partition: all of one request's, in order.
package struct RecordBatch: Sendable {
    /// Where one framed record lies in `bytes`, and what it is.
    package struct Entry: Sendable {
        package var start: UInt32
        /// Of the whole framed record, its length field included.
        package var length: UInt32
        /// The schema's index among those that the journal was opened with.
        package var schema: UInt16
        package var identity: RecordIdentity

        package init(start: UInt32, length: UInt32, schema: UInt16, identity: RecordIdentity) {
            self.start = start
            self.length = length
            self.schema = schema
            self.identity = identity
        }
    }

    package var bytes: [UInt8]
    package var entries: [Entry]
    /// Whether all of it goes into one frame, however large: after a crash all of it is there, or nothing.
    ///
    /// For batches of at most `recordBytesMax`.
    package var isWhole: Bool

    package init(bytes: [UInt8] = [], entries: [Entry] = [], isWhole: Bool = false) {
        self.bytes = bytes
        self.entries = entries
        self.isWhole = isWhole
    }

    /// Appends another batch's records behind these.
    package mutating func append(_ other: RecordBatch) {
        let start = UInt32(bytes.count)
        bytes += other.bytes
        entries += other.entries.map { entry in
            var moved = entry
            moved.start += start
            return moved
        }
    }

    /// Throws `recordTooLarge` for a record longer than a journal takes: to be asked before any batch of a request is
    /// handed over.
    package func check(recordBytesMax: Int) throws(JournalError) {
        for index in entries.indices where entries[index].length > recordBytesMax {
            let length = Int(entries[index].length)
            throw JournalError(
                .recordTooLarge,
                "a record of \(length) bytes is more than half a segment: raise journal.segment above \(2 * length) bytes"
            )
        }
    }
}

/// What became of a batch, once all of it is durable.
package struct AppendResult: Sendable, Hashable {
    /// The indexes of the entries that are repeats of durable records.
    package let duplicates: [Int32]
    package let accepted: Int
    /// Of the first accepted record; nil when there is none.
    ///
    /// The others follow it without a gap.
    package let firstOffset: Offset?

    package init(duplicates: [Int32], accepted: Int, firstOffset: Offset?) {
        self.duplicates = duplicates
        self.accepted = accepted
        self.firstOffset = firstOffset
    }
}
