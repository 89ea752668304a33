import Platform

/// What every part of an open journal needs to know.
struct JournalContext: Sendable {
    let settings: JournalSettings
    let meta: JournalMeta
    let salt: UInt32
    let schemas: [JournalSchema]
    let identify: RecordIdentifier
    let failStop: @Sendable (JournalError) -> Void
    let platform: Platform
    let metrics: JournalMetrics

    init(
        settings: JournalSettings,
        meta: JournalMeta,
        schemas: [JournalSchema],
        identify: @escaping RecordIdentifier,
        failStop: @escaping @Sendable (JournalError) -> Void,
        platform: Platform,
        metrics: JournalMetrics
    ) {
        self.settings = settings
        self.meta = meta
        salt = meta.salt
        self.schemas = schemas
        self.identify = identify
        self.failStop = failStop
        self.platform = platform
        self.metrics = metrics
    }

    func path(_ name: String) -> String {
        FilePath.join(settings.folder, name)
    }

    /// The head of this journal's segment, made again where it has rotted.
    func findHead(
        _ file: any File,
        _ name: SegmentName,
        limit: Int64
    ) throws(FileError) -> (head: SegmentHead, length: Int)? {
        try SegmentHead.find(file, name, of: meta, schemas: schemas, limit: limit)
    }

    /// The identities of a payload's records, those without one left out.
    func identities(_ payload: [UInt8]) -> [RecordIdentity] {
        var identities: [RecordIdentity] = []
        for record in RecordSequence(payload: payload, firstOffset: .zero) {
            let identity = identify(record.fingerprint, payload.span.extracting(record.datum))
            if identity != .none { identities.append(identity) }
        }
        return identities
    }
}
