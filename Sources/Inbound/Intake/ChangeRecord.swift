import Avro
package import Journal

/// What a report changed, as a record of the journal: the state that it went into can be made again from these.
///
/// A system type that connectors never carry.
package struct ChangeRecord: Sendable, Hashable {
    package static let typeName = "courant.Change"

    /// What was changed, in the form of whoever keeps the state.
    package let changes: [UInt8]

    package init(changes: [UInt8]) {
        self.changes = changes
    }

    /// The changes in a stored record; nil where its bytes are not what they should be.
    package init?(datum: Span<UInt8>) {
        var decoder = BinaryDecoder(limits: ReaderLimits())
        guard let changes = try? decoder.readBytes(datum), decoder.position == datum.count else { return nil }
        self.changes = changes
    }

    package static let schemaJSON = """
        {"type":"record","name":"Change","namespace":"courant","fields":[{"name":"changes","type":"bytes"}]}
        """

    package static let journalSchema: JournalSchema = {
        guard let schema = try? Schema(json: schemaJSON) else {
            preconditionFailure("the change record's schema is Avro")
        }
        return JournalSchema(name: typeName, edition: "", json: schemaJSON, fingerprint: schema.fingerprint.rawValue)
    }()

    /// The place of the schema among those that `Intake.journalSchemas` gives.
    static let schemaIndex: UInt16 = 1

    /// Appends the record; changes repeat freely, so it has no identity.
    func append(to batch: inout RecordBatch) {
        var encoder = BinaryEncoder(capacity: changes.count + 10)
        encoder.writeBytes(changes.span)
        let start = RecordLayout.append(
            datum: encoder.bytes,
            fingerprint: Self.journalSchema.fingerprint,
            to: &batch.bytes
        )
        batch.entries.append(
            RecordBatch.Entry(
                start: UInt32(start),
                length: UInt32(batch.bytes.count - start),
                schema: Self.schemaIndex,
                identity: .none
            )
        )
    }
}
