import Foundation
import ProgramTesting
import Testing

/// The server under `kill -9`, as a stranger sees it.
///
/// Python senders post over HTTP, fastavro reads the files. `make crash ROUNDS=n` runs as many rounds as one likes.
@Suite("killed at random moments") struct CrashTests {
    @Test("the crash test finds each fault that it looks for")
    func ledgerCanFail() async throws {
        let (status, output) = try await runPython(in: "Crash", ["ledger_test.py"], within: .seconds(900))
        #expect(status == 0, "\(output)")
    }

    @Test(
        "each acknowledged event stands exactly once, over fifty times kill -9 and the polite stops between them",
        .timeLimit(.minutes(15))
    )
    func everyAcknowledgedEventStandsOnce() async throws {
        let rounds = ProcessInfo.processInfo.environment["COURANT_CRASH_ROUNDS"] ?? "50"
        let (status, output) = try await runPython(
            in: "Crash",
            ["crash.py", "--courant", builtCourant(), "--rounds", rounds],
            within: .seconds(900)
        )
        print(output)
        #expect(status == 0, "\(output)")
        #expect(output.contains(": killed \(rounds) times,"), "polite stops are no kills")
    }
}
