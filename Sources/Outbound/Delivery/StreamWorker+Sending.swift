internal import Journal
internal import Platform
internal import Telemetry

extension StreamWorker {
    /// Sends until every record is acknowledged or set aside; false if the connector stops or was cancelled.
    ///
    /// Of an unfinished batch nothing is committed: it is read and sent again.
    func send(_ batch: StreamBatch, of frame: JournalFrame) async throws(DeliveryError) -> Bool {
        var halves = [batch]
        while let next = halves.popLast() {
            do throws(DestinationError) {
                let outcome = try await destination.deliver(next)
                for record in next.records { counts[record.type].landedAdded += 1 }
                for refusal in outcome.refused {
                    let record = next.records[refusal.record]
                    counts[record.type].landedAdded -= 1
                    refuse(record, in: frame, reason: refusal.reason)
                }
                retry.succeeded()
                context.ledger.recovered(.partition(partition))
                context.ledger.recovered(.destination)
            } catch {
                guard !Task.isCancelled else { return false }
                context.metrics.retried(error.code)
                if error.remedy == .setAside {
                    if next.records.count == 1 {
                        refuse(next.records[0], in: frame, reason: error.message)
                    } else {
                        halves += next.halved().reversed()
                    }
                    continue
                }
                halves.append(next)
                await wait(after: error)
                guard !Task.isCancelled, context.control.mode != .stopping else { return false }
            }
        }
        return true
    }

    private func wait(after error: DestinationError) async {
        let now = context.platform.clock.now()
        let random = context.platform.random.next()
        let place = Trouble.Place.partition(partition)
        if case .retry(let after) = error.remedy {
            context.ledger.trouble(.retrying, at: place, reason: error.message, now: now)
            await context.pause(for: retry.wait(random: random, asked: after))
        } else {
            context.ledger.trouble(.waitingForChange, at: place, reason: error.message, now: now)
            await context.pause(for: retry.waitForChange(random: random))
        }
    }

    private func refuse(_ record: StreamBatch.Record, in frame: JournalFrame, reason: String) {
        guard let view = frame.records.first(where: { $0.offset == record.offset }) else { return }
        refuse(view, type: record.type, in: frame, reason: reason)
    }
}

extension StreamBatch {
    /// Both halves, the first one first, each with the bytes of the whole.
    fileprivate func halved() -> [StreamBatch] {
        let middle = records.count / 2
        var (first, second) = (self, self)
        first.records = Array(records[..<middle])
        second.records = Array(records[middle...])
        return [first, second]
    }
}
