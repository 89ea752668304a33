internal import AsyncHTTPClient
package import Delivery
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
package import Platform

/// Exchanges over the network, all through one pool of connections.
///
/// Make one for the process and shut it down last.
package final class LiveTransport: OwnedTransport {
    /// A connection that moves no byte for so long is given up.
    private static let idle = TimeAmount.seconds(60)
    /// Stores close idle connections after some 20 s; ours must be the first to, or requests meet a closed one.
    private static let keepAlive = TimeAmount.seconds(15)
    /// Connectors to one host do not wait for each other's connections.
    private static let connectionsMax = 64

    private let client: HTTPClient
    private let clock: any WorldClock

    package init(clock: any WorldClock) {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = HTTPClient.Configuration.Timeout(
            connect: .seconds(10),
            read: Self.idle,
            write: Self.idle
        )
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = Self.keepAlive
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.connectionsMax
        // Whoever asks has a backoff of his own, and wants to hear at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        self.clock = clock
    }

    package func shutdown() async throws {
        try await client.shutdown()
    }

    package func exchange(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        let prepared = try await prepare(request)
        do {
            return try await withThrowingTaskGroup(of: CloudResponse?.self) { group in
                group.addTask { try await self.answer(prepared, bytesMax: request.responseBytesMax) }
                group.addTask {
                    try await self.clock.sleep(for: request.deadline)
                    return nil
                }
                defer { group.cancelAll() }
                // The sleeper ends first only if it slept its time out; cancelled, it throws what is mapped below.
                if let response = try await group.next() ?? nil {
                    return response.isSuccess ? response : EchoMask(of: request).masking(response)
                }
                throw HTTPClientError.deadlineExceeded
            }
        } catch {
            throw Task.isCancelled ? .cancelled : TransportFault.error(error, url: request.url)
        }
    }

    private func prepare(_ request: CloudRequest) async throws(DestinationError) -> HTTPClientRequest {
        var prepared = HTTPClientRequest(url: request.url)
        prepared.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { prepared.headers.add(name: name, value: value) }
        switch request.body {
        case .bytes(let bytes):
            // An empty body is one too: a PUT without a content length is refused by some.
            let hasBody = !bytes.isEmpty || ["PUT", "POST", "PATCH"].contains(request.method)
            if hasBody { prepared.body = .bytes(ByteBuffer(bytes: bytes)) }
        case .object(let object, let head, let tail):
            let content = try await object.content()
            let buffers = ContentBuffers(content: content, head: head, tail: tail)
            prepared.body = .stream(buffers, length: .known(request.body.count))
        }
        return prepared
    }

    private func answer(_ request: HTTPClientRequest, bytesMax: Int) async throws -> CloudResponse {
        let response = try await client.execute(request, deadline: .distantFuture)
        var body: [UInt8] = []
        for try await part in response.body {
            body.append(contentsOf: part.readableBytesView.prefix(bytesMax - body.count))
            // To leave the rest unread costs the connection, nothing else.
            if body.count >= bytesMax { break }
        }
        return CloudResponse(
            status: Int(response.status.code),
            headers: response.headers.map { ($0.name, $0.value) },
            body: body
        )
    }
}

/// The content of a staged file as the client wants it.
///
/// The file is closed when the client lets go of this, not before: it may still read when the exchange has failed.
private struct ContentBuffers: AsyncSequence, Sendable {
    let content: LandingContent
    let head: [UInt8]
    let tail: [UInt8]

    struct AsyncIterator: AsyncIteratorProtocol {
        var head: [UInt8]
        var pieces: LandingContent.Pieces
        var tail: [UInt8]

        mutating func next() async throws -> ByteBuffer? {
            if let first = Self.take(&head) { return first }
            if let (piece, _) = try await pieces.next() { return ByteBuffer(bytes: piece) }
            return Self.take(&tail)
        }

        private static func take(_ bytes: inout [UInt8]) -> ByteBuffer? {
            defer { bytes = [] }
            return bytes.isEmpty ? nil : ByteBuffer(bytes: bytes)
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(head: head, pieces: content.pieces(), tail: tail)
    }
}
