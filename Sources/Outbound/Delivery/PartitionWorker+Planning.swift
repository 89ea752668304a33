internal import Journal
internal import Platform
internal import Telemetry

extension PartitionWorker {
    /// Everything that waits, after a frame or at the end.
    func settle(moment: Timestamp) async throws(DeliveryError) {
        try await encode(slots.compactMap { $0.file?.full.isEmpty == false ? $0.file : nil })
        closeDue(moment)
        let flush = context.control.flushDue(partition, at: cursor.position)
        if flush != nil { closeAll() }
        if !closed.isEmpty || hasFinalRefusals {
            try await plan()
        } else if isCommitDue || flush != nil {
            try await commit([])
        }
        try await keepMemory()
        publish(readTo: moment)
        // Whoever asked for the flush finds the books complete.
        if let flush { context.control.flushed(partition, request: flush) }
    }

    private func closeDue(_ moment: Timestamp) {
        for index in slots.indices {
            guard let file = slots[index].file else { continue }
            let isOverfull =
                slots[index].refused.count >= Self.refusedMax || slots[index].refusedBytes >= Self.refusedBytesMax
            guard
                isOverfull
                    || policy.isDue(encodedBytes: file.encodedBytes, opened: file.opened, moment: moment)
            else { continue }
            closed.append(file)
            slots[index].file = nil
        }
    }

    /// Whether records wait to be set aside before which no file is open.
    private var hasFinalRefusals: Bool {
        slots.contains { $0.file == nil && !$0.refused.isEmpty }
    }

    /// Encodes the full blocks of some files and writes them.
    private func encode(_ files: [StagedFile]) async throws(DeliveryError) {
        var writes: [StagedWrite] = []
        for file in files {
            // From the last to the first, each moved out, so that its buffer has one owner.
            var blocks = Array(file.takeFull().reversed())
            while let block = blocks.popLast() {
                let spilled = try await context.staging.spilled(file.spillName, count: block.spilled)
                try file.add(block, spilled: spilled, through: &encoder)
            }
            if let write = file.takeWrite(folder: context.staging.path) { writes.append(write) }
        }
        try await context.staging.carryOut(writes)
    }

    /// Finishes the closed files and commits their plans.
    private func plan() async throws(DeliveryError) {
        let files = closed
        for file in files { file.endBlock() }
        try await encode(files)
        var plans: [Plan] = []
        for file in files { plans.append(try await finish(file)) }
        if !files.isEmpty { try await context.staging.synchronize() }
        closed = []
        try await commit(plans, opened: files.map(\.opened))
    }

    private func finish(_ file: StagedFile) async throws(DeliveryError) -> Plan {
        let type = context.types[file.type]
        var plan = Plan(
            id: PlanID(rawValue: 0),
            connector: context.settings.id,
            location: context.location,
            partition: partition,
            type: type.name,
            edition: type.edition,
            first: file.first,
            last: file.last,
            hour: file.hour,
            count: file.count,
            made: context.platform.clock.now(),
            objects: []
        )
        let key = context.keys.key(
            type: type.name,
            edition: type.edition,
            hour: file.hour,
            partition: partition,
            first: file.first
        )
        plan.objects = [
            try await context.finish(file, tag: plan.tag(journal: context.journal.id), key: key)
        ]
        return plan
    }

    /// Commits plans, the records set aside, and the cursor past all of them.
    ///
    /// `opened` has for each plan when its first record was journalled.
    func commit(_ plans: [Plan], opened: [Timestamp] = []) async throws(DeliveryError) {
        for plan in plans {
            guard let index = context.types.firstIndex(where: { $0.name == plan.type }) else { continue }
            slots[index].staged -= plan.count
            slots[index].hasChanged = true
        }
        var commit = CursorCommit(
            connector: context.settings.id,
            partition: partition,
            snapshot: CursorSnapshot(scanned: cursor.position),
            gapOffsets: gapOffsets
        )
        commit.plans = plans
        for index in slots.indices { commit.refused += takeRefused(&slots[index]) }
        for index in slots.indices where slots[index].hasChanged {
            var counts = CursorCommit.Counts(
                type: context.types[index].name,
                carried: slots[index].carried,
                staged: slots[index].staged + slots[index].awaiting
            )
            counts.setAsideAdded = slots[index].setAside
            counts.lostAdded = slots[index].lost
            commit.counts.append(counts)
        }
        commit.snapshot = cursor.snapshot { slots[$0].file?.first }
        let ids = try await context.state.commit(commit, owner: context.owner)
        book(plans, commit.snapshot)
        // Last: what is booked as open may land at once.
        context.ledger.planned(
            zip(ids, zip(plans, opened)).map { ($0, Ledger.OpenPlan(made: $1.0.made, oldest: $1.1)) }
        )
        didCommit()
        context.ledger.recovered(.partition(partition))
        if !plans.isEmpty { context.control.changes.raise() }
    }

    /// What is final about the records to set aside: those before the open file, which are not read again.
    private func takeRefused(_ slot: inout Slot) -> [RefusedRecord] {
        guard !slot.refused.isEmpty else { return [] }
        var final = slot.refused
        if let file = slot.file {
            final = slot.refused.filter { $0.offset < file.first }
            slot.refused.removeAll { $0.offset < file.first }
        } else {
            slot.refused = []
        }
        slot.refusedBytes = slot.refused.reduce(0) { $0 + $1.datum.count }
        slot.staged -= final.count
        slot.setAside += final.count
        slot.hasChanged = true
        return final
    }

    /// Enters what was committed into the books.
    private func book(_ plans: [Plan], _ snapshot: CursorSnapshot) {
        context.ledger.update(partition) { books in
            for index in slots.indices {
                books.committed[index].carried = slots[index].carried
                books.committed[index].staged = slots[index].staged + slots[index].awaiting
                books.committed[index].setAside += slots[index].setAside
                books.committed[index].lost += slots[index].lost
                books.live[index] = TypeCounts()
            }
            for plan in plans {
                guard let index = context.types.firstIndex(where: { $0.name == plan.type }) else { continue }
                books.committed[index].planned += plan.count
            }
            books.snapshot = snapshot
            books.gapOffsets = gapOffsets
        }
        for index in slots.indices {
            slots[index].setAside = 0
            slots[index].lost = 0
            slots[index].hasChanged = false
        }
    }

    /// Shows what has been taken since the last commit.
    ///
    /// Everything journalled before `readTo` is in it.
    private func publish(readTo: Timestamp) {
        context.ledger.update(partition) { books in
            for index in slots.indices where slots[index].hasChanged {
                var live = TypeCounts()
                live.carried = slots[index].carried - books.committed[index].carried
                live.staged = slots[index].staged + slots[index].awaiting - books.committed[index].staged
                live.setAside = slots[index].setAside
                live.lost = slots[index].lost
                books.live[index] = live
            }
            books.position = cursor.position
            books.readTo = readTo
            books.oldestStaged = slots.lazy.compactMap { $0.file?.opened }.min()
        }
    }

    /// Gives up what was staged of types that are carried no longer: they are not this connector's any more.
    func release(_ stored: StoredCursor) async throws(DeliveryError) {
        let released = stored.counts.filter { entry in
            entry.counts.staged > 0 && !context.types.contains { $0.name == entry.type }
        }
        guard !released.isEmpty else { return }
        var commit = CursorCommit(
            connector: context.settings.id,
            partition: partition,
            snapshot: cursor.snapshot { _ in nil },
            gapOffsets: gapOffsets
        )
        commit.counts = released.map {
            CursorCommit.Counts(type: $0.type, carried: $0.counts.carried - $0.counts.staged, staged: 0)
        }
        _ = try await context.state.commit(commit, owner: context.owner)
        context.ledger.released(released.map(\.type), partition)
    }

    /// Moves the largest open blocks to disk while all connectors together hold more than the budget.
    private func keepMemory() async throws(DeliveryError) {
        var held = slots.reduce(buffers.bytes) { $0 + ($1.file?.blockMemory ?? 0) }
        context.memory.change(by: held - memoryHeld)
        memoryHeld = held
        guard let bound = context.memory.bound(holding: held) else { return }
        held -= buffers.bytes
        buffers.removeAll()
        let files = slots.compactMap(\.file).sorted { $0.blockMemory > $1.blockMemory }
        var writes: [StagedWrite] = []
        for file in files where held > bound {
            let memory = file.blockMemory
            guard let write = file.takeSpill(folder: context.staging.path) else { continue }
            context.metrics.spilledBytes.add(write.bytes.count)
            writes.append(write)
            held -= memory
        }
        try await context.staging.carryOut(writes)
        context.memory.change(by: held - memoryHeld)
        memoryHeld = held
    }
}

extension ConnectorContext {
    /// Writes the head of a complete file and gives the object that it is.
    func finish(_ file: StagedFile, tag: PlanTag, key: String) async throws(DeliveryError) -> PlanObject {
        let head = file.head.encoded(tag)
        var sum = ChecksumStream()
        sum.add(head)
        sum = sum.followed(by: file.body)
        try await staging.finish(file.name, head: head, spillName: file.spillName)
        return PlanObject(key: key, size: sum.size, checksum: sum.checksum, count: file.count, staged: file.name)
    }
}
