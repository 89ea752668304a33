package import Foundation

/// What a program that has ended gave.
package struct ProgramOutcome: Sendable {
    /// Its exit code, 128 and the signal's number if a signal ended it.
    package let status: Int32
    package let output: String
    package let errors: String

    package var lines: [String] {
        output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
}

/// Runs a program to its end.
package func runProgram(
    _ program: URL,
    _ arguments: [String] = [],
    input: Data = Data(),
    environment: [String: String?] = [:],
    folder: URL? = nil,
    within timeout: Duration = RunningProgram.usualTimeout
) async throws -> ProgramOutcome {
    let program = try await RunningProgram.start(
        program,
        arguments,
        input: input,
        environment: environment,
        folder: folder
    )
    let status = try await program.end(within: timeout)
    return ProgramOutcome(status: status, output: try program.output(), errors: try program.errors())
}

/// The interpreter that has the Python packages of `Tests/requirements.txt`.
package func testPython() throws -> URL {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["COURANT_PYTHON"].map { URL(filePath: $0) }
    let python = named ?? root.appending(path: ".build/venv/bin/python")
    guard FileManager.default.isExecutableFile(atPath: python.path(percentEncoded: false)) else {
        throw ProgramFailure("No Python at \(python.path()): run scripts/setup --test, or set COURANT_PYTHON", "")
    }
    return python
}
