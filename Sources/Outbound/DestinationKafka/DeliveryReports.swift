internal import CRDKafka
internal import Delivery
internal import Platform
internal import Synchronization

/// What became of the messages of one producer, as its brokers report it.
///
/// librdkafka calls in from a thread of its own; who waits for reports waits on `progress`.
final class DeliveryReports: Sendable {
    /// Stands for the messages that one call sends.
    typealias Ticket = UInt32

    /// One message's report.
    struct Report: Sendable {
        /// Tells ticket and message.
        let number: UInt64
        /// Nil for an acknowledged one.
        let fault: KafkaFault?
    }

    /// What came of one ticket.
    struct Outcome: Sendable {
        /// By the message's place among those of its ticket.
        var isAcknowledged: [Bool]
        var faults: [(place: Int, fault: KafkaFault)] = []
        fileprivate var outstanding: Int

        fileprivate init(messages: Int) {
            isAcknowledged = Array(repeating: false, count: messages)
            outstanding = messages
        }

        mutating func take(_ fault: KafkaFault?, at place: Int) {
            outstanding -= 1
            if let fault { faults.append((place, fault)) } else { isAcknowledged[place] = true }
        }
    }

    private struct State {
        var outcomes: [Ticket: Outcome] = [:]
        var last: Ticket = 0
        /// What the producer last complained of, until a message is acknowledged again.
        var trouble: KafkaFault?
        var fatal: KafkaFault?
    }

    /// Raised after each batch of reports and each error.
    let progress = Signal()
    private let state = Mutex(State())
    private let statistics: @Sendable (String) -> Void

    init(statistics: @escaping @Sendable (String) -> Void) {
        self.statistics = statistics
    }

    /// Why the producer is of no more use, if it is not.
    var fatal: KafkaFault? { state.withLock(\.fatal) }

    /// What is wrong with the producer as a whole.
    var trouble: KafkaFault? { state.withLock(\.trouble) }

    /// Expects reports of so many messages.
    func open(messages: Int) -> Ticket {
        state.withLock { state in
            repeat { state.last &+= 1 } while state.last == 0 || state.outcomes[state.last] != nil
            state.outcomes[state.last] = Outcome(messages: messages)
            return state.last
        }
    }

    /// Forgets the ticket and returns what is known of it; later reports fall to the ground.
    func close(_ ticket: Ticket) -> Outcome {
        state.withLock { state in
            guard let outcome = state.outcomes.removeValue(forKey: ticket) else {
                preconditionFailure("a ticket is closed once")
            }
            return outcome
        }
    }

    /// Whether nothing more is to be waited for.
    func isComplete(_ ticket: Ticket) -> Bool {
        state.withLock { $0.fatal != nil || $0.outcomes[ticket]?.outstanding == 0 }
    }

    /// Waits for the next report, error or statistics; false if it is too late to.
    func wait(past generation: UInt64, until deadline: Duration, by clock: any WorldClock) async -> Bool {
        let left = deadline - clock.uptime()
        guard left > .zero else { return false }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.progress.wait(past: generation) }
            group.addTask { try? await clock.sleep(for: left) }
            await group.next()
            group.cancelAll()
        }
        return true
    }

    /// The number by which a message is known to librdkafka; never zero.
    static func number(_ ticket: Ticket, place: Int) -> UInt64 {
        UInt64(ticket) << 32 | UInt64(UInt32(place))
    }

    func take(_ reports: [Report]) {
        state.withLock { state in
            for report in reports {
                if report.fault == nil { state.trouble = nil }
                let ticket = Ticket(report.number >> 32)
                state.outcomes[ticket]?.take(report.fault, at: Int(report.number & 0xFFFF_FFFF))
            }
        }
        progress.raise()
    }

    /// Takes a complaint about the producer as a whole.
    func take(_ fault: KafkaFault) {
        state.withLock { state in
            // With the credentials refused, the brokers count as down too: the first says more.
            if state.trouble?.meaning ?? .passing == .passing { state.trouble = fault }
            if fault.isFatal { state.fatal = fault }
        }
        progress.raise()
    }

    func take(statistics text: String) {
        statistics(text)
        // They fill room in the queue too, which somebody may be waiting for.
        progress.raise()
    }
}
