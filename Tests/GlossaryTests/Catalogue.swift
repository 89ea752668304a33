import Foundation
import Glossary
import Testing

/// The facts that both editions are compared with, as other people wrote them down.
struct Catalogue: Decodable {
    struct EventFacts: Decodable {
        let name: String
        let title: String?
        let section: String?
        let channels: [String]?
        let actions: [String]?
        let occurs: String?
        let aliases: [String]?
        let fields: [FieldFacts]
    }

    struct FieldFacts: Decodable {
        let name: String
        let type: TypeFacts
        let required: Bool
        let group: String?
        let pii: Bool?
        let note: String?
        let page: Int?
    }

    /// A name, or `{"array": "string"}`, or `{"array": ["null", "string"]}`.
    enum TypeFacts: Decodable {
        case named(String)
        case array(nullableItems: Bool)

        private struct Items: Decodable {
            let array: Item

            enum Item: Decodable {
                case one(String)
                case union([String])

                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    if let name = try? container.decode(String.self) {
                        self = .one(name)
                    } else {
                        self = .union(try container.decode([String].self))
                    }
                }
            }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let name = try? container.decode(String.self) {
                self = .named(name)
                return
            }
            switch try container.decode(Items.self).array {
            case .one("string"): self = .array(nullableItems: false)
            case .union(["null", "string"]): self = .array(nullableItems: true)
            case .one, .union:
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "an array of something else")
            }
        }

        var name: String {
            switch self {
            case .named(let name): name
            case .array(let nullableItems): nullableItems ? "array<string?>" : "array<string>"
            }
        }
    }

    let edition: String
    let events: [EventFacts]

    static func read(_ edition: String) throws -> Catalogue {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appending(path: "Fixtures/catalog/edition-\(edition).json")
        return try JSONDecoder().decode(Catalogue.self, from: Data(contentsOf: file))
    }
}

/// The type of that name in an edition of the standard glossary.
func standardType(_ name: String, edition: String = "2021") throws -> EventType {
    try #require(Glossary.standard.edition(edition)?.type(named: name))
}

/// Whether a text keeps a rule.
func holds(_ rule: FieldRule, _ text: String) -> Bool {
    rule.holds(for: Array(text.utf8).span)
}
