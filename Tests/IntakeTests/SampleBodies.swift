import Avro
import Glossary
import Samples

@testable import Intake

/// Bodies of made-up events with every field that may be there: of every type of an edition in turn, each with an id
/// of its own.
struct SampleBodies {
    /// Something about an event that is not as in the sample.
    enum Change {
        case none
        /// No `user_id` where the type needs one and `external_user_id` is there.
        case noUser
        /// No id, fields that no edition has, and values that break rules.
        case odd
    }

    let shape: BodyShape
    let typeCount: Int
    /// How many of the types are without the `user_id` that they need.
    private(set) var derivedCount = 0
    /// Each type's event before its id and behind it.
    private var pieces: [(head: String, tail: String)] = []

    init(_ edition: Edition, _ shape: BodyShape, _ change: Change = .none) {
        self.shape = shape
        typeCount = edition.types.count
        for (index, type) in edition.types.enumerated() {
            let sample = SampleStream.one(of: type, seed: UInt64(index))
            var members = sample.values.map { JSONValue.Member($0.name, Self.json($0.value)) }
            if change == .noUser, type.field(named: "user_id")?.isRequired == true,
                sample.value(of: "external_user_id") != nil
            {
                members.removeAll { $0.key == "user_id" }
                derivedCount += 1
            }
            if change == .odd { Self.makeOdd(&members, type) }
            members.insert(JSONValue.Member("event_type", .string(type.name)), at: 0)
            if shape == .envelope { members = Self.enveloped(members, type) }
            let text = JSONValue.object(members).text
            let mark = "\"id\":\""
            guard change != .odd, let start = text.firstRange(of: mark)?.upperBound,
                let end = text[start...].firstIndex(of: "\"")
            else {
                pieces.append((text, ""))
                continue
            }
            pieces.append((String(text[..<start]), String(text[end...])))
        }
    }

    func text(_ count: Int) -> [UInt8] {
        let events = (0..<count).map { index in
            let piece = pieces[index % pieces.count]
            return piece.tail.isEmpty ? piece.head : "\(piece.head)an-id-of-some-length-\(index)\(piece.tail)"
        }
        return switch shape {
        case .flat: Array("[\(events.joined(separator: ","))]".utf8)
        case .lines: Array(events.joined(separator: "\n").utf8)
        case .envelope: Array("{\"events\":[\(events.joined(separator: ","))]}".utf8)
        }
    }

    private static func json(_ value: SampleValue) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .int(let number): .number("\(number)")
        case .double(let number): .number("\(number)")
        case .boolean(let isTrue): .boolean(isTrue)
        case .strings(let texts): .array(texts.map(JSONValue.string))
        }
    }

    private static func makeOdd(_ members: inout [JSONValue.Member], _ type: EventType) {
        let needsCampaign = type.field(named: "campaign_id")?.isRequired == true
        members.removeAll { $0.key == "id" || $0.key == "campaign_id" && !needsCampaign }
        for index in members.indices where members[index].key == "timezone" {
            members[index].value = .string("Nowhere/In_All_The_World")
        }
        for number in 0..<20 {
            members.append(JSONValue.Member("a_field_that_no_edition_has_\(number)", .number("\(number)")))
        }
    }

    /// The fields of the user in `user`, the others in `properties`, as the Custom HTTP envelope has them.
    private static func enveloped(_ members: [JSONValue.Member], _ type: EventType) -> [JSONValue.Member] {
        var top: [JSONValue.Member] = []
        var user: [JSONValue.Member] = []
        var properties: [JSONValue.Member] = []
        for member in members {
            switch member.key {
            case "event_type", "id", "time": top.append(member)
            case "user_id", "external_user_id", "device_id", "timezone": user.append(member)
            case "properties":
                let own = type.name.hasSuffix(".Purchase") ? "purchase_properties" : "custom_properties"
                properties.append(JSONValue.Member(own, ownProperties))
            default: properties.append(member)
            }
        }
        return top + [JSONValue.Member("user", .object(user)), JSONValue.Member("properties", .object(properties))]
    }

    private static let numbers = ["1234567890123456789", "-17", "19.99", "18446744073709551615"]

    private static let ownProperties = JSONValue.object([
        JSONValue.Member("a name that is longer than a word", .string("a \"value\"\nof two lines, longer than a word")),
        JSONValue.Member("numbers", .array(numbers.map(JSONValue.number))),
        JSONValue.Member("deep", .object([JSONValue.Member("flag", .boolean(true)), JSONValue.Member("none", .null)])),
    ])
}
