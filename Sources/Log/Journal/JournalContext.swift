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

    /// For the duplicate window of one partition.
    var duplicateMemory: Int { settings.duplicateMemory / settings.partitions }

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

    /// What a segment's seal says; where it has rotted, what the frames say.
    ///
    /// Nil if neither the seal nor a head to walk the frames by can be read. Blocks.
    func readSeal(of segment: SegmentSummary, in partition: PartitionID) throws(FileError) -> SegmentSeal? {
        let name = SegmentName(partition: partition, number: segment.number)
        let file = try platform.files.open(segment.path, .read)
        defer { file.close() }
        if let trailer = try SegmentTrailer.read(file, size: segment.bytes, name, of: meta.id),
            let seal = try trailer.readSeal(file)
        {
            return seal
        }
        guard let (head, length) = try findHead(file, name, limit: segment.framesEnd) else { return nil }
        var seal = SegmentSeal(schemas: head.schemas.count)
        var scan = FrameScan(
            file: file,
            segment: name,
            salt: salt,
            from: Int64(length),
            limit: segment.framesEnd,
            sequenceMin: head.firstSequence
        )
        while true {
            switch try scan.next() {
            case .frame(let header, let position):
                if let payload = try scan.payload(header, at: position) { seal.add(header, identities(payload)) }
            case .rot: continue
            case .end: return seal
            }
        }
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
