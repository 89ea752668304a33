/// How values written under one schema are read under another, worked out once by the specification's rules.
///
/// Fields are matched by name and the reader's aliases, whatever their order; fields that only the writer has are
/// passed over, those that only the reader has take their default; numbers are promoted, strings and bytes
/// exchanged; enums fall back to the reader's default. With one schema for both it is plain decoding.
public struct Resolution: Sendable {
    /// The schema that values are read under.
    public let reader: Schema
    let steps: [Step]
    let root: Int

    /// Works out how to read a writer's values; throws ``AvroError/Code/unresolvable`` if that cannot be.
    public init(writer: Schema, reader: Schema? = nil) throws(AvroError) {
        var builder = ResolutionBuilder(writer: writer, reader: reader ?? writer)
        self.reader = reader ?? writer
        root = try builder.build(writer, reader ?? writer)
        steps = builder.steps
    }

    /// Decodes the one value that the bytes hold.
    public func decode(_ bytes: Span<UInt8>, limits: ReaderLimits = .init()) throws(AvroError) -> Datum {
        var decoder = BinaryDecoder(limits: limits)
        let datum = try decode(bytes, &decoder)
        guard decoder.position == bytes.count else {
            throw decoder.failure(.malformed, "bytes are left over after the value")
        }
        return datum
    }

    /// Decodes the value at the decoder's place and moves it past that value.
    public func decode(_ bytes: Span<UInt8>, _ decoder: inout BinaryDecoder) throws(AvroError) -> Datum {
        try decode(bytes, &decoder, storedBytes: bytes.count - decoder.position)
    }

    /// Decodes the value at the decoder's place, which came in some bytes as stored, perhaps compressed.
    func decode(
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder,
        storedBytes: Int
    ) throws(AvroError) -> Datum {
        decoder.beginDatum(storedBytes: storedBytes)
        return try decode(root, bytes, &decoder, depth: decoder.limits.depthMax)
    }
}

/// One instruction of a resolution.
///
/// Others are named by their number, so that recursive types are finite.
enum Step: Sendable {
    case null
    case boolean
    case int
    case long
    case float
    case double
    case bytes
    case string
    case intToLong
    case intToFloat
    case intToDouble
    case longToFloat
    case longToDouble
    case floatToDouble
    case stringToBytes
    case fixed(Int)
    /// The reader's symbol for each of the writer's, where it has one.
    case enumeration([String?])
    case array(Int)
    case map(Int)
    case record([FieldStep], template: [Datum.Entry])
    /// The writer's union: what to do for each branch.
    case choose([Int])
    /// The reader's union: the branch that the value stands in.
    case wrap(Int, Int)
    /// Not to be read; the message says why.
    case failure(String)
}

/// A field as the writer has it: how to read it, and where it goes in the reader's record, if anywhere.
struct FieldStep: Sendable {
    let step: Int
    let slot: Int?
}

extension Resolution {
    /// Recurses once for each level and holds little on the stack: values that hold no others are read elsewhere.
    private func decode(
        _ index: Int,
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder,
        depth: Int
    ) throws(AvroError) -> Datum {
        var index = index
        let branch = try followUnions(&index, bytes, &decoder)
        try decoder.spendValue()
        guard depth > 0 else {
            throw decoder.failure(.limit, "a value is nested deeper than \(decoder.limits.depthMax) levels")
        }
        let start = decoder.position
        let datum: Datum
        switch steps[index] {
        case .array(let item): datum = .array(try items(item, bytes, &decoder, depth: depth - 1))
        case .map(let value): datum = .map(try entries(value, bytes, &decoder, depth: depth - 1))
        case .record(let fields, let template):
            datum = .record(try record(fields, template, bytes, &decoder, depth: depth - 1))
        default: datum = try plain(steps[index], bytes, &decoder)
        }
        try decoder.spendEmptyValue(from: start)
        guard let branch else { return datum }
        return .union(branch, datum)
    }

    /// Goes to the step of the value itself; the result is the branch of the reader's union that it stands in.
    private func followUnions(
        _ index: inout Int,
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder
    ) throws(AvroError) -> Int? {
        var outer: Int?
        while true {
            switch steps[index] {
            case .choose(let branches):
                let branch = try decoder.readLong(bytes)
                guard branch >= 0, branch < branches.count else {
                    throw decoder.failure(.malformed, "a union of \(branches.count) has no branch \(branch)")
                }
                index = branches[Int(branch)]
            case .wrap(let branch, let inner):
                outer = branch
                index = inner
            default: return outer
            }
        }
    }

    /// A value that holds no others.
    private func plain(
        _ step: Step,
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder
    ) throws(AvroError) -> Datum {
        switch step {
        case .null: return .null
        case .boolean: return .boolean(try decoder.readBoolean(bytes))
        case .int: return .int(try decoder.readInt(bytes))
        case .long: return .long(try decoder.readLong(bytes))
        case .float: return .float(try decoder.readFloat(bytes))
        case .double: return .double(try decoder.readDouble(bytes))
        case .bytes, .stringToBytes: return .bytes(try decoder.readBytes(bytes))
        case .string: return .string(try decoder.readString(bytes))
        case .intToLong: return .long(Int64(try decoder.readInt(bytes)))
        case .intToFloat: return .float(Float(try decoder.readInt(bytes)))
        case .intToDouble: return .double(Double(try decoder.readInt(bytes)))
        case .longToFloat: return .float(Float(try decoder.readLong(bytes)))
        case .longToDouble: return .double(Double(try decoder.readLong(bytes)))
        case .floatToDouble: return .double(Double(try decoder.readFloat(bytes)))
        case .fixed(let size):
            let range = try decoder.readRange(bytes, count: size)
            return .fixed(BinaryDecoder.copy(bytes, range))
        case .enumeration(let symbols): return .enumeration(try symbol(from: symbols, bytes, &decoder))
        case .failure(let message): throw decoder.failure(.unresolvable, message)
        case .array, .map, .record, .choose, .wrap: preconditionFailure("only values that hold no others come here")
        }
    }

    private func record(
        _ fields: [FieldStep],
        _ template: [Datum.Entry],
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder,
        depth: Int
    ) throws(AvroError) -> [Datum.Entry] {
        var entries = template
        for field in fields {
            let value = try decode(field.step, bytes, &decoder, depth: depth)
            if let slot = field.slot { entries[slot].value = value }
        }
        return entries
    }

    private func symbol(
        from symbols: [String?],
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder
    ) throws(AvroError) -> String {
        let number = try decoder.readInt(bytes)
        guard number >= 0, number < symbols.count else {
            throw decoder.failure(.malformed, "an enum of \(symbols.count) has no symbol \(number)")
        }
        guard let symbol = symbols[Int(number)] else {
            throw decoder.failure(.unresolvable, "the reader's enum lacks the writer's symbol \(number)")
        }
        return symbol
    }

    private func items(
        _ item: Int,
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder,
        depth: Int
    ) throws(AvroError) -> [Datum] {
        var items: [Datum] = []
        while true {
            let count = try decoder.readBlockCount(bytes)
            if count == 0 { return items }
            for _ in 0..<count { items.append(try decode(item, bytes, &decoder, depth: depth)) }
        }
    }

    private func entries(
        _ value: Int,
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder,
        depth: Int
    ) throws(AvroError) -> [Datum.Entry] {
        var entries: [Datum.Entry] = []
        while true {
            let count = try decoder.readBlockCount(bytes)
            if count == 0 { return entries }
            for _ in 0..<count {
                let key = try decoder.readString(bytes)
                entries.append(Datum.Entry(key, try decode(value, bytes, &decoder, depth: depth)))
            }
        }
    }
}
