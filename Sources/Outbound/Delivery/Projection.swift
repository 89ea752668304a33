internal import Glossary

/// Turns datums of one edition's type into another's by copying field slices.
///
/// Compiled once for a pair of types. A field that the source lacks becomes null, or an empty value where null is not
/// allowed; a field that the target lacks is left out. Integers keep their encoding, which is the same for `int` and
/// `long`; one that does not fit, or a type that cannot become the other, sets the record aside.
struct Projection: Sendable {
    /// Why a record cannot be projected.
    enum Obstacle: Error, Sendable, Equatable {
        /// The datum ends early or has a length that leads out of it.
        case malformed
        /// An integer does not fit the target's `int`.
        case outOfRange(field: Int)
        /// The field's types do not convert.
        case incompatible(field: Int)
    }

    enum Conversion: Sendable, Equatable {
        case none
        case longToInt
        case integerToFloat
        case integerToDouble
        case floatToDouble
        case impossible
    }

    /// What to write for one target field.
    enum Step: Sendable, Equatable {
        case constant([UInt8])
        case copy(source: Int, conversion: Conversion, toNullable: Bool, ifNull: [UInt8])
        /// A text that another stands for.
        case replace(source: Int, PrivacyTreatment, toNullable: Bool, ifNull: [UInt8])
    }

    let source: [FieldShape]
    let steps: [Step]
    let names: [String]

    /// With `treatments`, one for each target field, some of the values do not come through as they are.
    init(from source: [Field], to target: [Field], treatments: [PrivacyTreatment]? = nil) {
        self.source = source.map(FieldShape.init)
        names = target.map(\.name)
        steps = target.enumerated().map { place, field in
            let absent = field.isRequired ? Self.emptyValue(of: field.type) : [0]
            let treatment = treatments?[place] ?? .keep
            guard treatment != .null, let index = source.firstIndex(where: { $0.name == field.name }) else {
                return .constant(absent)
            }
            let conversion = Self.conversion(from: source[index].type, to: field.type)
            guard treatment == .keep || conversion == .impossible else {
                return .replace(source: index, treatment, toNullable: !field.isRequired, ifNull: absent)
            }
            return .copy(source: index, conversion: conversion, toNullable: !field.isRequired, ifNull: absent)
        }
    }

    /// Whether the bytes of one are the bytes of the other.
    static func isCopy(from source: [Field], to target: [Field]) -> Bool {
        source.count == target.count
            && zip(source, target).allSatisfy { from, to in
                from.name == to.name && from.isRequired == to.isRequired
                    && (from.type == to.type || (from.type == .int && to.type == .long))
            }
    }

    /// Appends the projected datum to `output`; on an obstacle `output` is as it was.
    func append(
        _ datum: UnsafeRawBufferPointer,
        to output: inout [UInt8],
        scratch: inout ProjectionScratch
    ) -> Obstacle? {
        let start = output.count
        do throws(Obstacle) {
            try unsafe scratch.measure(datum, as: source)
            for (field, step) in steps.enumerated() {
                switch step {
                case .constant(let bytes): output.append(contentsOf: bytes)
                case .copy(let source, let conversion, let toNullable, let ifNull):
                    let value = scratch.values[source]
                    guard !value.isNull else {
                        output.append(contentsOf: ifNull)
                        continue
                    }
                    if toNullable { output.append(2) }
                    let slice = unsafe UnsafeRawBufferPointer(rebasing: datum[value.start..<value.end])
                    if conversion == .none {
                        unsafe output.append(contentsOf: slice)
                    } else {
                        try unsafe Self.convert(slice, conversion, field: field, to: &output)
                    }
                case .replace(let source, let treatment, let toNullable, let ifNull):
                    let value = scratch.values[source]
                    guard !value.isNull else {
                        output.append(contentsOf: ifNull)
                        continue
                    }
                    if toNullable { output.append(2) }
                    let slice = unsafe UnsafeRawBufferPointer(rebasing: datum[value.start..<value.end])
                    guard let text = unsafe DatumWalk.text(slice) else { throw .malformed }
                    unsafe treatment.append(replacing: text, to: &output)
                }
            }
            return nil
        } catch {
            output.removeSubrange(start...)
            return error
        }
    }

    /// The obstacle in words.
    func sentence(for obstacle: Obstacle) -> String {
        switch obstacle {
        case .malformed: "the record's bytes do not follow its schema"
        case .outOfRange(let field): "\(names[field]) does not fit 32 bits, which this edition gives it"
        case .incompatible(let field): "\(names[field]) has a type that this edition's cannot take"
        }
    }

    private static func conversion(from source: FieldType, to target: FieldType) -> Conversion {
        switch (source, target) {
        case (.int, .long): .none
        case (.long, .int): .longToInt
        case (.int, .float), (.long, .float): .integerToFloat
        case (.int, .double), (.long, .double): .integerToDouble
        case (.float, .double): .floatToDouble
        case (.stringArray(nullableItems: let from), .stringArray(nullableItems: let to)):
            from == to ? .none : .impossible
        default: source == target ? .none : .impossible
        }
    }

    private static func convert(
        _ slice: UnsafeRawBufferPointer,
        _ conversion: Conversion,
        field: Int,
        to output: inout [UInt8]
    ) throws(Obstacle) {
        switch conversion {
        case .none: unsafe output.append(contentsOf: slice)
        case .longToInt:
            guard let value = unsafe DatumWalk.integer(slice), Int32(exactly: value) != nil else {
                throw .outOfRange(field: field)
            }
            unsafe output.append(contentsOf: slice)
        case .integerToFloat:
            guard let value = unsafe DatumWalk.integer(slice) else { throw .malformed }
            output.append(littleEndian: Float(value).bitPattern)
        case .integerToDouble:
            guard let value = unsafe DatumWalk.integer(slice) else { throw .malformed }
            output.append(littleEndian: Double(value).bitPattern)
        case .floatToDouble:
            let bits = unsafe slice.loadUnaligned(as: UInt32.self)
            output.append(littleEndian: Double(Float(bitPattern: UInt32(littleEndian: bits))).bitPattern)
        case .impossible: throw .incompatible(field: field)
        }
    }

    /// The empty string, zero, false, the empty array.
    private static func emptyValue(of type: FieldType) -> [UInt8] {
        switch type {
        case .string, .int, .long, .boolean, .stringArray: [0]
        case .float: [0, 0, 0, 0]
        case .double: [0, 0, 0, 0, 0, 0, 0, 0]
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
