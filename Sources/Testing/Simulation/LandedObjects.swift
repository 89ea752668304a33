internal import Avro

/// A file as a destination has it, read back.
struct LandedObject: Sendable {
    struct Record: Sendable {
        let id: String
        let user: String
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
                records.append(Record(id: id, user: user))
            }
            self.type = type
            self.partition = partition
            self.first = first
            self.last = last
            self.records = records
            let schema = "dataexport."
            guard count == Int64(records.count) else {
                throw AvroError(.malformed, "its plan has \(count) records, it has \(records.count)")
            }
            guard key.contains("/event_type=\(type)/"), reader.header.schema.contains(schema) else {
                throw AvroError(.schema, "it holds \(type)")
            }
            guard key.hasSuffix("+\(partition)+\(first).avro") else {
                throw AvroError(.header, "its plan begins at \(partition)+\(first)")
            }
        } catch {
            throw SimulationError("\(key) is broken: \(error.message)")
        }
    }
}
