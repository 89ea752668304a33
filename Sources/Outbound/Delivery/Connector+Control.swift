package import Journal
internal import Platform

extension Connector {
    /// Rolls now; returns when all that was accepted before the call has landed, with what landed meanwhile.
    ///
    /// What was on its way when it was asked counts too. Throws `.paused`, or `.timeout` with what is pending.
    package func flush(timeout: Duration) async throws(DeliveryError) -> FlushResult {
        let clock = context.platform.clock
        let deadline = clock.uptime() + timeout
        try refuseIfPaused()
        let before = context.ledger.reading()
        let ends = partitions.map { context.journal.end(of: $0) }
        let request = control.requestFlush(upTo: ends)
        control.hurry.raise()
        var isRolled = false
        var newest: PlanID?
        while true {
            let generation = control.changes.generation
            try refuseIfPaused()
            // The books are asked, not state: state knows of a landing before they count it.
            if !isRolled, control.isFlushed(request) {
                isRolled = true
                newest = context.ledger.newestOpenPlan
            }
            if isRolled, context.ledger.hasClosed(upTo: newest) { return landed(since: before) }
            let left = deadline - clock.uptime()
            guard left > .zero, !Task.isCancelled else {
                if context.ledger.reading().isDone(upTo: ends) { return landed(since: before) }
                throw timedOut(timeout)
            }
            let changes = control.changes
            await firstOf([
                { try? await clock.sleep(for: left) },
                { await changes.wait(past: generation) },
            ])
        }
    }

    private func landed(since before: LedgerReading) -> FlushResult {
        let after = context.ledger.reading()
        return FlushResult(
            files: after.landedFiles - before.landedFiles,
            records: after.total.landed - before.total.landed,
            bytes: after.landedBytes - before.landedBytes
        )
    }

    /// Stands still until `resume`, also over a restart.
    package func pause() async throws(DeliveryError) {
        try await context.state.setPaused(true, connector: settings.id, owner: context.owner)
        control.set(.paused)
    }

    /// Goes on; also tries conflicts and everything else that waits at once.
    package func resume() async throws(DeliveryError) {
        try await context.state.setPaused(false, connector: settings.id, owner: context.owner)
        let wasRunning = control.mode == .running && control.isWorking
        control.set(.running)
        if wasRunning { await restart() }
    }

    /// Makes `run` return; it finishes the frame and keeps everything for the next start.
    package func stop(grace: Duration = .zero) {
        control.stop(grace: grace)
    }

    /// Whether the stop came before calls to the destination had ended.
    var hasCutCalls: Bool { control.hasCutCalls }

    /// Whether it was told to stop: it never works again.
    var isStopping: Bool { control.mode == .stopping }

    /// The first offset that this connector still needs; nil before it was prepared.
    package func neededFrom(_ partition: PartitionID) async throws(DeliveryError) -> Offset? {
        try await context.state.neededFrom(connector: settings.id, partition: partition)
    }

    /// Runs `work` while workers and landers stand still.
    func whileIdle<T: Sendable>(
        _ work: @Sendable () async throws(DeliveryError) -> T
    ) async throws(DeliveryError) -> T {
        control.hold()
        defer { control.release() }
        await waitUntilNotWorking()
        return try await work()
    }

    private func restart() async {
        control.hold()
        await waitUntilNotWorking()
        control.release()
    }

    private func waitUntilNotWorking() async {
        while !Task.isCancelled {
            let generation = control.changes.generation
            guard control.isWorking else { return }
            await control.changes.wait(past: generation)
        }
    }

    private func refuseIfPaused() throws(DeliveryError) {
        switch control.mode {
        case .running: return
        case .paused:
            throw DeliveryError(.paused, "connector \(settings.name) is paused; resume it first")
        case .stopping:
            throw DeliveryError(.connector, "connector \(settings.name) is stopping")
        }
    }

    private func timedOut(_ timeout: Duration) -> DeliveryError {
        let reading = context.ledger.reading()
        let counts = reading.total
        let unread = status().lagOffsets
        let pending = PendingCounts(
            stagedRecords: counts.staged,
            plannedRecords: counts.planned,
            plannedFiles: reading.openPlans
        )
        return DeliveryError(
            .timeout,
            "connector \(settings.name) has not landed everything within \(timeout): \(counts.staged) records are "
                + "staged, \(counts.planned) planned, and \(unread) of the journal not read yet",
            pending: pending
        )
    }
}

extension Connector {
    /// How the connector is.
    package func status() -> ConnectorStatus {
        let reading = context.ledger.reading()
        let now = context.platform.clock.now()
        let worst = reading.troubles.max { $0.kind.rawValue < $1.kind.rawValue }
        let condition: ConnectorStatus.Condition =
            switch (control.mode, worst?.kind) {
            case (.paused, _): .paused
            case (.stopping, _): .stopped
            case (.running, .retrying): .retrying
            case (.running, .waitingForChange): .waitingForChange
            case (.running, .conflict): .conflict
            case (.running, nil): .running
            }
        var lag = Duration.zero
        var places: [ConnectorStatus.Partition] = []
        for (index, books) in reading.partitions.enumerated() {
            let partition = PartitionID(index)
            let end = context.journal.end(of: partition)
            places.append(
                ConnectorStatus.Partition(
                    partition: partition,
                    cursor: books.snapshot,
                    position: books.position,
                    end: end,
                    gapOffsets: books.gapOffsets
                )
            )
            if books.position < end, let time = books.readTo { lag = max(lag, now - time) }
        }
        return ConnectorStatus(
            name: settings.name,
            id: settings.id,
            kind: settings.kind,
            location: context.location,
            limitation: destination.limitation,
            condition: condition,
            since: worst?.since,
            reason: worst?.reason,
            troubles: reading.troubles,
            lastError: reading.lastError?.message,
            lastErrorTime: reading.lastError?.moment,
            partitions: places,
            lag: lag,
            balances: reading.balances,
            landedFiles: reading.landedFiles,
            landedBytes: reading.landedBytes,
            openPlans: reading.openPlans,
            oldestPlanAge: reading.oldestPlan.map { now - $0 },
            oldestPendingAge: reading.oldestPending(ends: places.map(\.end)).map { now - $0 }
        )
    }
}
