import Platform

extension RecoveredPartition {
    /// The duplicate window as it was, from the seals of the segments that reach into it, removed ones included.
    ///
    /// Blocks.
    func makeWindow(context: JournalContext, now: Duration) throws(FileError) -> DuplicateWindow {
        let settings = context.settings
        let memoryBytes = context.duplicateMemory
        let segments = kept + segments
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
        var behind = reached.first?.firstOffset ?? .zero
        for segment in reached {
            // What stood between the two is gone, and its identities with it.
            if segment.firstOffset > behind { window.setForgotten(upTo: moment(segment.firstTime)) }
            behind = segment.nextOffset
            guard let seal = try seal(of: segment, context) else {
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

    private func seal(of segment: SegmentSummary, _ context: JournalContext) throws(FileError) -> SegmentSeal? {
        if let walked = walkedSeals[segment.number] { return walked }
        return try context.readSeal(of: segment, in: partition)
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
