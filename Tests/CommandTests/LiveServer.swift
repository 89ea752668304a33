import Foundation
import Testing

/// A running `courant serve` on a free port.
final class LiveServer {
    let address: String
    let data: URL
    private let process: Process
    private let scratch: URL

    private init(process: Process, address: String, data: URL, scratch: URL) {
        self.scratch = scratch
        self.process = process
        self.address = address
        self.data = data
    }

    /// Runs `body` against a server over `folder/data`, stops the server with SIGTERM, and checks that it ends with 0.
    static func with<Value>(
        in folder: URL,
        configuration: String? = nil,
        environment: [String: String] = [:],
        _ body: (LiveServer) async throws -> Value
    ) async throws -> Value {
        let server = try await start(in: folder, configuration: configuration, environment: environment)
        do {
            let value = try await body(server)
            let status = try await server.stop()
            #expect(status == 0, "the server's own exit code")
            return value
        } catch {
            _ = try? await server.stop()
            throw error
        }
    }

    static func start(
        in folder: URL,
        configuration: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> LiveServer {
        let data = folder.appending(path: "data")
        let scratch = folder.appending(path: "server-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        var arguments = ["serve", "--data", data.path, "--listen", "127.0.0.1:0"]
        if let configuration {
            let file = folder.appending(path: "courant.yaml")
            try Data(configuration.utf8).write(to: file)
            arguments += ["--config", file.path]
        }
        let process = try CourantBinary.prepared(
            CourantBinary.executable,
            arguments,
            environment: environment,
            scratch: scratch
        )
        process.standardInput = FileHandle.nullDevice
        try process.run()
        for _ in 0..<1_500 where process.isRunning {
            let text = String(decoding: try Data(contentsOf: scratch.appending(path: "stdout")), as: UTF8.self)
            if let line = text.split(separator: "\n").first(where: { $0.contains("listens on http") }),
                let range = line.firstRange(of: "listens on ")
            {
                return LiveServer(
                    process: process,
                    address: String(line[range.upperBound...]),
                    data: data,
                    scratch: scratch
                )
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        process.terminate()
        let errors = String(decoding: try Data(contentsOf: scratch.appending(path: "stderr")), as: UTF8.self)
        throw ServerDidNotStart(errors: errors)
    }

    struct ServerDidNotStart: Error {
        let errors: String
    }

    /// Runs `courant` against this server.
    func run(_ arguments: String..., input: String = "", token: String? = nil) async throws -> CourantBinary.Outcome {
        var environment = ["COURANT_URL": address]
        environment["COURANT_TOKEN"] = token
        return try await CourantBinary.run(arguments, input: input, environment: environment)
    }

    /// Every file that landed, read back by `courant cat`.
    func landed(withType: Bool = false) async throws -> [String] {
        let files = try Self.avroFiles(in: data.appending(path: "files"))
        guard !files.isEmpty else { return [] }
        let outcome = try await CourantBinary.run(["cat"] + (withType ? ["--with-type"] : []) + files.map(\.path))
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.lines
    }

    static func avroFiles(in folder: URL) throws -> [URL] {
        let enumerator = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var files: [URL] = []
        while let file = enumerator?.nextObject() as? URL {
            if file.pathExtension == "avro" { files.append(file) }
        }
        return files.sorted { $0.path < $1.path }
    }

    /// Everything that the server has printed on standard output.
    func output() throws -> String {
        String(decoding: try Data(contentsOf: scratch.appending(path: "stdout")), as: UTF8.self)
    }

    /// Ends the server as a crash does.
    func kill() async throws {
        Foundation.kill(process.processIdentifier, SIGKILL)
        for _ in 0..<500 where process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// Sends SIGTERM, as a service manager does, and returns the exit code.
    func stop() async throws -> Int32 {
        process.terminate()
        for _ in 0..<1_500 where process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        if process.isRunning { try await kill() }
        return process.terminationStatus
    }
}
