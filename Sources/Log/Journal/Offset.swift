import Platform

/// A record's number in its partition.
///
/// Offsets rise, and they may have gaps: whoever reads takes each record's offset from the journal.
package struct Offset: Comparable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(_ rawValue: Int64) {
        precondition(rawValue >= 0, "an offset is never negative")
        self.rawValue = rawValue
    }

    package static let zero = Offset(0)

    /// The largest number of a record, frame or byte that a file is believed to have: what is added to one stays in
    /// range.
    static let storedMax: Int64 = 1 << 62

    package static func < (left: Offset, right: Offset) -> Bool {
        left.rawValue < right.rawValue
    }

    package static func + (offset: Offset, count: Int) -> Offset {
        Offset(offset.rawValue + Int64(count))
    }

    /// The numbers from `earlier` up to `later`, gaps included: a size for a message, never a count of records.
    package static func - (later: Offset, earlier: Offset) -> Int64 {
        later.rawValue - earlier.rawValue
    }

    package var description: String {
        String(rawValue)
    }
}

/// Which of the journal's partitions, from 0.
package struct PartitionID: Comparable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int

    /// As many as the frame header's field and a file name's three digits allow.
    package static let countMax = 999

    package init(_ rawValue: Int) {
        precondition((0..<Self.countMax).contains(rawValue), "a partition is a number from 0 to 998")
        self.rawValue = rawValue
    }

    /// The partition of a record.
    ///
    /// It depends on the identity's low half, since the duplicate window sorts by the high one; a record without
    /// identity goes to partition 0.
    package static func of(_ identity: RecordIdentity, partitions: Int) -> PartitionID {
        PartitionID(Int(identity.low.multipliedFullWidth(by: UInt64(partitions)).high))
    }

    package static func < (left: PartitionID, right: PartitionID) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String {
        String(rawValue)
    }
}

/// What tells one journal from every other: 16 random bytes.
package struct JournalID: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        precondition(bytes.count == 16, "a journal's id has 16 bytes")
        self.bytes = bytes
    }

    /// 32 hexadecimal digits.
    package var description: String {
        Hex.text(bytes)
    }
}

/// Answers the identity of a stored record by its schema and datum.
package typealias RecordIdentifier = @Sendable (_ fingerprint: UInt64, _ datum: Span<UInt8>) -> RecordIdentity

/// The keyed 128-bit hash of (event type, id) by which the journal recognises a repeat.
package struct RecordIdentity: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// For records that are never repeats of one another, such as dead letters.
    package static let none = RecordIdentity(high: 0, low: 0)
}
