import Avro
import Journal
package import Platform

/// An event that intake set aside: with the bytes it came as, in the journal like any other record.
package struct DeadLetter: Sendable, Hashable {
    /// The system type's name; connectors carry it only when it is named, never by a glob.
    package static let typeName = "courant.DeadLetter"

    package let source: String
    package let time: Timestamp
    package let code: String
    package let field: String?
    package let message: String
    package let raw: [UInt8]

    /// The record's schema; `time` is when it was set aside.
    package static let schemaJSON = """
        {"type":"record","name":"DeadLetter","namespace":"courant","fields":[\
        {"name":"source","type":"string"},\
        {"name":"time","type":{"type":"long","logicalType":"timestamp-micros"}},\
        {"name":"code","type":"string"},\
        {"name":"field","type":["null","string"],"default":null},\
        {"name":"message","type":"string"},\
        {"name":"raw","type":"bytes"}]}
        """

    static let journalSchema: JournalSchema = {
        guard let schema = try? Schema(json: schemaJSON) else {
            preconditionFailure("the dead letter's schema is Avro")
        }
        return JournalSchema(name: typeName, edition: "", json: schemaJSON, fingerprint: schema.fingerprint.rawValue)
    }()

    /// The place of the schema among those that `Intake.journalSchemas` gives.
    static let schemaIndex: UInt16 = 0

    /// Writes the letter as a record; dead letters repeat freely, so it has no identity.
    func write(to writer: inout RecordWriter) {
        let texts = source.utf8.count + code.utf8.count + (field?.utf8.count ?? 0) + message.utf8.count
        var out = unsafe writer.begin(
            fingerprint: Self.journalSchema.fingerprint,
            room: texts + raw.count + 64
        )
        unsafe out = Self.put(source, out)
        unsafe out = Put.long(time.nanoseconds / 1000, out)
        unsafe out = Self.put(code, out)
        unsafe out.pointee = field == nil ? 0 : 2
        unsafe out += 1
        if let field { unsafe out = Self.put(field, out) }
        unsafe out = Self.put(message, out)
        unsafe out = Self.put(raw, out)
        unsafe writer.commit(out, schema: Self.schemaIndex, identity: .none)
    }

    private static func put(_ text: String, _ out: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        unsafe put(Array(text.utf8), out)
    }

    private static func put(_ bytes: [UInt8], _ out: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        let out = unsafe Put.long(Int64(bytes.count), out)
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            if let base = bytes.baseAddress { unsafe out.update(from: base, count: bytes.count) }
            return unsafe out + bytes.count
        }
    }
}
