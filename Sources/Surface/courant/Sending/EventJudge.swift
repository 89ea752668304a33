import Glossary
import Intake
import Platform

/// What sources would say to events, asked of the room that says it: one place where the command line calls it.
struct EventJudge {
    /// The verdict on one event.
    enum Verdict {
        /// Every source of that edition takes it.
        case good
        /// A lenient source takes it and counts what a strict one rejects it for.
        case lenient(Rejection)
        case rejected(Rejection)

        var word: String {
            switch self {
            case .good: "ok"
            case .lenient: "lenient"
            case .rejected: "rejected"
            }
        }

        var reason: Rejection? {
            switch self {
            case .good: nil
            case .lenient(let reason), .rejected(let reason): reason
            }
        }
    }

    let edition: Edition
    let isStrict: Bool
    private let platform = Platform.live(blockingThreads: 1, computeThreads: 1)

    init(edition: Edition, isStrict: Bool) {
        self.edition = edition
        self.isStrict = isStrict
    }

    /// The verdicts on the batch's events, in order.
    func verdicts(on batch: EventBatch) throws -> [Verdict] {
        let strict = try ask(batch, isStrict: true)
        if isStrict { return strict.map { $0.map { .rejected($0) } ?? .good } }
        let lenient = try ask(batch, isStrict: false)
        return zip(lenient, strict).map { lenient, strict in
            if let lenient { return .rejected(lenient) }
            return strict.map { .lenient($0) } ?? .good
        }
    }

    private func ask(_ batch: EventBatch, isStrict: Bool) throws -> [Rejection?] {
        let verdicts = try Intake.verdicts(
            for: batch.body,
            edition: edition,
            isStrict: isStrict,
            isLines: true,
            platform: platform
        )
        guard verdicts.count == batch.count else {
            throw CommandFailure(
                .internal,
                "\(batch.count) events of \(batch.origin) got \(verdicts.count) verdicts; please report this."
            )
        }
        return verdicts.map(\.rejection)
    }
}
