internal import Journal
internal import Platform
internal import Telemetry

extension PartitionWorker {
    /// Any change of the hour, forwards or back, closes every open file: a file has one hour.
    func begin(_ frame: JournalFrame) {
        let frameHour = Hour(of: frame.time)
        frameTime = frame.time
        if let hour, hour != frameHour { closeAll() }
        hour = frameHour
    }

    /// Takes the frame's records: no allocation, no wait and no lock for each.
    func take(_ frame: JournalFrame) {
        guard !frame.payload.isEmpty else { return }
        context.metrics.framesRead.add()
        // The slots are moved out for the loop, so that changing one is neither checked nor copied.
        var slots: [Slot] = []
        swap(&slots, &self.slots)
        let routes = context.routes
        let blockBytes = context.settings.blockBytes
        unsafe frame.payload.withUnsafeBytes { payload in
            var position = 0
            var offset = frame.firstOffset.rawValue
            while position + RecordLayout.datumStart <= payload.count {
                let length = unsafe UInt32(
                    littleEndian: payload.loadUnaligned(fromByteOffset: position, as: UInt32.self)
                )
                let end = position + RecordLayout.lengthBytes + Int(length)
                guard end <= payload.count, end >= position + RecordLayout.datumStart else { break }
                let fingerprint = unsafe UInt64(
                    littleEndian: payload.loadUnaligned(
                        fromByteOffset: position + RecordLayout.fingerprintStart,
                        as: UInt64.self
                    )
                )
                let route = routes.find(fingerprint)
                if route >= 0 {
                    let type = routes.types[route]
                    if offset >= slots[type].threshold {
                        let datum = unsafe UnsafeRawBufferPointer(
                            rebasing: payload[position + RecordLayout.datumStart..<end]
                        )
                        if routes.isCopy[route] {
                            let file = open(type, Offset(offset), &slots[type])
                            unsafe file.append(datum, offset: Offset(offset), blockBytes: blockBytes)
                        } else {
                            unsafe project(datum, route: route, fingerprint: fingerprint, offset, &slots[type])
                        }
                        count(offset, &slots[type])
                    }
                }
                position = end
                offset += 1
            }
        }
        swap(&slots, &self.slots)
    }

    @inline(__always)
    private func count(_ offset: Int64, _ slot: inout Slot) {
        slot.staged += 1
        slot.hasChanged = true
        if offset >= cursor.resumed.rawValue { slot.carried += 1 } else { slot.awaiting -= 1 }
        if let file = slot.file, policy.isFull(count: file.count) {
            closed.append(file)
            slot.file = nil
        }
    }

    @inline(__always)
    private func open(_ type: Int, _ offset: Offset, _ slot: inout Slot) -> StagedFile {
        if let file = slot.file { return file }
        let file = makeFile(type, first: offset)
        slot.file = file
        return file
    }

    private func makeFile(_ type: Int, first: Offset) -> StagedFile {
        let random = context.platform.random
        return StagedFile(
            type: type,
            name: "p\(partition.rawValue)-\(context.types[type].name)-\(first.rawValue)-\(Hex.text(random.next()))",
            hour: hour ?? Hour(number: 0),
            first: first,
            opened: frameTime ?? Timestamp(nanoseconds: 0),
            head: FileHead(
                schema: context.types[type].schema,
                codec: context.settings.codec,
                sync: random.bytes(count: 16)
            ),
            buffers: buffers
        )
    }

    private func project(
        _ datum: UnsafeRawBufferPointer,
        route: Int,
        fingerprint: UInt64,
        _ offset: Int64,
        _ slot: inout Slot
    ) {
        guard let projection = context.routes.projections[route] else { return }
        let type = context.routes.types[route]
        let isNew = slot.file == nil
        let file = slot.file ?? makeFile(type, first: Offset(offset))
        let obstacle = unsafe file.append(
            datum,
            through: projection,
            scratch: &scratch,
            offset: Offset(offset),
            blockBytes: context.settings.blockBytes
        )
        guard let obstacle else {
            if isNew { slot.file = file }
            return
        }
        slot.refused.append(
            RefusedRecord(
                offset: Offset(offset),
                type: context.types[type].name,
                fingerprint: fingerprint,
                datum: unsafe Array(datum),
                reason: projection.sentence(for: obstacle)
            )
        )
        slot.refusedBytes += datum.count
    }

    /// Counts what the journal no longer has.
    ///
    /// Below what had been committed nothing is counted here: those records were counted as carried when they were
    /// first read, and what does not come again is found missing when the reader has passed.
    func note(_ loss: JournalLoss) {
        guard loss.to > cursor.resumed else { return }
        let from = max(loss.from, cursor.resumed)
        // Counts of a frame that was entered in its middle say nothing about its rest.
        guard let counts = loss.counts, counts.reduce(0, { $0 + $1.count }) == loss.to - from else {
            gapOffsets += Int(loss.to - from)
            return
        }
        for entry in counts {
            let route = context.routes.find(entry.fingerprint)
            guard route >= 0 else { continue }
            let type = context.routes.types[route]
            slots[type].carried += entry.count
            slots[type].lost += entry.count
            slots[type].hasChanged = true
        }
    }

    /// Closes all open files; they are planned when the frame has been taken.
    func closeAll() {
        for index in slots.indices {
            guard let file = slots[index].file else { continue }
            closed.append(file)
            slots[index].file = nil
        }
    }
}
