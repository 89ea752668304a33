internal import Avro
internal import Delivery

/// How the records of one event type become messages.
struct RecordForm: Sendable {
    /// What stands in the value.
    enum Value: Sendable {
        /// These bytes and behind them the datum, without the fields that are left out.
        case avro(head: [UInt8])
        case json(Resolution)
    }

    let topic: String
    private let type: CarriedType
    private let value: Value
    private let fields: [RecordSchema.Field]
    /// Places of the fields of those names, where the type has them.
    private let id: Int?
    private let key: Int?
    /// Fields that are not sent, in their order.
    private let leftOut: [Int]
    /// How far into a datum one has to look.
    private let depth: Int

    /// `schema` is that of the records as they come.
    init(
        _ type: CarriedType,
        schema: RecordSchema,
        value: Value,
        as configuration: KafkaConfiguration
    ) {
        topic = configuration.topic.topic(ofType: type.name, edition: type.edition)
        self.type = type
        self.value = value
        let fields = schema.fields
        self.fields = fields
        id = fields.firstIndex { $0.name == "id" }
        key = configuration.key == .none ? nil : fields.firstIndex { $0.name == configuration.key.rawValue }
        leftOut = fields.indices.filter { configuration.leavesOut(fields[$0].name) }
        depth = (leftOut + [id, key].compactMap { $0 }).max().map { $0 + 1 } ?? 0
    }

    /// What a schema becomes when the fields are gone that are not sent.
    static func sentSchema(_ schema: RecordSchema, as configuration: KafkaConfiguration) -> Schema {
        var sent = schema
        sent.fields.removeAll { configuration.leavesOut($0.name) }
        return .record(sent)
    }

    /// The message of one record, whose datum lies in `bytes`.
    func message(_ bytes: [UInt8], _ datum: Range<Int>) throws(AvroError) -> KafkaMessage {
        let span = bytes.span
        let places = try places(in: span, of: datum)
        let text = { (field: Int?) throws(AvroError) -> [UInt8]? in
            guard let field, let content = places[field].content else { return nil }
            return Array(bytes[content])
        }
        var headers = [(name: "event_type", value: Array(type.name.utf8))]
        if let id = try text(id) { headers.append(("id", id)) }
        headers.append(("edition", Array(type.edition.utf8)))
        return KafkaMessage(
            topic: topic,
            key: try text(key),
            value: try encoded(bytes, datum, without: leftOut.map { places[$0].whole }),
            headers: headers
        )
    }

    private func encoded(
        _ bytes: [UInt8],
        _ datum: Range<Int>,
        without holes: [Range<Int>]
    ) throws(AvroError) -> [UInt8] {
        switch value {
        case .avro(let head):
            var output = head
            output.reserveCapacity(head.count + datum.count)
            var position = datum.lowerBound
            for hole in holes {
                output.append(contentsOf: bytes[position..<hole.lowerBound])
                position = hole.upperBound
            }
            output.append(contentsOf: bytes[position..<datum.upperBound])
            return output
        case .json(let resolution):
            guard case .record(let entries) = try resolution.decode(bytes.span.extracting(datum)) else {
                preconditionFailure("an event's schema is a record's")
            }
            let filled = entries.enumerated().filter { index, entry in
                entry.value.unwrapped != .null && !leftOut.contains(index)
            }.map(\.element)
            var output: [UInt8] = []
            Datum.record([Datum.Entry("event_type", .string(type.name))] + filled).appendJSON(to: &output)
            return output
        }
    }

    /// Where a field lies.
    private struct Place {
        var whole: Range<Int>
        /// The bytes of a text that is there.
        var content: Range<Int>?
    }

    private func places(in bytes: Span<UInt8>, of datum: Range<Int>) throws(AvroError) -> [Place] {
        var decoder = BinaryDecoder(at: datum.lowerBound)
        var places: [Place] = []
        places.reserveCapacity(depth)
        for field in fields.prefix(depth) {
            let start = decoder.position
            let content = try Self.skip(field.schema, bytes, &decoder)
            places.append(Place(whole: start..<decoder.position, content: content))
        }
        guard decoder.position <= datum.upperBound else {
            throw decoder.failure(.truncated, "a record's fields lead out of it")
        }
        return places
    }

    /// Steps over a value of the kinds that events have, and returns where its text lies if it is one.
    private static func skip(
        _ schema: Schema,
        _ bytes: Span<UInt8>,
        _ decoder: inout BinaryDecoder
    ) throws(AvroError) -> Range<Int>? {
        switch schema.base {
        case .null: return nil
        case .boolean: _ = try decoder.readBoolean(bytes)
        case .int, .long: _ = try decoder.readLong(bytes)
        case .float: _ = try decoder.readRange(bytes, count: 4)
        case .double: _ = try decoder.readRange(bytes, count: 8)
        case .string, .bytes: return try decoder.readLengthPrefixed(bytes)
        case .union(let branches):
            let branch = try decoder.readLong(bytes)
            guard let index = Int(exactly: branch), branches.indices.contains(index) else {
                throw decoder.failure(.malformed, "a union has no branch \(branch)")
            }
            return try skip(branches[index], bytes, &decoder)
        case .array(let items):
            while case let count = try decoder.readBlockCount(bytes), count > 0 {
                for _ in 0..<count { _ = try skip(items, bytes, &decoder) }
            }
        default: throw decoder.failure(.schema, "an event has no field of the kind \(schema.kind)")
        }
        return nil
    }
}
