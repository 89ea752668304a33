import Platform

extension SegmentHead {
    /// The head of a segment; where it has rotted, one that is made from the frames and the running schemas.
    ///
    /// Frames name their records' schemas by index into the head's table and by fingerprint. Where both agree with the
    /// running schemas in every good frame, the head held these.
    ///
    /// Frames are looked for before `limit`.
    ///
    /// - Returns: the head and where the first frame stands; nil if the head is another segment's or journal's, or has
    ///   rotted and cannot be made again.
    static func find(
        _ file: any File,
        _ name: SegmentName,
        of journal: JournalMeta,
        schemas: [JournalSchema],
        limit: Int64
    ) throws(FileError) -> (head: SegmentHead, length: Int)? {
        if let found = try read(file, name, of: journal.id) { return found }
        return try remade(file, name, of: journal, schemas: schemas, limit: limit)
    }

    /// The head of a segment whose own could not be read, as ``find(_:_:of:schemas:limit:)`` makes it again.
    static func remade(
        _ file: any File,
        _ name: SegmentName,
        of journal: JournalMeta,
        schemas: [JournalSchema],
        limit: Int64
    ) throws(FileError) -> (head: SegmentHead, length: Int)? {
        let start = try file.read(at: 0, count: Block.bytes)
        // A head that is whole is another segment's.
        if let length = length(firstBlock: start), SegmentHead(decoding: try file.read(at: 0, count: length)) != nil {
            return nil
        }
        var scan = FrameScan(
            file: file,
            segment: name,
            salt: journal.salt,
            from: 0,
            limit: limit,
            sequenceMin: 0
        )
        var first: (header: FrameHeader, position: Int64)?
        scanning: while true {
            switch try scan.next() {
            case .frame(let header, let position):
                guard let payload = try scan.payload(header, at: position) else { continue }
                guard header.counts(payload, by: schemas) else { return nil }
                first = first ?? (header, position)
            case .rot: continue
            case .end: break scanning
            }
        }
        guard let first else { return nil }
        let head = SegmentHead(
            partition: name.partition,
            journal: journal.id,
            number: name.number,
            firstOffset: first.header.firstOffset,
            firstSequence: first.header.sequence,
            made: first.header.time,
            schemas: schemas
        )
        return (head, Int(first.position))
    }
}

extension FrameHeader {
    /// Whether the header, read by these schemas, counts the records that the payload holds.
    fileprivate func counts(_ payload: [UInt8], by schemas: [JournalSchema]) -> Bool {
        guard let counts = counts(schemas) else { return false }
        var held: [UInt64: Int] = [:]
        for record in RecordSequence(payload: payload, firstOffset: .zero) {
            held[record.fingerprint, default: 0] += 1
        }
        let named = Dictionary(counts.map { ($0.fingerprint, $0.count) }, uniquingKeysWith: +)
        return held == named
    }
}
