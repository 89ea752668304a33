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

    /// `receiveBytes` is the room for what has come and was not taken; nil: what the system gives.
    init(port: UInt16, receiveBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBytes {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
        }
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

    /// Takes about so many bytes each hundredth of a second, for so many of them; answers how many came.
    func sip(_ bytes: Int, times: Int) -> Int {
        var room = [UInt8](repeating: 0, count: bytes)
        var taken = 0
        for _ in 0..<times {
            let count = unsafe recv(descriptor, &room, bytes, 0)
            guard count > 0 else { break }
            taken += count
            usleep(10_000)
        }
        return taken
    }

    /// Sends as much as is taken, up to `most` bytes; answers how much that was.
    func flood(_ most: Int) -> Int {
        let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
        var sent = 0
        while sent < most {
            let count = unsafe Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    /// Sends a byte each twentieth of a second, until the other side closes or `most` bytes have gone.
    ///
    /// Answers whether it was closed.
    func drip(_ text: String, most: Int = 400) -> Bool {
        let bytes = Array(text.utf8)
        for index in 0..<most {
            var byte = bytes[index % bytes.count]
            guard unsafe Foundation.send(descriptor, &byte, 1, Int32(MSG_NOSIGNAL)) == 1, !isClosed else { return true }
            usleep(50_000)
        }
        return false
    }

    /// Whether the other side has ended the connection and everything that it said has been taken.
    var isClosed: Bool {
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return count == 0 || count < 0 && errno != EAGAIN && errno != EINTR
    }

    /// Everything until the other side closes, and whether it did: half a minute is waited for that.
    func receiveAll() -> (text: String, isClosed: Bool) {
        var answer: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe recv(descriptor, &room, room.count, 0)
            guard count > 0 else {
                let isClosed = count == 0 || errno != EAGAIN
                return (String(decoding: answer, as: UTF8.self), isClosed)
            }
            answer += room[0..<count]
        }
    }

    func closeSending() {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// What comes until it contains `end`, or the other side closes.
    func receive(upTo end: String) -> String {
        var answer = ""
        var room = [UInt8](repeating: 0, count: 4096)
        while !answer.contains(end) {
            let count = unsafe recv(descriptor, &room, room.count, 0)
            guard count > 0 else { break }
            answer += String(decoding: room[0..<count], as: UTF8.self)
        }
        return answer
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
