import CloudHTTP
import Delivery
import Foundation
import Journal
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@Suite("Exchanges over the network", .timeLimit(.minutes(2)))
struct LiveTransportTests {
    private static let platform = Platform.live(blockingThreads: 2, computeThreads: 1)

    /// Runs `body` with a transport, and shuts that down.
    private func withTransport<Result>(_ body: (LiveTransport) async throws -> Result) async throws -> Result {
        let transport = LiveTransport(clock: Self.platform.clock)
        do {
            let result = try await body(transport)
            try await transport.shutdown()
            return result
        } catch {
            try await transport.shutdown()
            throw error
        }
    }

    private func failure(_ transport: LiveTransport, _ request: CloudRequest) async throws -> DestinationError {
        let response: CloudResponse
        do throws(DestinationError) {
            response = try await transport.exchange(request)
        } catch {
            return error
        }
        throw Unexpected(response: response)
    }

    private struct Unexpected: Error {
        let response: CloudResponse
    }

    private func stage(_ bytes: [UInt8], size: Int64? = nil, sumOf other: [UInt8]? = nil) throws -> LandingObject {
        let path = NSTemporaryDirectory() + "courant-transport-" + UUID().uuidString
        try Data(bytes).write(to: URL(filePath: path))
        var sum = ChecksumStream()
        sum.add(other ?? bytes)
        let tag = PlanTag(
            journal: JournalID([UInt8](repeating: 1, count: 16)),
            connector: "c",
            partition: PartitionID(0),
            type: "users.X",
            first: Offset(1),
            last: Offset(2),
            count: 2
        )
        return LandingObject(
            key: "k",
            size: size ?? sum.size,
            checksum: sum.checksum,
            plan: tag,
            path: path,
            platform: Self.platform
        )
    }

    @Test("method, path, query, headers and body arrive as given, and the answer comes back whole")
    func exchange() async throws {
        let server = DoubleServer { request in
            let text = "\(request.method) \(request.uri) \(request.header("X-A") ?? "") "
            return .respond(status: 418, headers: [("X-B", "b")], body: Array(text.utf8) + request.body)
        }
        try await server.run { url in
            try await withTransport { transport in
                let request = CloudRequest(
                    "POST",
                    url + "/a%2Fb%3Dc?x=%20&y",
                    headers: [("X-A", "a")],
                    body: .bytes(Array("body".utf8))
                )
                let response = try await transport.exchange(request)
                #expect(response.status == 418)
                #expect(response.header("x-b") == "b")
                #expect(String(decoding: response.body, as: UTF8.self) == "POST /a%2Fb%3Dc?x=%20&y a body")
            }
        }
    }

    @Test("a redirect is an answer like any other")
    func redirect() async throws {
        let server = DoubleServer { _ in .respond(status: 307, headers: [("Location", "/other")]) }
        try await server.run { url in
            try await withTransport { transport in
                let response = try await transport.exchange(CloudRequest("GET", url + "/"))
                #expect(response.status == 307)
            }
        }
    }

    @Test("of a long answer no more than asked for is kept")
    func bounded() async throws {
        let server = DoubleServer { _ in .respond(status: 200, body: [UInt8](repeating: 7, count: 1 << 20)) }
        try await server.run { url in
            try await withTransport { transport in
                let request = CloudRequest("GET", url + "/", responseBytesMax: 1_000)
                let response = try await transport.exchange(request)
                #expect(response.body == [UInt8](repeating: 7, count: 1_000))
            }
        }
    }

    @Test("a staged file is streamed whole, with its length", arguments: [0, 1, 1 << 20, (3 << 20) + 17])
    func streams(count: Int) async throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let received = Locked<[UInt8]?>(nil)
        let server = DoubleServer { request in
            received.withLock { $0 = request.body }
            return .respond(status: 200, headers: [("X-Length", request.header("Content-Length") ?? "none")])
        }
        let object = try stage(bytes)
        defer { try? FileManager.default.removeItem(atPath: object.path) }
        try await server.run { url in
            try await withTransport { transport in
                let response = try await transport.exchange(CloudRequest("PUT", url + "/k", body: .object(object)))
                #expect(response.header("X-Length") == "\(count)")
                #expect(received.current == bytes)
            }
        }
    }

    @Test("a damaged staged file never arrives whole", arguments: [1 << 20, (2 << 20) + 5])
    func damaged(count: Int) async throws {
        let requests = Locked(0)
        let server = DoubleServer { _ in
            requests.add()
            return .respond(status: 200)
        }
        let bytes = [UInt8](repeating: 3, count: count)
        let objects = [
            try stage(bytes, sumOf: [UInt8](repeating: 4, count: count)),
            try stage(bytes, size: Int64(count) + 1), try stage(bytes, size: Int64(count) - 1),
        ]
        defer { for object in objects { try? FileManager.default.removeItem(atPath: object.path) } }
        try await server.run { url in
            try await withTransport { transport in
                for object in objects {
                    let error = try await failure(transport, CloudRequest("PUT", url + "/k", body: .object(object)))
                    #expect(error.code == .stagedFileDamaged, "\(error)")
                }
            }
        }
        #expect(requests.current == 0)
    }

    @Test("a refused connection is said in plain words, at once, and is to be retried")
    func refused() async throws {
        let server = DoubleServer { _ in .hang }
        let url = try await server.start()
        try await server.stop()
        try await withTransport { transport in
            let error = try await failure(transport, CloudRequest("GET", url + "/"))
            #expect(error.code == .unreachable)
            #expect(error.remedy == .retry(after: nil))
            #expect(error.message.contains("refuses connections"), "\(error)")
        }
    }

    @Test("a reset, before the answer or in the body, is to be retried")
    func reset() async throws {
        let server = DoubleServer { _ in .reset }
        let object = try stage([UInt8](repeating: 1, count: 4 << 20))
        defer { try? FileManager.default.removeItem(atPath: object.path) }
        try await server.run { url in
            try await withTransport { transport in
                for afterBodyBytes in [nil, 1 << 20] {
                    server.reset(afterBodyBytes: afterBodyBytes)
                    let error = try await failure(transport, CloudRequest("PUT", url + "/", body: .object(object)))
                    #expect(error.code == .unreachable, "\(error)")
                    #expect(error.remedy == .retry(after: nil))
                }
            }
        }
    }

    @Test("an answer that comes while the body is still sent is heard", arguments: 0..<3)
    func early(round: Int) async throws {
        let server = DoubleServer { _ in .respond(status: 200) }
        server.refuse(.respond(status: 403, body: Array("no".utf8)), afterBodyBytes: 1 << 20)
        let object = try stage([UInt8](repeating: 1, count: 16 << 20))
        defer { try? FileManager.default.removeItem(atPath: object.path) }
        try await server.run { url in
            try await withTransport { transport in
                let response = try await transport.exchange(CloudRequest("PUT", url + "/", body: .object(object)))
                #expect(response.status == 403)
                #expect(response.body == Array("no".utf8))
            }
        }
    }

    @Test("an answer that does not come in time is given up")
    func deadline() async throws {
        let server = DoubleServer { _ in .hang }
        try await server.run { url in
            try await withTransport { transport in
                let request = CloudRequest("GET", url + "/", deadline: .milliseconds(50))
                let error = try await failure(transport, request)
                #expect(error.code == .unreachable)
                #expect(error.message.contains("in time"), "\(error)")
            }
        }
    }

    @Test("a cancelled exchange says so")
    func cancelled() async throws {
        let hasCome = Locked(false)
        let server = DoubleServer { _ in
            hasCome.withLock { $0 = true }
            return .hang
        }
        try await server.run { url in
            try await withTransport { transport in
                let task = Task { try await transport.exchange(CloudRequest("GET", url + "/")) }
                while !hasCome.current { await Task.yield() }
                task.cancel()
                guard case .failure(let error as DestinationError) = await task.result else {
                    Issue.record("a cancelled exchange has to fail")
                    return
                }
                #expect(error.code == .cancelled)
            }
        }
    }

    @Test("TLS with a server that has none, and a name that nobody has")
    func misdirected() async throws {
        let server = DoubleServer { _ in .respond(status: 200) }
        try await server.run { url in
            try await withTransport { transport in
                let secure = "https" + url.dropFirst(4)
                let error = try await failure(transport, CloudRequest("GET", secure + "/"))
                #expect(error.message.contains("TLS"), "\(error)")
                let unknown = try await failure(transport, CloudRequest("GET", "http://nowhere.invalid/"))
                #expect(unknown.message.contains("resolved"), "\(unknown)")
                #expect(unknown.remedy == .retry(after: nil))
            }
        }
    }
}
