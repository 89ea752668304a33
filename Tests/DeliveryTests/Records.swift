import Avro
import Delivery
import Glossary

/// Records as Intake would write them, with fields that a test can look for.
enum Records {
    static let open = "users.messages.email.Open"
    static let click = "users.messages.email.Click"
    static let send = "users.messages.email.Send"
    static let entry = "users.canvas.Entry"

    static func type(_ name: String, edition: String = "2021") -> EventType {
        guard let type = Glossary.standard.edition(edition)?.type(named: name) else {
            preconditionFailure("\(name) is in edition \(edition)")
        }
        return type
    }

    static func fingerprint(_ type: EventType) -> UInt64 {
        guard let schema = try? Schema(json: type.journalSchema) else {
            preconditionFailure("the schema of \(type.name) is one")
        }
        return schema.fingerprint.rawValue
    }

    /// A record whose `id` is given; every third nullable field has a value, `time` is `time`.
    static func datum(_ type: EventType, id: String, time: Int64 = 1_750_000_000, filler: Int = 0) -> [UInt8] {
        var encoder = BinaryEncoder()
        for (index, field) in type.fields.enumerated() {
            let isNull = !field.isRequired && index % 3 != 0
            if !field.isRequired { encoder.writeLong(isNull ? 0 : 1) }
            if isNull { continue }
            switch field.type {
            case .string:
                encoder.writeString(
                    field.name == "id" ? id : field.name + String(repeating: "x", count: field.isRequired ? filler : 0)
                )
            case .int, .long: encoder.writeLong(field.name == "time" ? time : Int64(index))
            case .float: encoder.writeFloat(Float(index))
            case .double: encoder.writeDouble(Double(index))
            case .boolean: encoder.writeBoolean(index % 2 == 0)
            case .stringArray(let nullableItems):
                encoder.writeLong(1)
                if nullableItems { encoder.writeLong(1) }
                encoder.writeString("item")
                encoder.writeLong(0)
            }
        }
        return encoder.withBytes { span in
            var bytes: [UInt8] = []
            for index in 0..<span.count { bytes.append(span[index]) }
            return bytes
        }
    }

    static func record(
        _ name: String,
        id: String,
        edition: String = "2021",
        time: Int64 = 1_750_000_000,
        filler: Int = 0
    ) -> (fingerprint: UInt64, datum: [UInt8]) {
        let type = type(name, edition: edition)
        return (fingerprint(type), datum(type, id: id, time: time, filler: filler))
    }
}

/// A glossary of one type, `users.test.Happening`, whose `time` is an int in edition 1 and a long in edition 2.
enum NarrowAndWide {
    static let type = "users.test.Happening"

    static let text: String = {
        var text = "describe id user -- Id.\ndescribe time user -- Time.\n"
        for (edition, time) in [("1", "int"), ("2", "long")] {
            text += "edition \(edition)\ntype \(type)\n  title Happening\n  section message engagement\n"
            text += "  channels Email\n  actions Sends\n  occurs it happens\n  field id string\n  field time \(time)\n"
        }
        return text
    }()
}
