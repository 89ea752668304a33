internal import Glossary

/// How one field of a flat record is laid out.
struct FieldShape: Sendable {
    enum Kind: Sendable {
        case string
        case integer
        case float
        case double
        case boolean
        case strings
        case nullableStrings
    }

    let kind: Kind
    let isNullable: Bool

    init(_ field: Field) {
        isNullable = !field.isRequired
        kind =
            switch field.type {
            case .string: .string
            case .int, .long: .integer
            case .float: .float
            case .double: .double
            case .boolean: .boolean
            case .stringArray(nullableItems: false): .strings
            case .stringArray(nullableItems: true): .nullableStrings
            }
    }
}

/// Where each field's value lies in a datum; reused from record to record.
struct ProjectionScratch: Sendable {
    struct Value: Sendable {
        var start = 0
        var end = 0
        var isNull = true
    }

    private(set) var values: [Value] = []

    /// Walks the datum once.
    ///
    /// The journal's bytes are checked sums of what Intake encoded, and yet a length is never trusted.
    mutating func measure(_ datum: UnsafeRawBufferPointer, as shapes: [FieldShape]) throws(Projection.Obstacle) {
        if values.count < shapes.count {
            values.append(contentsOf: repeatElement(Value(), count: shapes.count - values.count))
        }
        var walk = unsafe DatumWalk(datum)
        for index in shapes.indices {
            let shape = shapes[index]
            var isNull = false
            if shape.isNullable {
                switch try walk.integer() {
                case 0: isNull = true
                case 1: break
                default: throw .malformed
                }
            }
            let start = walk.position
            if !isNull { try walk.skip(shape.kind) }
            values[index] = Value(start: start, end: walk.position, isNull: isNull)
        }
        guard walk.isAtEnd else { throw .malformed }
    }
}

/// Steps over Avro values.
///
/// Every step is checked against the bytes' end, which is what makes it safe; it must not outlive the bytes.
@safe struct DatumWalk: ~Copyable {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    var isAtEnd: Bool { unsafe position == bytes.count }

    /// The integer that is the whole of `bytes`.
    static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        var walk = unsafe DatumWalk(bytes)
        return try? walk.integer()
    }

    /// The bytes of a text behind its length; nil if they are not all of `bytes`.
    static func text(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var walk = unsafe DatumWalk(bytes)
        let count = bytes.count
        guard let length = try? walk.integer(), length == Int64(count - walk.position) else { return nil }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[walk.position...])
    }

    mutating func integer() throws(Projection.Obstacle) -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while unsafe position < bytes.count, shift < 64 {
            let byte = unsafe bytes[position]
            position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
            shift += 7
        }
        throw .malformed
    }

    mutating func skip(_ kind: FieldShape.Kind) throws(Projection.Obstacle) {
        switch kind {
        case .string: try skipString()
        case .integer: _ = try integer()
        case .float: try skip(4)
        case .double: try skip(8)
        case .boolean: try skip(1)
        case .strings: try skipArray(ofNullable: false)
        case .nullableStrings: try skipArray(ofNullable: true)
        }
    }

    private mutating func skip(_ count: Int64) throws(Projection.Obstacle) {
        guard count >= 0, unsafe count <= Int64(bytes.count - position) else { throw .malformed }
        position += Int(count)
    }

    private mutating func skipString() throws(Projection.Obstacle) {
        try skip(try integer())
    }

    /// Blocks of items until a block of none; a negative count is followed by the block's size.
    private mutating func skipArray(ofNullable: Bool) throws(Projection.Obstacle) {
        while true {
            var items = try integer()
            if items == 0 { return }
            if items < 0 {
                guard items != Int64.min else { throw .malformed }
                items = -items
                _ = try integer()
            }
            // Each item has at least one byte, so the datum's end bounds the loop.
            for _ in 0..<items {
                if ofNullable, try integer() == 0 { continue }
                try skipString()
            }
        }
    }
}
