import Foundation
import ProgramTesting
import Testing

/// The built program, run as a person runs it.
enum CourantBinary {
    /// The package's folder.
    static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The program that was built together with these tests: it stands beside the test bundle.
    static let executable: URL = {
        if let given = ProcessInfo.processInfo.environment["COURANT_BINARY"] { return URL(filePath: given) }
        let beside = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "courant")
        if let beside, FileManager.default.isExecutableFile(atPath: beside.path) { return beside }
        return package.appending(path: ".build/debug/courant")
    }()

    /// Runs `courant` and returns what it printed.
    static func run(
        _ arguments: [String],
        input: String = "",
        environment: [String: String] = [:],
        folder: URL? = nil
    ) async throws -> ProgramOutcome {
        try await runProgram(
            executable,
            arguments,
            input: Data(input.utf8),
            environment: Self.environment(with: environment),
            folder: folder
        )
    }

    static func run(_ arguments: String..., input: String = "") async throws -> ProgramOutcome {
        try await run(arguments, input: input)
    }

    /// Runs a Python program that prints what the test compares.
    static func python(_ program: String, _ arguments: String...) async throws -> ProgramOutcome {
        try await runProgram(testPython(), ["-c", program] + arguments)
    }

    /// The environment that programs of these tests get over that of the test run.
    static func environment(with changes: [String: String]) -> [String: String?] {
        let usual: [String: String?] = ["COURANT_TOKEN": nil, "COURANT_URL": nil, "COLUMNS": "80"]
        return usual.merging(changes) { $1 }
    }
}

/// A folder that is there for one test.
enum TemporaryFolder {
    static func with<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "courant-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        do {
            let value = try await body(folder)
            try FileManager.default.removeItem(at: folder)
            return value
        } catch {
            try? FileManager.default.removeItem(at: folder)
            throw error
        }
    }
}
