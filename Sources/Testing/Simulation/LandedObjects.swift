internal import Avro

/// A file as a destination has it, read back.
struct LandedObject: Sendable {
    struct Record: Sendable {
        let id: String
        let user: String
        /// Its fields that are not null; what is no string, as JSON.
        let fields: [String: String]
    }

    let key: String
    let type: String
    let partition: Int64
    let first: Int64
    let last: Int64
    let records: [Record]

    /// - Throws: `SimulationError` that says what is wrong with it.
    init(_ bytes: [UInt8], key: String) throws(SimulationError) {
        self.key = key
        do throws(AvroError) {
            var reader = try ContainerReader(ArraySource(bytes))
            let plan = reader.header.metadata.first { $0.key == "courant.plan" }?.value ?? []
            let tag = try JSONValue(parsing: String(decoding: plan, as: UTF8.self))
            guard let type = tag["type"]?.string, let partition = tag["partition"]?.integer,
                let first = tag["first"]?.integer, let last = tag["last"]?.integer, let count = tag["count"]?.integer
            else { throw AvroError(.header, "it names no plan") }
            var records: [Record] = []
            while let datum = try reader.next() {
                guard case .string(let id)? = datum["id"], case .string(let user)? = datum["user_id"] else {
                    throw AvroError(.malformed, "a record has no id or no user")
                }
                records.append(Record(id: id, user: user, fields: Self.fields(of: datum)))
            }
            self.type = type
            self.partition = partition
            self.first = first
            self.last = last
            self.records = records
            let schema = try JSONValue(parsing: reader.header.schema)
            let name = [schema["namespace"]?.string, schema["name"]?.string].compactMap(\.self).joined(separator: ".")
            guard count == Int64(records.count) else {
                throw AvroError(.malformed, "its plan has \(count) records, it has \(records.count)")
            }
            guard key.contains("/event_type=\(type)/"), name.hasSuffix(".inner.\(type)") else {
                throw AvroError(.schema, "its plan has \(type), its schema \(name)")
            }
            guard key.hasSuffix("+\(partition)+\(first).avro") else {
                throw AvroError(.header, "its plan begins at \(partition)+\(first)")
            }
        } catch {
            throw SimulationError("\(key) is broken: \(error.message)")
        }
    }

    private static func fields(of datum: Datum) -> [String: String] {
        guard case .record(let entries) = datum else { return [:] }
        var fields: [String: String] = [:]
        for entry in entries {
            switch entry.value.unwrapped {
            case .null: continue
            case .string(let text): fields[entry.name] = text
            case let other: fields[entry.name] = other.json
            }
        }
        return fields
    }
}
