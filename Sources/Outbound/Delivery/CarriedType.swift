internal import Avro
package import Glossary
package import Journal

/// One event type that a connector carries, in the connector's edition.
package struct CarriedType: Sendable, Hashable {
    package let name: String
    package let edition: String
    /// The Avro schema of its records in files.
    package let schema: String
    /// The fields in record order; nil for a system type, which is only ever copied.
    package let fields: [Field]?

    package init(name: String, edition: String, schema: String, fields: [Field]?) {
        self.name = name
        self.edition = edition
        self.schema = schema
        self.fields = fields
    }
}

/// Every schema that records in the journal can have: all types of all editions, and the system types.
///
/// Made once for all connectors: each schema is parsed for its fingerprint.
package struct SchemaBook: Sendable {
    struct Source: Sendable {
        let fingerprint: UInt64
        let name: String
        let edition: String
        let fields: [Field]?
    }

    package let glossary: Glossary
    let system: [JournalSchema]
    let sources: [Source]

    package init(glossary: Glossary, system: [JournalSchema] = []) throws(DeliveryError) {
        self.glossary = glossary
        self.system = system
        var sources: [Source] = []
        for edition in glossary.editions {
            for type in edition.types {
                let fingerprint: UInt64
                do throws(AvroError) {
                    fingerprint = try Schema(json: type.journalSchema).fingerprint.rawValue
                } catch {
                    throw DeliveryError(.settings, "the schema of \(type.name) of edition \(edition.name): \(error)")
                }
                sources.append(
                    Source(fingerprint: fingerprint, name: type.name, edition: edition.name, fields: type.fields)
                )
            }
        }
        for schema in system {
            sources.append(
                Source(fingerprint: schema.fingerprint, name: schema.name, edition: schema.edition, fields: nil)
            )
        }
        self.sources = sources
    }

    /// The types of an edition that pass a filter, as files of one kind have them.
    ///
    /// System types are carried only when named, never by a pattern: their raw bytes evade privacy rules.
    func types(matching filter: Filter, edition: String, kind: DestinationKind) throws(DeliveryError) -> [CarriedType] {
        guard let known = glossary.edition(edition) else {
            let names = glossary.editions.map(\.name).joined(separator: ", ")
            throw DeliveryError(.settings, "there is no edition “\(edition)”; there are \(names)")
        }
        var types: [CarriedType] = []
        let named = system.filter { filter.events.contains($0.name) }
        // A filter whose only names are system types must not be read as one without names.
        if named.isEmpty || filter.events.contains(where: { name in !named.contains { $0.name == name } }) {
            for type in known.types(matching: filter) {
                types.append(Self.carried(type, kind: kind))
            }
        }
        for schema in named {
            types.append(
                CarriedType(name: schema.name, edition: schema.edition, schema: schema.json, fields: nil)
            )
        }
        return types
    }

    /// One type of one edition, for a plan that is carried out after the settings changed.
    func type(named name: String, edition: String, kind: DestinationKind) -> CarriedType? {
        if let type = glossary.edition(edition)?.type(named: name) { return Self.carried(type, kind: kind) }
        return system.first { $0.name == name && $0.edition == edition }.map {
            CarriedType(name: $0.name, edition: $0.edition, schema: $0.json, fields: nil)
        }
    }

    /// The name that a source's type has in an edition, through aliases.
    func name(of source: Source, in edition: String) -> String {
        source.fields == nil ? source.name : glossary.edition(edition)?.type(named: source.name)?.name ?? source.name
    }

    private static func carried(_ type: EventType, kind: DestinationKind) -> CarriedType {
        CarriedType(
            name: type.name,
            edition: type.edition,
            schema: type.avroSchema(namespace: .files(kind: kind.rawValue)),
            fields: type.fields
        )
    }
}
