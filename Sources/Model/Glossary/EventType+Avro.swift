/// The namespace in front of an event type's own in an Avro record name.
public struct AvroNamespace: Hashable, Sendable {
    /// The text in front of the event type's name, without the dot between.
    public let prefix: String

    /// A namespace of that text.
    public init(prefix: String) {
        self.prefix = prefix
    }

    /// The namespace of records in files for a kind of destination, such as `S3`: `dataexport.S3.inner`.
    public static func files(kind: String) -> AvroNamespace {
        AvroNamespace(prefix: "dataexport.\(kind).inner")
    }

    /// The namespace of records in the journal, such as `courant.e2021`.
    ///
    /// It names the edition, so that two editions never share a fingerprint.
    public static func journal(edition: String) -> AvroNamespace {
        AvroNamespace(prefix: "courant.e\(edition)")
    }
}

extension EventType {
    /// The record's Avro schema as JSON: the fields in record order, nullable ones as a union with null in front
    /// and null as default.
    public func avroSchema(namespace: AvroNamespace) -> String {
        var text = "{\"type\":\"record\",\"name\":"
        JSONText.append(recordName, to: &text)
        text += ",\"namespace\":"
        JSONText.append("\(namespace.prefix).\(group)", to: &text)
        text += ",\"fields\":["
        for (position, field) in fields.enumerated() {
            text += position == 0 ? "{\"name\":" : ",{\"name\":"
            JSONText.append(field.name, to: &text)
            let type = field.type.avroSchema
            text += field.isRequired ? ",\"type\":\(type)}" : ",\"type\":[\"null\",\(type)],\"default\":null}"
        }
        text += "]}"
        return text
    }

    /// The schema of the type's records in the journal.
    public var journalSchema: String {
        avroSchema(namespace: .journal(edition: edition))
    }
}

extension FieldType {
    /// The Avro schema of a value that is there.
    var avroSchema: String {
        switch self {
        case .string, .int, .long, .float, .double, .boolean: "\"\(name)\""
        case .stringArray(nullableItems: false): "{\"type\":\"array\",\"items\":\"string\"}"
        case .stringArray(nullableItems: true): "{\"type\":\"array\",\"items\":[\"null\",\"string\"]}"
        }
    }
}
