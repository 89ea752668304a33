/// What the process tells the shell that called it.
///
/// The numbers are those of `sysexits.h`, so that scripts and service managers know them.
enum ExitStatus: Int32, Sendable {
    case rejected = 1
    case usage = 64
    case badData = 65
    case noInput = 66
    case unreachable = 69
    case `internal` = 70
    case refused = 77
    case configuration = 78
}

/// Why a command ends before its time: one sentence that says what to do, and the exit code.
struct CommandFailure: Error, Sendable {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}
