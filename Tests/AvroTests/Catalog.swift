import Avro
import Foundation
import Testing

/// The field facts of both editions, as record schemas.
enum Catalog {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    /// Name and schema of each event type, `2021` first.
    static func types() throws -> [(name: String, schema: Schema)] {
        var types: [(name: String, schema: Schema)] = []
        for edition in ["2021", "v10"] {
            let file = root.appending(path: "Fixtures/catalog/edition-\(edition).json")
            let catalog = try JSONValue(parsing: try String(contentsOf: file, encoding: .utf8))
            for event in try #require(catalog["events"]?.array) {
                let name = try #require(event["name"]?.string)
                let fields = try #require(event["fields"]?.array).map { try field($0) }
                let full = SchemaName("dataexport.S3.inner." + name)
                types.append(("\(edition).\(name)", .record(RecordSchema(name: full, fields: fields))))
            }
        }
        return types
    }

    private static func field(_ json: JSONValue) throws -> RecordSchema.Field {
        let name = try #require(json["name"]?.string)
        let schema = try schema(#require(json["type"]))
        return json["required"] == .boolean(true)
            ? .init(name, schema) : .init(name, .union([.null, schema]), default: .null)
    }

    private static func schema(_ json: JSONValue) throws -> Schema {
        switch json {
        case .array(let branches): .union(try branches.map { try schema($0) })
        case .object: .array(try schema(#require(json["array"])))
        default: try Schema(json: json.text)
        }
    }
}
