import Avro

/// One row put or removed.
package struct StateChange: Sendable, Hashable {
    package let table: StateTable
    /// 0 for tables that are not daily.
    package let day: UInt16
    package let head: RowHead
    package let tail: String
    /// Nil: removed.
    package let value: String?

    /// Table, mark and head have 18 bytes, each of the three numbers at most 10.
    fileprivate var bytesMax: Int { 48 + tail.utf8.count + (value?.utf8.count ?? 0) }
}

/// The changes of one turn, in order, as they stand in a change record of the journal.
///
/// ```
/// 1 byte    the form, 1
/// then for each change, numbers as Avro longs, texts as Avro strings:
/// table, 1 byte; 0 removed or 1 put, 1 byte; day; head, 16 bytes; tail; value if put
/// ```
package struct StateChanges: Sendable, Hashable {
    static let form: UInt8 = 1

    package private(set) var changes: [StateChange] = []
    /// At least the bytes of `encoded`.
    private(set) var bytes = 16

    package init() {}

    package var isEmpty: Bool { changes.isEmpty }

    mutating func append(_ change: StateChange) {
        changes.append(change)
        bytes += change.bytesMax
    }

    mutating func truncate(to count: Int) {
        while changes.count > count { bytes -= changes.removeLast().bytesMax }
    }

    package var encoded: [UInt8] {
        var encoder = BinaryEncoder(capacity: 64 + changes.count * 64)
        encoder.writeByte(Self.form)
        for change in changes {
            encoder.writeByte(change.table.rawValue)
            encoder.writeByte(change.value == nil ? 0 : 1)
            encoder.writeLong(Int64(change.day))
            encoder.writeRaw(change.head.bytes.span)
            encoder.writeString(change.tail)
            if let value = change.value { encoder.writeString(value) }
        }
        return encoder.bytes
    }

    /// Reads what `encoded` wrote; nil where it is something else.
    package init?(_ bytes: [UInt8]) {
        guard bytes.first == Self.form else { return nil }
        let span = bytes.span
        var decoder = BinaryDecoder(at: 1)
        while decoder.position < span.count {
            guard let change = try? Self.change(&decoder, span) else { return nil }
            append(change)
        }
    }

    private static func change(
        _ decoder: inout BinaryDecoder,
        _ span: Span<UInt8>
    ) throws(AvroError) -> StateChange {
        let head = try decoder.readRange(span, count: 2)
        guard let table = StateTable(rawValue: span[head.lowerBound]) else {
            throw decoder.failure(.malformed, "a table that is not known")
        }
        let isPut = span[head.lowerBound + 1] == 1
        let day = UInt16(clamping: try decoder.readLong(span))
        let row = RowHead(bytesOf: span, in: try decoder.readRange(span, count: 16))
        let tail = try decoder.readString(span)
        return StateChange(
            table: table,
            day: day,
            head: row,
            tail: tail,
            value: isPut ? try decoder.readString(span) : nil
        )
    }
}
