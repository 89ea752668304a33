import Foundation
import ProgramTesting
import Testing

/// The built server, attacked from outside by programs of another language.
///
/// `make attack CONNECTIONS=30000` makes a larger crowd.
@Suite("attacked from outside", .serialized) struct AttackTests {
    @Test(
        "a crowd, bombs and floods cost little, keep nobody out, and leave nothing; no secret shows",
        .timeLimit(.minutes(10)),
        arguments: ["crowd", "bombs", "flood", "secrets"]
    )
    func attack(_ name: String) async throws {
        let connections = ProcessInfo.processInfo.environment["COURANT_ATTACK_CONNECTIONS"] ?? "3000"
        let courant = Self.root.appending(path: ".build/debug/courant").path(percentEncoded: false)
        let outcome = try await runProgram(
            testPython(),
            ["-B", "attack.py", name, "--courant", courant, "--connections", connections],
            folder: Self.root.appending(path: "Tests/Attack"),
            within: .seconds(540)
        )
        let output = outcome.output + outcome.errors
        print(output)
        #expect(outcome.status == 0, "\(output)")
        #expect(output.contains("\(name): "), "\(output)")
    }

    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}
