import Foundation
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

    @Test("each acknowledged event stands exactly once, over fifty rounds of kill -9", .timeLimit(.minutes(15)))
    func everyAcknowledgedEventStandsOnce() async throws {
        let rounds = ProcessInfo.processInfo.environment["COURANT_CRASH_ROUNDS"] ?? "50"
        let courant = Self.root.appending(path: ".build/debug/courant").path(percentEncoded: false)
        let (status, output) = try await python(["crash.py", "--courant", courant, "--rounds", rounds])
        print(output)
        #expect(status == 0, "\(output)")
    }

    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Runs a program of `Tests/Crash` without holding a thread of the test run while it lasts.
    private func python(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let named = ProcessInfo.processInfo.environment["COURANT_PYTHON"]
        let process = Process()
        process.executableURL = named.map { URL(filePath: $0) } ?? Self.root.appending(path: ".build/venv/bin/python")
        process.arguments = ["-B"] + arguments
        process.currentDirectoryURL = Self.root.appending(path: "Tests/Crash")
        process.standardInput = FileHandle.nullDevice
        let file = FileManager.default.temporaryDirectory.appending(path: "courant-crash-\(UUID().uuidString).log")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let output = try FileHandle(forWritingTo: file)
        process.standardOutput = output
        process.standardError = output
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return (status, String(decoding: try Data(contentsOf: file), as: UTF8.self))
    }
}
