package import Platform

/// Reads a journal's folder as it lies there: without its lock, changing nothing, beside a running writer.
///
/// What is being written may look torn, and a segment may vanish under it: both are reported as such. Blocks.
package struct SegmentInspector: Sendable {
    /// How a segment ends.
    package enum Ending: String, Sendable {
        /// Seal and trailer are right.
        case sealed
        /// The trailer is right, the seal behind it is not.
        case sealBroken = "seal broken"
        /// It is being written, or its process ended without a seal.
        case open
        /// It was removed while it was looked at.
        case removed
    }

    /// What one segment holds.
    package struct Report: Sendable {
        package let path: String
        package let partition: PartitionID
        package let number: UInt64
        package internal(set) var bytes: Int64 = 0
        package internal(set) var ending = Ending.open
        /// False if the head has rotted: its frames are then read by the running schemas where they agree with them.
        package internal(set) var isHeadGood = false
        package internal(set) var firstOffset: Offset?
        /// Behind the last good frame.
        package internal(set) var nextOffset: Offset?
        package internal(set) var schemas: [JournalSchema] = []
        package internal(set) var framesGood = 0
        package internal(set) var framesBad = 0
        package internal(set) var records = 0
        package internal(set) var firstTime: Timestamp?
        package internal(set) var latestTime: Timestamp?
        /// Something other than zeros stands behind the last good frame of an unsealed segment.
        package internal(set) var hasTornTail = false
    }

    /// One record as `dump` gives it.
    package struct Record: Sendable {
        package let partition: PartitionID
        package let offset: Offset
        package let time: Timestamp
        package let schema: JournalSchema
        package let datum: [UInt8]
    }

    package let id: JournalID
    package let partitions: Int
    private let meta: JournalMeta
    private let running: [JournalSchema]
    private let folder: JournalFolder

    /// Looks into a journal's own folder.
    ///
    /// The schemas are those that a server would run with: they stand in for a segment's own where its head has rotted.
    package init(folder: String, schemas: [JournalSchema], files: any FileSystem) throws(JournalError) {
        self.folder = JournalFolder(path: folder, files: files)
        guard let meta = try self.folder.readMeta() else {
            throw JournalError(
                .metaBroken,
                "\(FilePath.join(folder, JournalMeta.name)) is not there: give the folder of a journal"
            )
        }
        self.meta = meta
        running = schemas
        id = meta.id
        partitions = meta.partitions
    }

    /// Walks every segment and checks every checksum.
    package func check() throws(JournalError) -> [Report] {
        var reports: [Report] = []
        for name in try folder.segmentNames() {
            reports.append(try walk(name) { (_, _, _) throws(JournalError) in })
        }
        return reports
    }

    /// Gives every good record to `body`, by partition and offset, until it throws.
    package func dump<Failure: Error>(
        _ body: (Record) throws(Failure) -> Void
    ) throws(JournalError) -> Result<Void, Failure> {
        for name in try folder.segmentNames() {
            var failure: Failure?
            _ = try walk(name) { (header, schemas, payload) throws(JournalError) in
                guard failure == nil else { return }
                for view in RecordSequence(payload: payload, firstOffset: header.firstOffset) {
                    guard let schema = schemas[view.fingerprint] else { continue }
                    do throws(Failure) {
                        try body(
                            Record(
                                partition: name.partition,
                                offset: view.offset,
                                time: header.time,
                                schema: schema,
                                datum: Array(payload[view.datum])
                            )
                        )
                    } catch {
                        failure = error
                        return
                    }
                }
            }
            if let failure { return .failure(failure) }
        }
        return .success(())
    }

    private func walk(
        _ name: SegmentName,
        _ body: (FrameHeader, [UInt64: JournalSchema], [UInt8]) throws(JournalError) -> Void
    ) throws(JournalError) -> Report {
        let path = FilePath.join(folder.path, name.text)
        var report = Report(path: path, partition: name.partition, number: name.number)
        do {
            try walk(name, &report, body)
        } catch let error as FileError where error.isNotFound {
            report.ending = .removed
        } catch let error as FileError {
            throw JournalError.readFailed(error)
        } catch let error as JournalError {
            throw error
        } catch {
            preconditionFailure("a walk throws the two errors above")
        }
        return report
    }

    private func walk(
        _ name: SegmentName,
        _ report: inout Report,
        _ body: (FrameHeader, [UInt64: JournalSchema], [UInt8]) throws(JournalError) -> Void
    ) throws {
        let file = try folder.files.open(report.path, .read)
        defer { file.close() }
        report.bytes = try file.size()
        let trailer = try SegmentTrailer.read(file, size: report.bytes, name, of: meta.id)
        if let trailer {
            report.ending = try trailer.readSeal(file) == nil ? .sealBroken : .sealed
        }
        let limit = trailer?.sealPosition ?? report.bytes
        let own = try SegmentHead.read(file, name, of: meta.id)
        report.isHeadGood = own != nil
        let found = try own ?? SegmentHead.remade(file, name, of: meta, schemas: running, limit: limit)
        guard let (head, length) = found else { return }
        report.firstOffset = head.firstOffset
        report.nextOffset = head.firstOffset
        report.schemas = head.schemas
        let schemas = Dictionary(head.schemas.map { ($0.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })
        var scan = FrameScan(
            file: file,
            segment: name,
            salt: meta.salt,
            from: Int64(length),
            limit: limit,
            sequenceMin: head.firstSequence
        )
        while true {
            switch try scan.next() {
            case .frame(let header, let position):
                guard let payload = try scan.payload(header, at: position) else {
                    // The last frame of an open segment is perhaps being written this very moment.
                    if trailer == nil, try !scan.hasFrameAhead() {
                        report.hasTornTail = true
                        return
                    }
                    report.framesBad += 1
                    continue
                }
                count(header, &report)
                try body(header, schemas, payload)
            case .rot: report.framesBad += 1
            case .end(let position, let isBlank):
                if trailer == nil { report.hasTornTail = !isBlank }
                if let trailer, position < trailer.sealPosition { report.framesBad += 1 }
                return
            }
        }
    }

    private func count(_ header: FrameHeader, _ report: inout Report) {
        report.framesGood += 1
        report.records += header.recordCount
        report.nextOffset = header.nextOffset
        report.firstTime = report.firstTime ?? header.time
        report.latestTime = max(report.latestTime ?? header.time, header.time)
    }
}
