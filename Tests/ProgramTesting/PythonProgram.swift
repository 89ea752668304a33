package import Foundation

/// Runs a Python program that stands in a folder of `Tests`; answers its exit code and all that it printed.
package func runPython(
    in folder: String,
    _ arguments: [String],
    within timeout: Duration
) async throws -> (status: Int32, printed: String) {
    let outcome = try await runProgram(
        testPython(),
        ["-B"] + arguments,
        folder: repositoryRoot.appending(path: "Tests/\(folder)"),
        within: timeout
    )
    return (outcome.status, outcome.output + outcome.errors)
}

/// The command line as the debug build makes it.
package func builtCourant() -> String {
    repositoryRoot.appending(path: ".build/debug/courant").path(percentEncoded: false)
}

/// The folder of the package.
package let repositoryRoot = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
