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
    ///
    /// On a thread of its own: it blocks, and the service that it waits for runs on the pool of all tests.
    private func halfClosed(_ request: String, port: UInt16) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try Self.exchange(request, port: port) })
            }
        }
    }

    private static func exchange(_ request: String, port: UInt16) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        let bytes = Array(request.utf8)
        try #require(unsafe send(descriptor, bytes, bytes.count, 0) == bytes.count)
        shutdown(descriptor, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: answer, as: UTF8.self).hasSuffix("}") {
            let count = unsafe recv(descriptor, &room, room.count, 0)
            guard count > 0 else { break }
            answer += room[0..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}
