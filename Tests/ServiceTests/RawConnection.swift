import Foundation
import Testing

/// A connection that sends what it is told, when it is told: a client that nobody can hurry.
final class RawConnection: Sendable {
    private let descriptor: Int32

    /// Runs `work` on a thread of its own: it blocks, and the service that it waits for runs on the pool of all tests.
    static func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
        }
    }

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
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
    }

    deinit {
        close(descriptor)
    }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        let sent = unsafe Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        try #require(sent == bytes.count)
    }

    func closeSending() {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// What comes until it ends with a JSON object, or the other side closes.
    func receive() -> String {
        var answer: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while answer.last != UInt8(ascii: "}") {
            let count = unsafe recv(descriptor, &room, room.count, 0)
            guard count > 0 else { break }
            answer += room[0..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}
