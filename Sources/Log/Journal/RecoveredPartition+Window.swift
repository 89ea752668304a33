import Platform

extension RecoveredPartition {
    /// The duplicate window as it was, from the seals of the segments that reach into it.
    ///
    /// Blocks.
    func makeWindow(context: JournalContext, now: Duration) throws(FileError) -> DuplicateWindow {
        let settings = context.settings
        let memoryBytes = settings.duplicateMemory / settings.partitions
        let wall = context.platform.clock.now()
        func moment(_ time: Timestamp) -> Duration { now - max(.zero, wall - time) }

        // A window counts ids; how many segments back it reaches is known before any seal is read.
        var first = segments.count
        var room = DuplicateWindow.capacity(memoryBytes: memoryBytes)
        while first > 0, room > 0, moment(segments[first - 1].latestTime) + settings.duplicateWindow > now {
            first -= 1
            room -= segments[first].identities
        }
        let reached = segments[first...]
        var latest = reached.first.map { moment($0.firstTime) } ?? now
        var window = DuplicateWindow(window: settings.duplicateWindow, memoryBytes: memoryBytes, now: latest)
        let isCutShort = first > 0 ? room <= 0 : reached.first.map { $0.firstOffset > .zero } ?? false
        if isCutShort, latest + settings.duplicateWindow > now { window.setForgotten(upTo: latest) }
        for segment in reached {
            guard let seal = try readSeal(segment, context) else {
                window.setForgotten(upTo: moment(segment.latestTime))
                continue
            }
            var rest = seal.identities[...]
            for frame in seal.frames {
                latest = max(latest, moment(frame.time))
                window.insert(all: rest.prefix(frame.identities), at: latest)
                rest = rest.dropFirst(frame.identities)
            }
        }
        window.advance(to: now)
        return window
    }

    /// Nil if neither the seal nor a head to walk the frames by can be read.
    private func readSeal(_ segment: SegmentSummary, _ context: JournalContext) throws(FileError) -> SegmentSeal? {
        if let walked = walkedSeals[segment.number] { return walked }
        let name = SegmentName(partition: partition, number: segment.number)
        let file = try context.platform.files.open(segment.path, .read)
        defer { file.close() }
        if let trailer = try SegmentTrailer.read(file, size: segment.bytes, name, of: context.meta.id),
            let seal = try trailer.readSeal(file)
        {
            return seal
        }
        guard let (head, length) = try context.findHead(file, name, limit: segment.framesEnd) else { return nil }
        var seal = SegmentSeal(schemas: head.schemas.count)
        var scan = FrameScan(
            file: file,
            segment: head.number,
            salt: context.salt,
            from: Int64(length),
            limit: segment.framesEnd,
            sequenceMin: head.firstSequence
        )
        while true {
            switch try scan.next() {
            case .frame(let header, let position):
                if let payload = try scan.payload(header, at: position) {
                    seal.add(header, context.identities(payload))
                }
            case .rot: continue
            case .end: return seal
            }
        }
    }
}

extension DuplicateWindow {
    /// Takes identities of the past in, in order of their time.
    fileprivate mutating func insert(all identities: ArraySlice<RecordIdentity>, at moment: Duration) {
        let groupSize = 32
        var rest = identities
        while !rest.isEmpty {
            advance(to: moment)
            let group = rest.prefix(groupSize)
            var touched: UInt64 = 0
            for identity in group { touched &+= touch(identity) }
            lastTouched = touched
            for identity in group { _ = insert(identity) }
            rest = rest.dropFirst(groupSize)
        }
    }
}
