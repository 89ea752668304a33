import Glossary

/// The rules that hold in every source, because the record cannot be stored otherwise.
enum EventRules {
    /// `text` is the time as it was sent.
    static func timeOutOfRange(_ text: String, _ value: Double) -> Rejection {
        // The thirteen digits of milliseconds reach from the year 2001 to 2286.
        let hint = 1e12..<1e13 ~= value ? "; this looks like milliseconds" : ""
        return Rejection(
            Rule.timeOutOfRange.code,
            field: "time",
            "time is UTC seconds since 1970 and fits in 32 bits, such as 1700000000: \(text) does not\(hint)",
            isSetAside: true
        )
    }

    static func tooLarge(_ bytes: Int, max: Int) -> Rejection {
        Rejection(
            Rule.sizeOverLimit.code,
            "the event's JSON is \(bytes) bytes; at most \(max) are taken",
            isSetAside: true
        )
    }
}

extension EventEncoder {
    static func missing(_ type: EventType, _ slot: Int) -> Rejection {
        let field = type.fields[slot]
        let needed = "\(type.name) needs \(field.name), \(article(field.type)): \(field.description)"
        let isDerivable = field.name == "user_id" && type.fields.contains { $0.name == "external_user_id" }
        return Rejection(
            Rejection.Code.fieldMissing,
            field: field.name,
            isDerivable ? "\(needed) A lenient source derives it from external_user_id." : needed
        )
    }

    static func wrongType(_ tag: UInt8, _ field: Field, item: Bool = false) -> Rejection {
        let expected = item ? "a string in each place of the array" : article(field.type)
        return Rejection(
            Rejection.Code.fieldWrongType,
            field: field.name,
            "\(field.name) is \(expected), not \(name(of: tag, isInteger: field.type.isInteger))"
        )
    }

    static func outOfRange(_ value: String, _ field: Field) -> Rejection {
        Rejection(
            Rejection.Code.numberOutOfRange,
            field: field.name,
            "\(field.name) is \(article(field.type)); \(value) is out of its range"
        )
    }

    private static func article(_ type: FieldType) -> String {
        switch type {
        case .string: "a string"
        case .int: "an integer of 32 bits"
        case .long: "an integer of 64 bits"
        case .float: "a number of single precision"
        case .double: "a number"
        case .boolean: "true or false"
        case .stringArray: "an array of strings"
        }
    }

    private static func name(of tag: UInt8, isInteger: Bool) -> String {
        switch tag {
        case Tape.Tag.object: "an object"
        case Tape.Tag.array: "an array"
        case Tape.Tag.string: "a string"
        case Tape.Tag.integer, Tape.Tag.unsigned: "an integer"
        case Tape.Tag.double: isInteger ? "a number with a fraction or exponent" : "a number"
        case Tape.Tag.yes, Tape.Tag.no: "true or false"
        default: "null"
        }
    }
}
