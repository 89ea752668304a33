package import Journal
internal import Platform

extension Connector {
    /// Gives up what the connector needs before an offset, so that the journal may forget it: open plans that begin
    /// there, and records that no plan covers.
    ///
    /// They count as lost. For `when_full: give_up`. Returns how many. The boundary is moved forward to a frame's end.
    package func giveUp(before boundary: Offset, in partition: PartitionID) async throws(DeliveryError) -> Int {
        try await whileIdle { () async throws(DeliveryError) in
            var lost = try await self.giveUpPlans(before: boundary, partition)
            lost += try await self.giveUpRecords(before: boundary, partition)
            try await self.loadBooks()
            return lost
        }
    }

    /// Gives up all open plans, whatever their location; for a person to decide.
    package func forgetPlans() async throws(DeliveryError) -> PlannedTotals {
        try await whileIdle { () async throws(DeliveryError) in
            let totals = try await self.context.state.forgetPlans(
                connector: self.settings.id,
                owner: self.context.owner
            )
            try await self.context.staging.clear(keeping: [])
            try await self.loadBooks()
            return totals
        }
    }

    private func giveUpPlans(before boundary: Offset, _ partition: PartitionID) async throws(DeliveryError) -> Int {
        var lost = 0
        var newest = PlanID(rawValue: 0)
        while true {
            let page = try await context.state.openPlans(
                connector: settings.id,
                partition: partition,
                after: newest,
                limit: 100
            )
            guard let last = page.last else { return lost }
            newest = last.id
            for plan in page where plan.first < boundary {
                try await context.state.close(plan, landed: 0, lost: plan.count, owner: context.owner)
                context.ledger.closed(plan, landed: 0, lost: plan.count, bytes: 0)
                try await context.staging.remove(plan.objects.map(\.staged))
                lost += plan.count
            }
        }
    }

    /// Reads the records between the cursor and the boundary for their types only, and moves the cursor past them.
    private func giveUpRecords(before boundary: Offset, _ partition: PartitionID) async throws(DeliveryError) -> Int {
        let stored = try await context.state.cursor(connector: settings.id, partition: partition)
        guard let stored, stored.snapshot.floor < boundary else { return 0 }
        let names = context.types.map(\.name)
        var cursor = Cursor(resuming: stored.snapshot, types: names)
        var counts = names.map { name in
            let counts = stored.counts.first { $0.type == name }?.counts ?? TypeCounts()
            return CursorCommit.Counts(type: name, carried: counts.carried, staged: counts.staged)
        }
        var gapOffsets = stored.gapOffsets
        let routes = context.routes
        let reader = context.journal.makeReader(partition, from: cursor.position)
        while cursor.position < boundary {
            let read: JournalRead
            do throws(JournalError) {
                read = try await reader.next(
                    wanting: { counts in counts.entries.contains { routes.find($0.fingerprint) >= 0 } },
                    bytesMax: PartitionWorker.readAheadBytes
                )
            } catch {
                throw DeliveryError(.journal, error.description)
            }
            switch read {
            case .end: cursor.advance(to: max(boundary, cursor.position))
            case .lost(let loss):
                if loss.to > cursor.resumed { gapOffsets += Int(loss.to - max(loss.from, cursor.resumed)) }
                cursor.advance(to: max(loss.to, cursor.position))
            case .frame(let frame):
                for record in frame.records {
                    let route = routes.find(record.fingerprint)
                    guard route >= 0 else { continue }
                    let type = routes.types[route]
                    guard record.offset >= cursor.threshold(ofType: type) else { continue }
                    counts[type].lostAdded += 1
                    if record.offset < cursor.resumed { counts[type].staged -= 1 } else { counts[type].carried += 1 }
                }
                cursor.advance(to: frame.nextOffset)
            }
        }
        if !cursor.isReadingAgain {
            // Everything staged lay before the boundary; what did not come again has rotted.
            for index in counts.indices {
                counts[index].lostAdded += max(0, counts[index].staged)
                counts[index].staged = 0
            }
        }
        var commit = CursorCommit(
            connector: settings.id,
            partition: partition,
            snapshot: cursor.snapshot { _ in nil },
            gapOffsets: gapOffsets
        )
        commit.counts = counts
        _ = try await context.state.commit(commit, owner: context.owner)
        return counts.reduce(0) { $0 + $1.lostAdded }
    }
}
