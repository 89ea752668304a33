/// A record type as the journal knows it: the writer's schema, stored in every segment's head.
package struct JournalSchema: Hashable, Sendable {
    /// The event type, or a system type such as `courant.DeadLetter`.
    package let name: String
    package let edition: String
    /// The Avro schema.
    package let json: String
    /// CRC-64-AVRO of the schema; each record begins with it.
    package let fingerprint: UInt64

    package init(name: String, edition: String, json: String, fingerprint: UInt64) {
        self.name = name
        self.edition = edition
        self.json = json
        self.fingerprint = fingerprint
    }
}

/// How many records of one schema.
package struct SchemaCount: Hashable, Sendable {
    package let fingerprint: UInt64
    package let count: Int

    package init(fingerprint: UInt64, count: Int) {
        self.fingerprint = fingerprint
        self.count = count
    }
}

/// The records of a frame by schema, each schema once.
package struct SchemaCounts: Hashable, Sendable, RandomAccessCollection {
    package let entries: [SchemaCount]

    package init(_ entries: [SchemaCount]) {
        self.entries = entries
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { entries.count }

    package subscript(position: Int) -> SchemaCount {
        entries[position]
    }

    package func count(of fingerprint: UInt64) -> Int {
        entries.first { $0.fingerprint == fingerprint }?.count ?? 0
    }
}
