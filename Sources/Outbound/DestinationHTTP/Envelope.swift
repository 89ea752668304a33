internal import Avro
internal import Delivery
internal import Synchronization

/// Makes the body of a request: `{"events":[{event_type,id,time,user,properties}]}`.
///
/// Null fields are left out. The JSON text that flat files have in `properties` is an object here, under the name that
/// the envelope has for it.
final class Envelope: Sendable {
    private static let userFields: Set = ["user_id", "external_user_id", "device_id", "timezone"]

    private let resolutions = Mutex<[CarriedType: Resolution]>([:])

    /// - Throws: `AvroError` for a datum that does not follow its type's schema.
    func body(of batch: StreamBatch) throws(AvroError) -> [UInt8] {
        var body = Array("{\"events\":[".utf8)
        for (index, record) in batch.records.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            let type = batch.types[record.type]
            try append(try resolution(of: type).decode(batch.bytes.span.extracting(record.datum)), of: type, to: &body)
        }
        body.append(contentsOf: "]}".utf8)
        return body
    }

    private func resolution(of type: CarriedType) throws(AvroError) -> Resolution {
        if let known = resolutions.withLock({ $0[type] }) { return known }
        let made = try Resolution(writer: try Schema(json: type.schema))
        resolutions.withLock { $0[type] = made }
        return made
    }

    private func append(_ datum: Datum, of type: CarriedType, to body: inout [UInt8]) throws(AvroError) {
        guard case .record(let fields) = datum else { preconditionFailure("an event's schema is a record's") }
        var event = [Datum.Entry("event_type", .string(type.name))]
        var (user, properties) = ([Datum.Entry](), [Datum.Entry]())
        var own: (name: String, text: String)?
        for field in fields where field.value.unwrapped != .null {
            switch (field.name, field.value.unwrapped) {
            case ("id", _), ("time", _): event.append(field)
            case ("properties", .string(let text)): own = (Self.ownName(type.name), text)
            case (let name, _) where Self.userFields.contains(name): user.append(field)
            default: properties.append(field)
            }
        }
        Datum.record(event).appendJSON(to: &body)
        body.removeLast()
        body.append(contentsOf: ",\"user\":".utf8)
        Datum.record(user).appendJSON(to: &body)
        body.append(contentsOf: ",\"properties\":".utf8)
        Datum.record(properties).appendJSON(to: &body)
        if let own { Self.append(own, behind: !properties.isEmpty, to: &body) }
        body.append(UInt8(ascii: "}"))
    }

    private static func ownName(_ type: String) -> String {
        type.hasSuffix(".Purchase") ? "purchase_properties" : "custom_properties"
    }

    /// Puts a sender's own properties into the object that `body` ends with.
    private static func append(_ own: (name: String, text: String), behind another: Bool, to body: inout [UInt8]) {
        body.removeLast()
        body.append(contentsOf: "\(another ? "," : "")\"\(own.name)\":".utf8)
        if case .object(let members)? = try? JSONValue(parsing: own.text) {
            body.append(contentsOf: JSONValue.object(members).text.utf8)
        } else {
            // A text that is no object after all is shown as it is.
            Datum.string(own.text).appendJSON(to: &body)
        }
        body.append(UInt8(ascii: "}"))
    }
}
