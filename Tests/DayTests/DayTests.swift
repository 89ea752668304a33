import Foundation
import ProgramTesting
import Testing

/// A day of reports and webhooks, as senders, providers and apps post them, and `kill -9` meanwhile.
///
/// A model in Python makes the requests and the events that must come of them. `make day` takes ten thousand people.
@Suite("a day in the life") struct DayTests {
    @Test("the day's comparison finds each fault that it looks for")
    func comparisonCanFail() async throws {
        let (status, output) = try await runPython(in: "Tracking", ["expectation_test.py"], within: .seconds(540))
        #expect(status == 0, "\(output)")
    }

    @Test(
        "the files equal the model's list less what was never posted, exactly, over two kill -9",
        .timeLimit(.minutes(10))
    )
    func filesEqualTheModel() async throws {
        let users = ProcessInfo.processInfo.environment["COURANT_DAY_USERS"] ?? "1000"
        let (status, output) = try await runPython(
            in: "Tracking",
            ["day.py", "--courant", builtCourant(), "--users", users, "--kills", "2"],
            within: .seconds(540)
        )
        print(output)
        #expect(status == 0, "\(output)")
    }
}
