import Foundation
import ProgramTesting
import Testing

/// A running `courant serve` on a free port.
final class LiveServer {
    let address: String
    let data: URL
    private let program: RunningProgram

    private init(program: RunningProgram, address: String, data: URL) {
        self.program = program
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
        var arguments = ["serve", "--data", data.path, "--listen", "127.0.0.1:0"]
        if let configuration {
            let file = folder.appending(path: "courant.yaml")
            try Data(configuration.utf8).write(to: file)
            arguments += ["--config", file.path]
        }
        let program = try await RunningProgram.start(
            CourantBinary.executable,
            arguments,
            environment: CourantBinary.environment(with: environment)
        )
        do {
            let address = try await program.line(after: "listens on ")
            return LiveServer(program: program, address: address, data: data)
        } catch {
            try await program.stop()
            throw error
        }
    }

    /// Runs `courant` against this server.
    func run(_ arguments: String..., input: String = "", token: String? = nil) async throws -> ProgramOutcome {
        try await run(arguments, input: input, token: token)
    }

    func run(_ arguments: [String], input: String = "", token: String? = nil) async throws -> ProgramOutcome {
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
    func output() throws -> String { try program.output() }

    /// Ends the server as a crash does.
    func kill() async throws { try await program.crash() }

    /// Puts another text into the configuration file that the server was started with.
    static func rewrite(_ configuration: String, in folder: URL) throws {
        try Data(configuration.utf8).write(to: folder.appending(path: "courant.yaml"))
    }

    /// Sends SIGHUP, as a service manager does for a reload.
    func hangUp() { program.send(SIGHUP) }

    /// Sends SIGTERM, as a service manager does, and returns the exit code.
    func stop() async throws -> Int32 { try await program.stop() }
}
