import Avro
import Platform
import Tracking

/// The JSON of a report or a definition.
struct TrackingBody: Sendable {
    let json: JSONValue

    /// Every fault in it is the sender's and says where it lies.
    init(_ bytes: [UInt8]) throws(RouteError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .bad("body_invalid", "The body is not UTF-8.")
        }
        do throws(AvroError) {
            json = try JSONValue(parsing: text)
        } catch {
            let place = error.position.map { " (at byte \($0))" } ?? ""
            throw .bad("body_invalid", "The body is not the JSON that this address takes: \(error.message)\(place).")
        }
    }

    /// The same for two bodies that mean the same: without white space, members in the order of their names.
    var meaning: [UInt8] {
        Array(Self.sorted(json).text.utf8)
    }

    /// What the body says, read by a room.
    func read<Value>(_ work: (JSONValue) throws(DefinitionError) -> Value) throws(RouteError) -> Value {
        do throws(DefinitionError) {
            return try work(json)
        } catch {
            throw RouteError(error)
        }
    }

    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .boolean, .number, .string: value
        case .array(let items): .array(items.map(sorted))
        case .object(let members):
            .object(
                members.map { JSONValue.Member($0.key, sorted($0.value)) }
                    .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            )
        }
    }
}

/// How a message lists the names that there are, without growing past what a person reads.
enum NameList {
    private static let shownMax = 10

    /// `there are a, b`, the likely one first named where there is one.
    static func told(_ names: [String], near name: String) -> String {
        guard !names.isEmpty else { return "there are none" }
        let left = names.count - shownMax
        let list = names.prefix(shownMax).joined(separator: ", ") + (left > 0 ? " and \(left) more" : "")
        let hint = NearMiss.suggestion(for: name, among: names).map { "did you mean \($0)? There" } ?? "there"
        return "\(hint) \(names.count == 1 ? "is" : "are") \(list)"
    }
}
