internal import CRDKafka
internal import Delivery
internal import Platform

/// The sending of one batch's messages: queues them, waits for their reports, and tells refusals from failures.
struct Sending {
    private struct Entry {
        let message: KafkaMessage
        /// Index into the batch's records.
        let record: Int
    }

    private let producer: KafkaProducer
    private let clock: any WorldClock
    private let patience: Duration
    private var entries: [Entry] = []
    /// Indices of the records that the brokers have acknowledged.
    private(set) var acknowledged: [Int] = []

    /// A producer that reports nothing for `patience` after the last message is given up.
    ///
    /// It reports on each message within `message.timeout.ms`; this is for the day when it does not.
    init(_ producer: KafkaProducer, clock: any WorldClock, patience: Duration) {
        self.producer = producer
        self.clock = clock
        self.patience = patience
    }

    mutating func add(_ message: KafkaMessage, of record: Int) {
        entries.append(Entry(message: message, record: record))
    }

    /// Sends everything and returns the refused records; throws if any is neither acknowledged nor refused.
    mutating func finish() async throws(DestinationError) -> [StreamOutcome.Refusal] {
        var refused: [StreamOutcome.Refusal] = []
        for suspect in try await send(entries, refused: &refused) {
            // A broker refuses a whole set of messages for one of them; each is asked about alone.
            for again in try await send([suspect], refused: &refused) {
                preconditionFailure("message \(again.record) alone is refused by itself")
            }
        }
        return refused
    }

    /// Sends some messages; those refused for their own sake are added to `refused`, those refused together returned.
    private mutating func send(
        _ entries: [Entry],
        refused: inout [StreamOutcome.Refusal]
    ) async throws(DestinationError) -> [Entry] {
        let reports = producer.reports
        let ticket = reports.open(messages: entries.count)
        var unqueued: [(place: Int, fault: KafkaFault)] = []
        for (place, entry) in entries.enumerated() {
            guard let fault = await queue(entry.message, DeliveryReports.number(ticket, place: place)) else { continue }
            unqueued.append((place, fault))
            reports.take([.init(number: DeliveryReports.number(ticket, place: place), fault: fault)])
            if Task.isCancelled || fault.code == RD_KAFKA_RESP_ERR__FATAL { break }
        }
        let deadline = clock.uptime() + patience
        while !Task.isCancelled {
            let generation = reports.progress.generation
            guard !reports.isComplete(ticket) else { break }
            guard await reports.wait(past: generation, until: deadline, by: clock) else {
                reports.take(Self.silence)
                break
            }
        }
        let outcome = reports.close(ticket)
        for (place, isAcknowledged) in outcome.isAcknowledged.enumerated() where isAcknowledged {
            acknowledged.append(entries[place].record)
        }
        guard !Task.isCancelled else { throw .cancelled }
        if let fatal = reports.fatal { throw fatal.error(at: "the producer failed and is made anew") }
        let failures = outcome.faults.filter { $0.fault.meaning != .refusal }
        if let failure = failures.first(where: { $0.fault.meaning != .passing }) ?? failures.first {
            throw error(failure.fault, of: entries[failure.place], count: failures.count, among: entries.count)
        }
        var together: [Entry] = []
        for (place, fault) in outcome.faults {
            if entries.count == 1 || unqueued.contains(where: { $0.place == place }) {
                refused.append(.init(record: entries[place].record, reason: "\(fault.message) (\(fault.name))"))
            } else {
                together.append(entries[place])
            }
        }
        return together
    }

    /// Queues one message, when there is room; nil if it is queued.
    private func queue(_ message: KafkaMessage, _ number: UInt64) async -> KafkaFault? {
        let deadline = clock.uptime() + patience
        while true {
            let generation = producer.reports.progress.generation
            let waiting = producer.waiting
            switch producer.queue(message, number: number) {
            case .queued: return nil
            case .failed(let fault): return fault
            case .full:
                guard waiting > 0 else {
                    return KafkaFault(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "larger than queue.buffering.max.kbytes")
                }
                guard await producer.reports.wait(past: generation, until: deadline, by: clock) else {
                    producer.reports.take(Self.silence)
                    return KafkaFault(RD_KAFKA_RESP_ERR__FATAL)
                }
                if Task.isCancelled { return KafkaFault(RD_KAFKA_RESP_ERR__INTR) }
            }
        }
    }

    private static let silence = KafkaFault(
        RD_KAFKA_RESP_ERR__TIMED_OUT,
        "librdkafka reports nothing on its messages",
        isFatal: true
    )

    private func error(_ fault: KafkaFault, of entry: Entry, count: Int, among all: Int) -> DestinationError {
        let place = "topic \(entry.message.topic), \(count) of \(all) records"
        // Time that ran out says less than what the producer complained of meanwhile.
        guard fault.isTimeout, let trouble = producer.reports.trouble else { return fault.error(at: place) }
        return trouble.error(at: place)
    }
}
