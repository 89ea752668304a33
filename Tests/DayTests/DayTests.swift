import Foundation
import ProgramTesting
import Testing

/// A day of reports and webhooks, as senders, providers and apps post them, and `kill -9` meanwhile.
///
/// A model in Python makes the requests and the events that must come of them. `make day USERS=10000` takes a full day.
@Suite("a day in the life") struct DayTests {
    @Test("the day's comparison finds each fault that it looks for")
    func comparisonCanFail() async throws {
        let (status, output) = try await python(["expectation_test.py"])
        #expect(status == 0, "\(output)")
    }

    @Test(
        "the files equal the model's list less what was never posted, exactly, over two kill -9",
        .timeLimit(.minutes(10))
    )
    func filesEqualTheModel() async throws {
        let users = ProcessInfo.processInfo.environment["COURANT_DAY_USERS"] ?? "1000"
        let courant = Self.root.appending(path: ".build/debug/courant").path(percentEncoded: false)
        let (status, output) = try await python(["day.py", "--courant", courant, "--users", users, "--kills", "2"])
        print(output)
        #expect(status == 0, "\(output)")
    }

    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Runs a program of `Tests/Tracking`.
    private func python(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let outcome = try await runProgram(
            testPython(),
            ["-B"] + arguments,
            folder: Self.root.appending(path: "Tests/Tracking"),
            within: .seconds(540)
        )
        return (outcome.status, outcome.output + outcome.errors)
    }
}
