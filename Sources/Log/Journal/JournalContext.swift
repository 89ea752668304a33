import Platform
import Telemetry

/// What every part of an open journal needs to know.
struct JournalContext: Sendable {
    let settings: JournalSettings
    let meta: JournalMeta
    let salt: UInt32
    let schemas: [JournalSchema]
    let identify: RecordIdentifier
    let failStop: @Sendable (JournalError) -> Void
    private let onLoss: @Sendable (FoundLoss) -> Void
    let platform: Platform
    let metrics: JournalMetrics

    init(
        settings: JournalSettings,
        meta: JournalMeta,
        schemas: [JournalSchema],
        identify: @escaping RecordIdentifier,
        failStop: @escaping @Sendable (JournalError) -> Void,
        onLoss: @escaping @Sendable (FoundLoss) -> Void,
        platform: Platform,
        metrics: JournalMetrics
    ) {
        self.settings = settings
        self.meta = meta
        salt = meta.salt
        self.schemas = schemas
        self.identify = identify
        self.failStop = failStop
        self.onLoss = onLoss
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

    /// Counts a loss and tells of it; each once.
    func tell(_ loss: JournalLoss, in partition: PartitionID) {
        let found = FoundLoss(loss, in: partition)
        metrics.losses.add()
        metrics.lostRecords.add(found.records)
        onLoss(found)
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
