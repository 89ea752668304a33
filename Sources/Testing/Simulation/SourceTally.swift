internal import Intake
internal import Synchronization

/// What senders were told in one life, against which the source's books of that life are held.
final class SourceTally: Sendable {
    /// An answer, in numbers.
    struct Answer: Sendable {
        var events = 0
        var accepted = 0
        var duplicates = 0
        var rejected = 0
        var setAside = 0
    }

    private struct State {
        var told = Answer()
        /// Events of requests that were not answered, or refused as a whole: some may be counted.
        var open = 0
        var longestBody = 0
        /// What earlier lives' books had as accepted.
        var acceptedBefore = 0
        var failures: [String] = []
    }

    private let state = Mutex(State())

    /// The longest body so far.
    var longestBody: Int { state.withLock { $0.longestBody } }
    var failures: [String] { state.withLock { $0.failures } }

    func asked(_ events: Int, bytes: Int) {
        state.withLock { state in
            state.open += events
            state.longestBody = max(state.longestBody, bytes)
        }
    }

    func told(_ answer: Answer) {
        state.withLock { state in
            state.open -= answer.events
            state.told.events += answer.events
            state.told.accepted += answer.accepted
            state.told.duplicates += answer.duplicates
            state.told.rejected += answer.rejected
            state.told.setAside += answer.setAside
        }
    }

    /// A life has ended, and these are its books.
    ///
    /// They have what senders were told, and no more but for requests whose fate they do not know; where others use the
    /// source too (`isShared`), that cannot be told.
    func close(_ balance: SourceBalance, isShared: Bool) {
        state.withLock { state in
            let (told, open) = (state.told, state.open)
            let terms = [
                ("received", balance.received, told.events), ("accepted", balance.accepted, told.accepted),
                ("duplicates", balance.duplicates, told.duplicates),
                ("rejected", balance.rejected, told.rejected), ("set aside", balance.setAside, told.setAside),
            ]
            for (name, has, least) in terms where has < least || !isShared && has > least + open {
                state.failures.append(
                    "senders were told of \(least) events \(name) and not what became of \(open): "
                        + "the source's books have \(has)"
                )
            }
            state.acceptedBefore += balance.accepted
            (state.told, state.open) = (Answer(), 0)
        }
    }

    /// What is new is counted once, however often it is sent and however many lives there are.
    func judge(goodEvents: Int) -> [String] {
        let accepted = state.withLock { $0.acceptedBefore }
        guard accepted > goodEvents else { return [] }
        return ["the source's books have \(accepted) as accepted in all lives, of \(goodEvents) good events"]
    }
}
