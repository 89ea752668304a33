import Foundation
import Platform
import Testing

@testable import Service

/// What becomes of requests that are under way when the service is told to stop.
@Suite struct StopTests {
    /// Begins a request, stops the service, and then goes on as `end` says; answers what came back.
    private func stopUnder(
        _ configuration: Configuration,
        _ log: LogLines,
        _ body: String,
        end: @escaping @Sendable (RawConnection, _ rest: String) throws -> Void
    ) async throws -> String {
        let half = body.index(body.startIndex, offsetBy: body.count / 2)
        let head = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        let first = head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body[..<half]
        let rest = String(body[half...])
        return try await withService(configuration, log: log) { service async throws in
            let port = UInt16(try #require(URL(string: service.url)?.port))
            let connection = try await RawConnection.onThread {
                let connection = try RawConnection(port: port)
                try connection.send(first)
                return connection
            }
            let metrics = "\(service.adminURL)/metrics"
            while try await ask("GET", metrics).body.contains("courant_service_body_bytes{senders=\"known\"} 0\n") {
                try await SystemClock().sleep(for: .milliseconds(20))
            }
            await service.stop()
            while !log.all.contains(where: { $0.contains("The service is stopping.") }) {
                try await SystemClock().sleep(for: .milliseconds(20))
            }
            return try await RawConnection.onThread {
                try end(connection, rest)
                return connection.receive()
            }
        }
    }

    @Test("a request that began before the stop is finished when its body comes", .timeLimit(.minutes(1)))
    func finishes() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let log = LogLines()
        let one = try event("slow")
        let answer = try await stopUnder(settings(in: folder), log, one) { connection, rest in
            try connection.send(rest)
        }
        #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("\"accepted\":1"), "\(answer)")
        #expect(!log.all.contains { $0.contains(" error ") }, "\(log.all)")
        try await withService(settings(in: folder)) { service async throws in
            let again = try await ask("POST", "\(service.url)/v1/events", body: one)
            #expect(again["duplicates"] as? Int == 1)
        }
    }

    @Test("a client whose body never comes is cut off in the end, which is no error", .timeLimit(.minutes(1)))
    func cutsOff() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let log = LogLines()
        let configuration = settings(in: folder) {
            $0.shutdownTimeout = .seconds(1)
            // Its listener does not wait for the other's slow client before it stops.
            $0.adminListen = ListenAddress(host: "127.0.0.1", port: 0)
        }
        let answer = try await stopUnder(configuration, log, try event("never")) { _, _ in }
        #expect(answer == "")
        #expect(log.all.last?.contains("The service has stopped.") == true)
        #expect(!log.all.contains { $0.contains(" error ") }, "\(log.all)")
    }
}
