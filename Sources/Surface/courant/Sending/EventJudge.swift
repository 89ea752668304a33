import Glossary
import Intake
import Platform

/// What sources would say to events, asked of the room that says it: one place where the command line calls it.
struct EventJudge {
    /// The verdict on one event.
    enum Verdict {
        /// Every source of that edition takes it.
        case good
        /// A source takes it, and counts what a stricter one rejects it for.
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
        let taken = try ask(batch, isStrict: isStrict)
        let known = try ask(batch, isStrict: isStrict, unknownFields: .reject)
        let strict = try isStrict ? taken : ask(batch, isStrict: true)
        return taken.indices.map { index in
            if let rejection = taken[index] { return .rejected(rejection) }
            return (known[index] ?? strict[index]).map { .lenient($0) } ?? .good
        }
    }

    private func ask(
        _ batch: EventBatch,
        isStrict: Bool,
        unknownFields: SourceSettings.UnknownFields = .leaveOut
    ) throws -> [Rejection?] {
        let verdicts = try Intake.verdicts(
            for: batch.content.body,
            edition: edition,
            isStrict: isStrict,
            unknownFields: unknownFields,
            shape: batch.form == .envelope ? .envelope : .lines,
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
