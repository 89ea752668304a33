import Avro
import Delivery
import Glossary
import Journal
import Testing

/// Records of the standard glossary, as a connector to Kafka gets them.
enum Records {
    static let open = "users.messages.email.Open"
    static let click = "users.messages.email.Click"
    static let push = "users.messages.pushnotification.Send"

    static func type(_ name: String, edition: String = "2021") throws -> CarriedType {
        let type = try #require(Glossary.standard.edition(edition)?.type(named: name))
        return CarriedType(
            name: type.name,
            edition: type.edition,
            schema: type.avroSchema(namespace: .files(kind: DestinationKind.kafka.rawValue)),
            fields: type.fields
        )
    }

    /// Required texts say their field's name, required numbers are 7; the rest is null but for `values`.
    ///
    /// `schema` may lack some of the type's fields.
    static func datum(_ type: CarriedType, _ values: [String: String], in schema: Schema? = nil) throws -> [UInt8] {
        var encoder = BinaryEncoder()
        let schema = try schema ?? Schema(json: type.schema)
        let names = try #require(schema.recordSchema).fields.map(\.name)
        let entries = try #require(type.fields).filter { names.contains($0.name) }.map { field -> Datum.Entry in
            let value = value(of: field, values[field.name])
            if field.isRequired { return Datum.Entry(field.name, value ?? empty(field.type)) }
            return Datum.Entry(field.name, value.map { .union(1, $0) } ?? .union(0, .null))
        }
        try encoder.encode(.record(entries), as: schema)
        return encoder.bytes
    }

    private static func value(of field: Field, _ text: String?) -> Datum? {
        switch field.type {
        case .string: (text ?? (field.isRequired ? field.name : nil)).map { .string($0) }
        case .boolean: text.map { .boolean($0 == "true") }
        default: nil
        }
    }

    private static func empty(_ type: FieldType) -> Datum {
        switch type {
        case .string: .string("")
        case .int: .int(7)
        case .long: .long(7)
        case .float: .float(7)
        case .double: .double(7)
        case .boolean: .boolean(true)
        case .stringArray: .array([])
        }
    }

    static func batch(
        _ records: [(type: CarriedType, values: [String: String])],
        from offset: Int64 = 0,
        partition: Int = 0
    ) throws -> StreamBatch {
        var types: [CarriedType] = []
        for record in records where !types.contains(record.type) { types.append(record.type) }
        var batch = StreamBatch(partition: PartitionID(partition), types: types)
        for (index, record) in records.enumerated() {
            let start = batch.bytes.count
            batch.bytes += try datum(record.type, record.values)
            batch.records.append(
                StreamBatch.Record(
                    offset: Offset(offset + Int64(index)),
                    type: try #require(types.firstIndex(of: record.type)),
                    datum: start..<batch.bytes.count
                )
            )
        }
        return batch
    }
}
