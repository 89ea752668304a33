import Foundation
import Testing

/// The built program, run as a person runs it.
enum CourantBinary {
    /// What one run gave.
    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let errors: String

        var lines: [String] {
            output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
    }

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

    /// The interpreter that has fastavro, avro and polars.
    static let python: URL = {
        if let given = ProcessInfo.processInfo.environment["COURANT_PYTHON"] { return URL(filePath: given) }
        return package.appending(path: ".build/venv/bin/python")
    }()

    /// Runs `courant` and returns what it printed.
    static func run(
        _ arguments: [String],
        input: String = "",
        environment: [String: String] = [:],
        folder: URL? = nil
    ) async throws -> Outcome {
        try await run(executable, arguments, input: Data(input.utf8), environment: environment, folder: folder)
    }

    static func run(_ arguments: String..., input: String = "") async throws -> Outcome {
        try await run(arguments, input: input)
    }

    /// Runs a Python program that prints what the test compares.
    static func python(_ program: String, _ arguments: String...) async throws -> Outcome {
        try #require(
            FileManager.default.isExecutableFile(atPath: python.path),
            "no Python at \(python.path): run scripts/setup, or set COURANT_PYTHON"
        )
        return try await run(python, ["-c", program] + arguments, input: Data(), environment: [:], folder: nil)
    }

    /// Output goes to files, so that no full pipe can stop the program.
    static func run(
        _ program: URL,
        _ arguments: [String],
        input: Data,
        environment: [String: String],
        folder: URL?
    ) async throws -> Outcome {
        try await TemporaryFolder.with { scratch in
            let process = try prepared(program, arguments, environment: environment, scratch: scratch)
            if let folder { process.currentDirectoryURL = folder }
            let inputFile = scratch.appending(path: "stdin")
            try input.write(to: inputFile)
            process.standardInput = try FileHandle(forReadingFrom: inputFile)
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                process.terminationHandler = { _ in done.resume() }
                do {
                    try process.run()
                } catch {
                    process.terminationHandler = nil
                    done.resume(throwing: error)
                }
            }
            return Outcome(
                status: process.terminationStatus,
                output: try text(scratch, "stdout"),
                errors: try text(scratch, "stderr")
            )
        }
    }

    static func prepared(
        _ program: URL,
        _ arguments: [String],
        environment: [String: String],
        scratch: URL
    ) throws -> Process {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        var inherited = ProcessInfo.processInfo.environment
        for name in ["COURANT_TOKEN", "COURANT_URL"] { inherited[name] = nil }
        inherited["COLUMNS"] = "80"
        process.environment = inherited.merging(environment) { $1 }
        for name in ["stdout", "stderr"] {
            let file = scratch.appending(path: name)
            try Data().write(to: file)
            let handle = try FileHandle(forWritingTo: file)
            if name == "stdout" { process.standardOutput = handle } else { process.standardError = handle }
        }
        return process
    }

    private static func text(_ folder: URL, _ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
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
