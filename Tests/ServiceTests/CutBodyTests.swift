import Foundation
import Testing

@testable import Service

/// Bodies that end before they should.
@Suite struct CutBodyTests {
    @Test(
        "a body that ends before its end is 400, and nothing of it goes in",
        arguments: ["Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"]
    )
    func incomplete(head: String) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let port = try #require(URL(string: service.url)?.port)
            let answer = try await halfClosed(
                "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\(head)"
                    + "{\"event_type\":\"users.canvas.Entry\",\"id\":\"a\"}\n{\"event",
                port: UInt16(port)
            )
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            #expect(answer.contains("\"code\":\"body_incomplete\""), "\(answer)")
            let source = try await ask("GET", "\(service.url)/v1/connectors")["sources", "0"] as? [String: Any]
            #expect(source?["received"] as? Int == 0)
        }
    }

    /// Sends what there is, closes that direction, and answers what comes back.
    private func halfClosed(_ request: String, port: UInt16) async throws -> String {
        try await RawConnection.onThread {
            let connection = try RawConnection(port: port)
            try connection.send(request)
            connection.closeSending()
            return connection.receive()
        }
    }
}
