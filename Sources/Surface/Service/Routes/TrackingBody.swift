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

    /// The same for two bodies that mean the same: without white space, members in the order of their names and without
    /// those that are null, numbers in one form.
    var meaning: [UInt8] {
        Array(Self.plain(json).text.utf8)
    }

    /// What the body says, read by a room.
    func read<Value>(_ work: (JSONValue) throws(DefinitionError) -> Value) throws(RouteError) -> Value {
        do throws(DefinitionError) {
            return try work(json)
        } catch {
            throw RouteError(error)
        }
    }

    private static func plain(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .boolean, .string: value
        case .number(let text): .number(plain(number: text))
        case .array(let items): .array(items.map(plain))
        case .object(let members):
            .object(
                members.filter { $0.value != .null }
                    .map { JSONValue.Member($0.key, plain($0.value)) }
                    .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            )
        }
    }

    /// Powers of ten up to which a number is written out: few letters must not become many.
    private static let powerMax = 30

    /// One text for all forms of a JSON number: `5` for `5.0` and `0.5e1`, `0` for `-0`.
    static func plain(number text: String) -> String {
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        guard text.utf8.count > powerMax || !text.utf8.allSatisfy(isDigit) else { return text }
        let parts = text.split(whereSeparator: { $0 == "e" || $0 == "E" })
        // A power that no number of ours comes near stays as it is written.
        guard let power = parts.count == 1 ? 0 : Int32(parts[1]) else { return text }
        let sign = text.hasPrefix("-") ? "-" : ""
        let halves = parts[0].dropFirst(sign.count).split(separator: ".")
        let fraction = halves.count == 1 ? Substring() : halves[1]
        let digits = (halves[0] + fraction).drop { $0 == "0" }
        guard let last = digits.lastIndex(where: { $0 != "0" }) else { return "0" }
        let kept = digits[...last]
        let exponent = Int(power) - fraction.count + (digits.count - kept.count)
        guard (-powerMax...powerMax).contains(exponent) else { return "\(sign)\(kept)e\(exponent)" }
        guard exponent < 0 else { return "\(sign)\(kept)\(String(repeating: "0", count: exponent))" }
        let padded = String(repeating: "0", count: max(0, 1 - exponent - kept.count)) + kept
        return "\(sign)\(padded.dropLast(-exponent)).\(padded.suffix(-exponent))"
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
