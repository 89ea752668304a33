import Foundation
import Platform

/// A server as a child process of this one: the same binary, so that a demonstration shows what anybody can run.
final class ServerProcess {
    /// Where it listens, once it is ready.
    private(set) var address = ""
    private let process: Process
    private let clock: any WorldClock
    private let log: String

    private static let startTimeout = Duration.seconds(30)
    private static let stopTimeout = Duration.seconds(20)
    private static let pollEvery = Duration.milliseconds(20)

    private init(process: Process, log: String, clock: any WorldClock) {
        self.process = process
        self.log = log
        self.clock = clock
    }

    /// Starts `courant serve` over a data folder, on a free port of the loopback address, and returns when it is ready.
    ///
    /// Everything that the server prints goes to the file `log`.
    static func start(data: String, log: String, clock: any WorldClock) async throws -> ServerProcess {
        guard let executable = Bundle.main.executableURL else {
            throw CommandFailure(.internal, "This program does not know where its own file is; call it by its path.")
        }
        guard FileManager.default.createFile(atPath: log, contents: nil), let output = FileHandle(forWritingAtPath: log)
        else {
            throw CommandFailure(.internal, "`\(log)` cannot be written; check the folder's permissions.")
        }
        let process = Process()
        process.executableURL = executable
        process.arguments = ["serve", "--data", data, "--listen", "127.0.0.1:0"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        var environment = ProcessInfo.processInfo.environment
        environment["COURANT_TOKEN"] = nil
        process.environment = environment
        try process.run()
        let server = ServerProcess(process: process, log: log, clock: clock)
        do {
            try await server.becomeReady()
        } catch {
            // An interruption, too, leaves no server behind.
            server.stop()
            throw error
        }
        return server
    }

    private func becomeReady() async throws {
        let deadline = clock.uptime() + Self.startTimeout
        while clock.uptime() < deadline, process.isRunning {
            if let address = Self.listening(in: log) {
                let client = try ServerClient(address: address, token: nil)
                if let answer = try? await client.exchange(.get("/readyz")), answer.status == 200 {
                    self.address = address
                    return
                }
            }
            try await clock.sleep(for: Self.pollEvery)
        }
        throw CommandFailure(.internal, "The server did not start. Its last words:\n\(Self.lastLines(of: log))")
    }

    /// Asks the server to stop and waits until it has; after the timeout it is killed.
    ///
    /// Blocks, so that it also works where the caller was cancelled.
    func stop() {
        process.terminate()
        let deadline = clock.uptime() + Self.stopTimeout
        while process.isRunning && clock.uptime() < deadline { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Throws if the server has ended by itself.
    func check() throws {
        guard !process.isRunning else { return }
        throw CommandFailure(
            .internal,
            "The server ended with \(process.terminationStatus). Its last words:\n\(Self.lastLines(of: log))"
        )
    }

    /// The address in the line that `serve` prints first.
    private static func listening(in log: String) -> String? {
        guard let text = try? String(contentsOfFile: log, encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.contains(Serve.listeningPrefix) }),
            let range = line.firstRange(of: Serve.listeningPrefix)
        else { return nil }
        return String(line[range.upperBound...])
    }

    private static func lastLines(of log: String) -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(10).map { "  \($0)" }.joined(separator: "\n")
    }
}
