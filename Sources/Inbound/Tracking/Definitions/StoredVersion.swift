package import Avro

/// A version of a definition as the state has it: `["campaign","c-1",{…}]`, with null where it was removed.
///
/// JSON to the last character: an id may have any that a separator could be.
package struct StoredVersion: Sendable, Hashable {
    package let kind: Definition.Kind
    package let id: String
    /// Seconds since 1970.
    package let from: Int64
    package let json: JSONValue

    package init(_ kind: Definition.Kind, id: String, from: Int64, json: JSONValue) {
        self.kind = kind
        self.id = id
        self.from = from
        self.json = json
    }

    package init(_ text: String, from tail: String) throws(TrackingError) {
        guard let parts = (try? JSONValue(parsing: text))?.array, parts.count == 3,
            let kind = parts[0].string.flatMap(Definition.Kind.init(rawValue:)), let id = parts[1].string,
            let from = Int64(tail)
        else {
            let shown = text.utf8.prefix(60).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
            let message = """
                a definition in tracking's state cannot be read, it begins \(String(decoding: shown, as: UTF8.self)); \
                another version of Courant has written it: start that one
                """
            throw TrackingError(.state, message)
        }
        self.init(kind, id: id, from: from, json: parts[2])
    }

    package var text: String { JSONValue.array([.string(kind.rawValue), .string(id), json]).text }
}
