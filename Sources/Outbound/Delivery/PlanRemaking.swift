internal import Avro
internal import Journal
internal import Platform

/// Makes the files of a plan again from the journal, when staging has lost them.
///
/// Type, boundaries, edition and key are the plan's; codec, blocks and privacy are today's, so the bytes may differ.
/// Nothing rests on their being equal: whoever finds the object of the first making recognises it by its plan.
struct PlanRemaking: Sendable {
    let context: ConnectorContext

    /// The plan with new objects; with none if the journal has lost all of its records.
    func remake(_ plan: Plan) async throws(DeliveryError) -> Plan {
        guard
            let type = context.book.type(named: plan.type, edition: plan.edition, kind: context.settings.kind)
        else {
            throw DeliveryError(
                .staging,
                "the staged file of \(plan.type), edition \(plan.edition), is lost, and this version no longer knows "
                    + "that edition: run the version that made it until the file has landed"
            )
        }
        let random = context.platform.random
        let file = StagedFile(
            type: 0,
            name: "p\(plan.partition.rawValue)-\(plan.type)-\(plan.first.rawValue)-\(Hex.text(random.next()))",
            hour: plan.hour,
            first: plan.first,
            opened: plan.made,
            head: FileHead(schema: type.schema, codec: context.settings.codec, sync: random.bytes(count: 16))
        )
        try await fill(file, of: plan, type)
        var remade = plan
        remade.objects = []
        guard file.count > 0, let key = plan.objects.first?.key else { return remade }
        var tag = plan.tag(journal: context.journal.id)
        tag.count = file.count
        remade.objects = [try await context.finish(file, tag: tag, key: key)]
        return remade
    }

    private func fill(_ file: StagedFile, of plan: Plan, _ type: CarriedType) async throws(DeliveryError) {
        let refused = try await context.state.refusedOffsets(
            connector: plan.connector,
            partition: plan.partition,
            type: plan.type,
            in: plan.first...plan.last
        )
        let routes: RouteTable
        do throws(PrivacyProblem) {
            routes = try RouteTable(book: context.book, types: [type], privacy: context.settings.privacy)
        } catch {
            throw DeliveryError(.staging, "\(plan.type) of edition \(plan.edition): privacy: \(error.sentence)")
        }
        let reader = context.journal.makeReader(plan.partition, from: plan.first)
        var encoder = BlockEncoder(context.settings.codec)
        var scratch = ProjectionScratch()
        while true {
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
            case .end: break
            case .lost(let loss) where loss.to > plan.last: break
            case .lost: continue
            case .frame(let frame):
                if frame.firstOffset > plan.last { break }
                take(frame, into: file, plan, routes, except: refused, &scratch)
                try await write(file, &encoder)
                if frame.nextOffset <= plan.last { continue }
            }
            break
        }
        file.endBlock()
        try await write(file, &encoder)
    }

    private func take(
        _ frame: JournalFrame,
        into file: StagedFile,
        _ plan: Plan,
        _ routes: RouteTable,
        except refused: [Offset],
        _ scratch: inout ProjectionScratch
    ) {
        unsafe frame.payload.withUnsafeBytes { payload in
            for record in frame.records where record.offset >= plan.first && record.offset <= plan.last {
                let route = routes.find(record.fingerprint)
                guard route >= 0, !refused.contains(record.offset) else { continue }
                let datum = unsafe UnsafeRawBufferPointer(rebasing: payload[record.datum])
                if let projection = routes.projections[route] {
                    _ = unsafe file.append(
                        datum,
                        through: projection,
                        scratch: &scratch,
                        offset: record.offset,
                        blockBytes: context.settings.blockBytes
                    )
                } else {
                    unsafe file.append(datum, offset: record.offset, blockBytes: context.settings.blockBytes)
                }
            }
        }
    }

    private func write(_ file: StagedFile, _ encoder: inout BlockEncoder) async throws(DeliveryError) {
        for block in file.takeFull() {
            try file.add(block, through: &encoder)
        }
        guard let write = file.takeWrite(folder: context.staging.path) else { return }
        try await context.staging.carryOut([write])
    }
}
