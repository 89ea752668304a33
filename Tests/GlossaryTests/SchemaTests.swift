import Foundation
import Glossary
import Testing

@Suite("Schemas and documents")
struct SchemaTests {
    private func object(_ json: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    }

    @Test("an Avro schema names the record as the public files do")
    func avroNames() throws {
        let schema = try standardType("users.messages.email.Click").avroSchema(namespace: .files(kind: "S3"))
        #expect(
            schema.hasPrefix(
                #"{"type":"record","name":"Click","namespace":"dataexport.S3.inner.users.messages.email","fields":["#
                    + #"{"name":"id","type":"string"},{"name":"user_id","type":"string"},"#
                    + #"{"name":"dispatch_id","type":["null","string"],"default":null},"#
            )
        )
        let update = try standardType("users.RandomBucketNumberUpdate").avroSchema(namespace: .files(kind: "GCS"))
        #expect(update.contains(#""name":"RandomBucketNumberUpdate","namespace":"dataexport.GCS.inner.users""#))
    }

    @Test("an Avro schema has the fields of the catalogue in order", arguments: ["2021", "v10"])
    func avroFields(edition: String) throws {
        for facts in try Catalogue.read(edition).events {
            let type = try standardType(facts.name, edition: edition)
            let fields = try #require(try object(type.journalSchema)["fields"] as? [[String: Any]])
            #expect(fields.compactMap { $0["name"] as? String } == facts.fields.map(\.name))
            for (field, fact) in zip(fields, facts.fields) {
                let union = field["type"] as? [Any]
                #expect((union == nil) == fact.required)
                if let union {
                    #expect(union.first as? String == "null" && union.count == 2 && field["default"] is NSNull)
                } else {
                    #expect(field["default"] == nil)
                }
                switch fact.type {
                case .named(let name): #expect((union?.last ?? field["type"]) as? String == name)
                case .array(let nullableItems):
                    let array = (union?.last ?? field["type"]) as? [String: Any]
                    #expect(array?["type"] as? String == "array")
                    #expect((array?["items"] as? [String] == ["null", "string"]) == nullableItems)
                }
            }
        }
    }

    @Test("no two types of any two editions share a journal schema's name")
    func journalNames() throws {
        var names: Set<String> = []
        for type in Glossary.standard.editions.flatMap(\.types) {
            let schema = try object(type.journalSchema)
            let name = "\(schema["namespace"] ?? "").\(schema["name"] ?? "")"
            #expect(name == "courant.e\(type.edition).\(type.name)")
            #expect(names.insert(name).inserted)
        }
        #expect(names.count == 136)
    }

    @Test("a JSON Schema names its draft, describes every field and requires what the record requires")
    func jsonSchemas() throws {
        for type in Glossary.standard.editions.flatMap(\.types) {
            let schema = try object(type.jsonSchema())
            #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
            let properties = try #require(schema["properties"] as? [String: [String: Any]])
            #expect(Set(properties.keys) == Set(["event_type"] + type.fields.map(\.name)))
            for field in type.fields {
                let description = try #require(properties[field.name]?["description"] as? String)
                #expect(description.hasPrefix(field.description))
                let types = properties[field.name]?["type"] as? [String]
                #expect((types?.contains("null") ?? false) != field.isRequired)
            }
            let required = try #require(schema["required"] as? [String])
            #expect(required == ["event_type"] + type.fields.filter(\.isRequired).map(\.name))
        }
        let time = try object(try standardType("users.canvas.Entry").jsonSchema())
        let bounds = (time["properties"] as? [String: [String: Any]])?["time"]
        #expect(bounds?["type"] as? String == "integer" && bounds?["maximum"] as? Int == 2_147_483_647)
        let alias = try object(try standardType("users.messages.sms.InboundReceive").jsonSchema())
        let names = (alias["properties"] as? [String: [String: Any]])?["event_type"]?["enum"] as? [String]
        #expect(names == ["users.messages.sms.InboundReceive", "users.messages.sms.InboundReceived"])
    }

    @Test("a type as JSON has its tags, and its fields when they are wanted")
    func json() throws {
        let type = try standardType("users.messages.pushnotification.Bounce")
        let short = try object(type.json(withFields: false))
        #expect(short["actions"] as? [String] == ["Sends", "Bounce"] && short["fields"] == nil)
        let fields = try #require(try object(type.json(withFields: true))["fields"] as? [[String: Any]])
        #expect(fields.count == type.fields.count)
        #expect(fields.first { $0["name"] as? String == "platform" }?["rule"] as? String == "platform_unknown")
    }

    @Test("the document has every type once, with all its fields, and every rule")
    func document() throws {
        let document = GlossaryDocument.markdown(.standard)
        for type in Glossary.standard.editions.flatMap(\.types) {
            let anchor =
                "<a id=\"\(type.edition)-\(type.name.lowercased().split(separator: ".").joined(separator: "-"))\">"
            let parts = document.components(separatedBy: anchor)
            #expect(parts.count == 2, "\(type.name)")
            let section = try #require(parts.last?.components(separatedBy: "\n### ").dropFirst().first)
            for field in type.fields { #expect(section.contains("| `\(field.name)` | ")) }
            #expect(section.contains(type.occurs))
        }
        for rule in Rule.general + FieldRule.allCases.map(\.rule) { #expect(document.contains("| `\(rule.code)` |")) }
        #expect(document == GlossaryDocument.markdown(.standard))
    }
}
