import Foundation
import ProgramTesting
import Testing

/// The server under `kill -9`, as a stranger sees it.
///
/// Python senders post over HTTP, fastavro reads the files. `make crash ROUNDS=n` runs as many rounds as one likes.
@Suite("killed at random moments") struct CrashTests {
    @Test("the crash test finds each fault that it looks for")
    func ledgerCanFail() async throws {
        let (status, output) = try await python(["ledger_test.py"])
        #expect(status == 0, "\(output)")
    }

    @Test(
        "each acknowledged event stands exactly once, over fifty times kill -9 and the polite stops between them",
        .timeLimit(.minutes(15))
    )
    func everyAcknowledgedEventStandsOnce() async throws {
        let rounds = ProcessInfo.processInfo.environment["COURANT_CRASH_ROUNDS"] ?? "50"
        let courant = Self.root.appending(path: ".build/debug/courant").path(percentEncoded: false)
        let (status, output) = try await python(["crash.py", "--courant", courant, "--rounds", rounds])
        print(output)
        #expect(status == 0, "\(output)")
        #expect(output.contains(": killed \(rounds) times,"), "polite stops are no kills")
    }

    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Runs a program of `Tests/Crash`.
    private func python(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let outcome = try await runProgram(
            testPython(),
            ["-B"] + arguments,
            folder: Self.root.appending(path: "Tests/Crash"),
            within: .seconds(900)
        )
        return (outcome.status, outcome.output + outcome.errors)
    }
}
