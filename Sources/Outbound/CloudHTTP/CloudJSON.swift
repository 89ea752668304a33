internal import Foundation

/// JSON of credential services, a few hundred bytes once an hour.
///
/// The one place of this room that uses Foundation: events never pass here.
package enum CloudJSON {
    /// Nil if the bytes are no JSON, or not of that shape.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) -> Value? {
        try? JSONDecoder().decode(type, from: Data(bytes))
    }

    /// JSON on one line, the same for the same value.
    package static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("texts and whole numbers can be written as JSON")
        }
        return Array(data)
    }
}
