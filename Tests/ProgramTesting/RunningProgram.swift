package import Foundation
internal import Subprocess
internal import Synchronization

#if canImport(System)
internal import System
#else
internal import SystemPackage
#endif

/// A program that runs beside a test: a server, a client, an interpreter of another language.
///
/// It gets its three streams and nothing else that this process has open, so that no two programs of tests that run at
/// once hold each other's pipes or locks. What it prints goes to files, so that no full pipe can stop it.
package final class RunningProgram: Sendable {
    /// How long a program may run unless its caller says otherwise.
    package static let usualTimeout = Duration.seconds(300)
    private static let pollEvery = Duration.milliseconds(10)

    private enum State: Sendable {
        case starting
        case running(pid_t)
        case ended(Int32)
        case failed(any Error)
    }

    /// The program and what it was called with, for messages.
    private let name: String
    private let scratch: URL
    private let state = Mutex<State>(.starting)

    private init(name: String, scratch: URL) {
        self.name = name
        self.scratch = scratch
    }

    deinit { try? FileManager.default.removeItem(at: scratch) }

    /// Runs a Python program from `Python/` beside the test's file, and `body` once it says `ready` and a line of JSON.
    ///
    /// The program has ended when this returns.
    package static func beside<Ready: Decodable & Sendable, Value: Sendable>(
        script name: String,
        _ arguments: [String] = [],
        file: String = #filePath,
        _ body: (Ready) async throws -> Value
    ) async throws -> Value {
        let script = URL(filePath: file).deletingLastPathComponent().appending(path: "Python/\(name)")
        let program = try await start(try testPython(), [script.path(percentEncoded: false)] + arguments)
        let result: Result<Value, any Error>
        do {
            let line = try await program.line(after: "ready ")
            result = .success(try await body(try JSONDecoder().decode(Ready.self, from: Data(line.utf8))))
        } catch {
            result = .failure(error)
        }
        try await program.crash()
        return try result.get()
    }

    /// Starts a program and returns once it runs.
    ///
    /// `environment` is laid over this process's own; a value of nil takes the variable away.
    package static func start(
        _ program: URL,
        _ arguments: [String] = [],
        input: Data = Data(),
        environment: [String: String?] = [:],
        folder: URL? = nil
    ) async throws -> RunningProgram {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "courant-program-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        let name = ([program.lastPathComponent] + arguments).joined(separator: " ").prefix(120)
        let running = RunningProgram(name: String(name), scratch: scratch)
        try input.write(to: running.file("stdin"))
        var keys: [Environment.Key: String?] = [:]
        for (key, value) in environment { keys[Environment.Key(stringLiteral: key)] = value }
        let configuration = Configuration(
            executable: .path(FilePath(program.path(percentEncoded: false))),
            arguments: Arguments(arguments),
            environment: Environment.inherit.updating(keys),
            workingDirectory: folder.map { FilePath($0.path(percentEncoded: false)) }
        )
        let streams = (
            input: try FileDescriptor.open(running.path("stdin"), .readOnly),
            output: try running.makeStream("stdout"),
            errors: try running.makeStream("stderr")
        )
        Task {
            do {
                let result = try await Subprocess.run(
                    configuration,
                    input: .fileDescriptor(streams.input, closeAfterSpawningProcess: true),
                    output: .fileDescriptor(streams.output, closeAfterSpawningProcess: true),
                    error: .fileDescriptor(streams.errors, closeAfterSpawningProcess: true)
                ) { execution in
                    running.state.withLock { $0 = .running(execution.processIdentifier.value) }
                }
                running.state.withLock { $0 = .ended(result.terminationStatus.exitCode) }
            } catch {
                running.state.withLock { $0 = .failed(error) }
            }
        }
        while case .starting = running.state.withLock({ $0 }) { try await Task.sleep(for: pollEvery) }
        if case .failed(let error) = running.state.withLock({ $0 }) { throw error }
        return running
    }

    package var isRunning: Bool {
        if case .running = state.withLock({ $0 }) { return true }
        return false
    }

    /// Sends a signal; nothing happens if the program has ended.
    package func send(_ signal: Int32) {
        // Under the lock, so that the number is not another program's by now.
        state.withLock { state in
            if case .running(let process) = state { _ = kill(process, signal) }
        }
    }

    /// Waits for the program's end and returns its exit code, 128 and the signal's number if a signal ended it.
    ///
    /// One that is still there after `timeout` is killed, and the error says what it had printed.
    @discardableResult
    package func end(within timeout: Duration = usualTimeout) async throws -> Int32 {
        let deadline = ContinuousClock.now + timeout
        var isLate = false
        while true {
            switch state.withLock({ $0 }) {
            case .ended(let status):
                guard !isLate else { throw ProgramFailure("\(name) did not end within \(timeout)", try everything()) }
                return status
            case .failed(let error): throw error
            case .starting, .running:
                if ContinuousClock.now >= deadline, !isLate {
                    isLate = true
                    send(SIGKILL)
                }
                // A cancelled test, too, waits until its program has gone.
                try? await Task.sleep(for: Self.pollEvery)
                if Task.isCancelled { send(SIGKILL) }
            }
        }
    }

    /// Asks the program to end, as a service manager does, and returns its exit code.
    @discardableResult
    package func stop(within timeout: Duration = .seconds(60)) async throws -> Int32 {
        send(SIGTERM)
        return try await end(within: timeout)
    }

    /// Ends the program as a crash does.
    package func crash() async throws {
        send(SIGKILL)
        try await end()
    }

    /// Waits until a line of standard output has `text` in it, and returns what stands behind it in that line.
    package func line(after text: String, within timeout: Duration = .seconds(60)) async throws -> String {
        let deadline = ContinuousClock.now + timeout
        while true {
            let hasEnded = !isRunning
            let lines = try output().split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            for line in lines { if let found = line.firstRange(of: text) { return String(line[found.upperBound...]) } }
            if hasEnded { throw ProgramFailure("\(name) ended before it printed `\(text)`", try everything()) }
            if ContinuousClock.now >= deadline {
                throw ProgramFailure("\(name) did not print `\(text)` within \(timeout)", try everything())
            }
            try await Task.sleep(for: Self.pollEvery)
        }
    }

    /// What the program has printed on standard output so far.
    package func output() throws -> String { String(decoding: try Data(contentsOf: file("stdout")), as: UTF8.self) }

    /// What the program has printed on standard error so far.
    package func errors() throws -> String { String(decoding: try Data(contentsOf: file("stderr")), as: UTF8.self) }

    private func everything() throws -> String { try output() + errors() }

    private func file(_ name: String) -> URL { scratch.appending(path: name) }

    private func makeStream(_ name: String) throws -> FileDescriptor {
        try FileDescriptor.open(path(name), .writeOnly, options: [.create], permissions: .ownerReadWrite)
    }

    private func path(_ name: String) -> FilePath { FilePath(file(name).path(percentEncoded: false)) }
}

/// A program that did not do what its test needs.
package struct ProgramFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ sentence: String, _ printed: String) {
        description = "\(sentence). It printed:\n\(printed.suffix(4_000))"
    }
}

extension TerminationStatus {
    /// As a shell would show it.
    fileprivate var exitCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }
}
