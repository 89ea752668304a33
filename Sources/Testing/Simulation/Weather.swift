internal import Platform
internal import PlatformTesting
internal import Synchronization

/// What goes wrong in a life, and when: asked at every step that the service takes outside itself.
final class Weather: Sendable {
    /// How often things go wrong, in a thousand, and at which step the process ends.
    struct Outlook: Sendable, Hashable {
        /// Steps are operations that change the disk, and requests and their answers; counted are those whose names
        /// have this in them.
        var endsAmong = ""
        var endsAtStep: Int?
        /// At which of the disk's operations of that name, on files whose paths have this in them, one fails.
        var failsOperation = ""
        var failsAmong = ""
        var failsAt: Int?
        var writesFailing = 0
        var readsFailing = 0
        var requestsFailing = 0
        var requestsSlow = 0

        static let fair = Outlook()
    }

    enum Moment: CaseIterable {
        case before
        case during
        case after
    }

    private struct State {
        var outlook = Outlook.fair
        var steps = 0
        var stepsCounted = 0
        /// Operations that the outlook's failure is one of.
        var failuresCounted = 0
        /// Whether the disk has no room.
        var isFull = false
        var ending: String?

        /// Whether an operation is the one that is to fail.
        mutating func isDue(_ operation: String, _ path: String) -> Bool {
            guard let failsAt = outlook.failsAt, operation == outlook.failsOperation,
                outlook.failsAmong.isEmpty || path.contains(outlook.failsAmong)
            else { return false }
            failuresCounted += 1
            return failuresCounted == failsAt
        }
    }

    private let dice: Dice
    private let clock: SimulatedClock
    private let executor: SeededExecutor
    private let trace: Trace
    private let state = Mutex(State())
    let mishaps = Mishaps()

    init(dice: Dice, clock: SimulatedClock, executor: SeededExecutor, trace: Trace) {
        self.dice = dice
        self.clock = clock
        self.executor = executor
        self.trace = trace
    }

    /// A life begins under that outlook.
    func become(_ outlook: Outlook) {
        state.withLock { $0 = State(outlook: outlook) }
    }

    var steps: Int { state.withLock { $0.steps } }
    /// How the process ended; nil while it lives.
    var ending: String? { state.withLock { $0.ending } }
    var isOver: Bool { ending != nil }

    /// The process is dead from here on.
    func end(_ how: String) {
        state.withLock { $0.ending = $0.ending ?? how }
        executor.halt()
        note("the process ends:", how)
    }

    func note(_ what: StaticString, _ which: String) {
        trace.note(what, which, at: clock.elapsed, job: executor.ran)
    }

    /// Counts a step; answers whether the process ends at it, and when.
    private func step(_ name: String) -> Moment? {
        let isLast = state.withLock { state in
            state.steps += 1
            guard state.outlook.endsAmong.isEmpty || name.contains(state.outlook.endsAmong) else { return false }
            state.stepsCounted += 1
            return state.stepsCounted == state.outlook.endsAtStep
        }
        guard isLast else { return nil }
        let moment = dice.pick(Moment.allCases)
        switch moment {
        case .before: mishaps.count(.endBefore)
        case .during: mishaps.count(.endDuring)
        case .after: mishaps.count(.endAfter)
        }
        return moment
    }

    // MARK: - The disk

    private static let looks: Set = ["open", "read", "stat", "list", "lock"]
    /// Operations for which a folder may have to grow.
    private static let namings: Set = ["create", "mkdir", "link", "rename"]
    /// Of a thousand new names on a full disk: how many find no room.
    private static let namesRefused = 300

    /// The disk is full, or has room again.
    func setFull(_ isFull: Bool) {
        state.withLock { $0.isFull = isFull }
    }

    /// What becomes of an operation of the disk.
    func fault(of operation: String, _ path: String) -> FaultyFiles.Fault? {
        let isLook = Self.looks.contains(operation)
        let name = "\(operation) \(path)"
        if isLook, operation != "open" {
            clock.spend(.nanoseconds(500))
        } else {
            clock.spend(.nanoseconds(operation.hasPrefix("sync") ? 100_000 : 5_000))
            note("disk:", name)
            if let moment = step(name) {
                if operation == "open" { mishaps.count(.endAtOpen) }
                end("\(moment) \(name)")
                return switch moment {
                case .before: .crashBefore
                case .during: .crash
                case .after: .crashAfter
                }
            }
        }
        let (outlook, isFull, isDue) = state.withLock { state in
            let isDue = state.isDue(operation, path)
            return (state.outlook, state.isFull, isDue)
        }
        if isFull, Self.namings.contains(operation), dice.chance(Self.namesRefused) {
            note("there is no room:", name)
            mishaps.count(.fullName)
            return .error(FileError.noSpace)
        }
        guard isDue || dice.chance(isLook ? outlook.readsFailing : outlook.writesFailing) else { return nil }
        note("it fails:", name)
        mishaps.count(Mishap(of: operation, path))
        return .error(FileError.inputOutput)
    }

    // MARK: - The network

    /// What becomes of a request to a service elsewhere.
    struct Course: Sendable {
        enum Kind: Sendable, CaseIterable {
            case straight
            /// Nobody takes the connection.
            case refused
            /// The connection is reset before the request has come whole.
            case lostRequest
            /// It is carried out, and the connection reset before the answer.
            case lostAnswer
            /// Answered with 503.
            case busy
            /// Answered with 401 or 403.
            case denied
            /// It hangs until the caller gives up, and arrives some time later.
            case delayed
            /// The credentials that it carries have just run out.
            case expired

            var mishap: Mishap? {
                switch self {
                case .straight: nil
                case .refused: .refusedConnection
                case .lostRequest: .lostRequest
                case .lostAnswer: .lostAnswer
                case .busy: .busy
                case .denied: .denied
                case .delayed: .delayed
                case .expired: .expired
                }
            }
        }

        var kind = Kind.straight
        var there: Duration
        var back: Duration
    }

    func course() -> Course {
        let outlook = state.withLock { $0.outlook }
        let isSlow = dice.chance(outlook.requestsSlow)
        let longest = isSlow ? Duration.seconds(40) : .milliseconds(200)
        var course = Course(
            there: dice.duration(.milliseconds(1)...longest),
            back: dice.duration(.milliseconds(1)...longest)
        )
        if dice.chance(outlook.requestsFailing) { course.kind = dice.pick(Course.Kind.allCases) }
        if let mishap = course.kind.mishap { mishaps.count(mishap) }
        return course
    }

    /// A request or an answer is on its way: the moment at which the process ends there, if it does.
    func pass(_ what: StaticString, _ which: String) -> Moment? {
        note(what, which)
        guard let moment = step("\(what) \(which)") else { return nil }
        end("\(moment) \(what) \(which)")
        return moment
    }
}
