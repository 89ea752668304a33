import CloudHTTP
import Foundation
import Platform
import ProgramTesting
import Testing

/// A receiver in Python that verifies requests with the reference library.
struct Receiver: Sendable {
    /// What it took so far.
    struct Seen: Decodable {
        let ids: [String]
        let messages: [String]
        let faults: [String]
    }

    let url: String
    let transport: LiveTransport

    /// Runs `body` beside a receiver of its own, which has ended when this returns.
    static func with(secret: String, token: String, _ body: (Receiver) async throws -> Void) async throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/receiver.py")
        let arguments = [script.path(percentEncoded: false), secret, token]
        let program = try await RunningProgram.start(try testPython(), arguments)
        let transport = LiveTransport(clock: SystemClock())
        let result: Result<Void, any Error>
        do {
            let url = try await program.line(after: "ready ")
            try await body(Receiver(url: url, transport: transport))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await transport.shutdown()
        try await program.crash()
        try result.get()
    }

    func seen() async throws -> Seen {
        let answer = try await transport.exchange(CloudRequest("GET", url, responseBytesMax: 1 << 20))
        return try JSONDecoder().decode(Seen.self, from: Data(answer.body))
    }
}
