internal import Avro
package import Journal
internal import Platform

/// What became of a refused record that was tried again.
package enum RefusedOutcome: Sendable, Hashable {
    /// It is planned, and lands like any other file; of a stream: it was acknowledged.
    case delivered
    /// It is refused again; its row stays.
    case refused(String)
    /// There is no such row.
    case unknown
}

extension Connector {
    /// The records that were set aside, from an offset of a partition on, in their order.
    package func refused(
        in partition: PartitionID,
        from offset: Offset,
        limit: Int
    ) async throws(DeliveryError) -> [RefusedRecord] {
        try await context.state.refused(connector: settings.id, partition: partition, from: offset, limit: limit)
    }

    /// Tries a record that was set aside once more, under the settings of today and for this connector alone.
    ///
    /// Its row goes in the transaction that commits its plan, so it lands once whatever happens; a stream's row goes
    /// once the record is acknowledged.
    package func deliverRefused(
        at offset: Offset,
        in partition: PartitionID
    ) async throws(DeliveryError) -> RefusedOutcome {
        let rows = try await refused(in: partition, from: offset, limit: 1)
        guard let record = rows.first, record.offset == offset else { return .unknown }
        switch preview(fingerprint: record.fingerprint, datum: record.datum) {
        case .notCarried: return .refused("the connector no longer carries \(record.type)")
        case .refused(let reason): return .refused(reason)
        case .delivered(let type, let datum):
            switch destination {
            case .objects: try await plan(datum, type, offset, partition)
            case .stream(let stream):
                if let reason = try await send(datum, type, offset, partition, to: stream) { return .refused(reason) }
            }
            return .delivered
        }
    }

    private func plan(
        _ datum: [UInt8],
        _ type: CarriedType,
        _ offset: Offset,
        _ partition: PartitionID
    ) async throws(DeliveryError) {
        let now = context.platform.clock.now()
        var plan = Plan(
            id: PlanID(rawValue: 0),
            connector: settings.id,
            location: context.location,
            partition: partition,
            type: type.name,
            edition: type.edition,
            first: offset,
            last: offset,
            hour: Hour(of: now),
            count: 1,
            made: now,
            objects: []
        )
        let key = context.keys.key(
            type: type.name,
            edition: type.edition,
            hour: plan.hour,
            partition: partition,
            first: offset
        )
        plan.objects = [try await context.fileOfOne(datum, type, tag: plan.tag(journal: context.journal.id), key: key)]
        plan.id = try await context.state.planRefused(plan, owner: context.owner)
        context.ledger.tookUp(plan)
        control.changes.raise()
    }

    private func send(
        _ datum: [UInt8],
        _ type: CarriedType,
        _ offset: Offset,
        _ partition: PartitionID,
        to stream: any StreamDestination
    ) async throws(DeliveryError) -> String? {
        var batch = StreamBatch(partition: partition, types: [type])
        batch.bytes = datum
        batch.records = [StreamBatch.Record(offset: offset, type: 0, datum: 0..<datum.count)]
        do throws(DestinationError) {
            if let refusal = try await stream.deliver(batch).refused.first { return refusal.reason }
        } catch {
            return error.message
        }
        try await context.state.settleRefused(
            connector: settings.id,
            partition: partition,
            offset: offset,
            type: type.name,
            owner: context.owner
        )
        context.ledger.settled(type.name, partition)
        return nil
    }
}

extension ConnectorContext {
    /// A finished staged file with one record.
    func fileOfOne(
        _ datum: [UInt8],
        _ type: CarriedType,
        tag: PlanTag,
        key: String
    ) async throws(DeliveryError) -> PlanObject {
        let now = platform.clock.now()
        let file = StagedFile(
            type: 0,
            name: "one-\(Hex.text(platform.random.next()))",
            hour: Hour(of: now),
            first: tag.first,
            opened: now,
            head: FileHead(schema: type.schema, codec: settings.codec, sync: platform.random.bytes(count: 16))
        )
        unsafe datum.withUnsafeBytes { unsafe file.append($0, offset: tag.first, blockBytes: settings.blockBytes) }
        file.endBlock()
        var encoder = BlockEncoder(settings.codec)
        for block in file.takeFull() {
            try file.add(block, through: &encoder)
        }
        if let write = file.takeWrite(folder: staging.path) { try await staging.carryOut([write]) }
        let object = try await finish(file, tag: tag, key: key)
        try await staging.synchronize()
        return object
    }
}
