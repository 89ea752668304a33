internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A small HTTP server on loopback whose every answer a test decides, the missing ones too.
package final class DoubleServer: Sendable {
    package struct Request: Sendable {
        package var method: String
        /// Path and query as sent.
        package var uri: String
        package var headers: [(name: String, value: String)]
        package var body: [UInt8] = []

        package init(method: String, uri: String, headers: [(name: String, value: String)], body: [UInt8] = []) {
            self.method = method
            self.uri = uri
            self.headers = headers
            self.body = body
        }

        package func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    package enum Answer: Sendable {
        case respond(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [])
        /// The connection is reset without an answer.
        case reset
        /// Answered with a status after a while.
        case late(Duration, status: Int)
        /// No answer ever.
        case hang
    }

    /// Called when a request is whole.
    package typealias Handler = @Sendable (Request) -> Answer

    private let handler: Handler
    /// The listening one, and behind it the connections.
    private let channels = Mutex<[any Channel]>([])
    private let resetAfter = Mutex<Int?>(nil)
    private let bound = Mutex("")
    private let refusal = Mutex<(answer: Answer, afterBodyBytes: Int)?>(nil)

    package init(_ handler: @escaping Handler) {
        self.handler = handler
    }

    /// Where it listens or did last, such as `http://127.0.0.1:4711`.
    package var address: String { bound.withLock(\.self) }

    /// Resets each connection once so many bytes of a request's body have come; nil ends that.
    package func reset(afterBodyBytes count: Int?) {
        resetAfter.withLock { $0 = count }
    }

    /// Answers each request before its body has come whole, and closes the connection, as stores do that refuse; nil
    /// ends that.
    package func refuse(_ answer: Answer?, afterBodyBytes count: Int = 1) {
        refusal.withLock { refusal in refusal = answer.map { ($0, count) } }
    }

    /// Runs `body` with the server's address, such as `http://127.0.0.1:4711`.
    package func run<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let address = try await start()
        do {
            let result = try await body(address)
            try await stop()
            return result
        } catch {
            try await stop()
            throw error
        }
    }

    /// Listens on a free port, or on the one given, and answers with the address.
    package func start(port: Int = 0) async throws -> String {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                self.channels.withLock { $0.append(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: false)
                    try channel.pipeline.syncOperations.addHandler(Conversation(self))
                }
            }
        let listening = try await bootstrap.bind(host: "127.0.0.1", port: port).get()
        channels.withLock { $0.insert(listening, at: 0) }
        let address = "http://127.0.0.1:\(listening.localAddress?.port ?? 0)"
        bound.withLock { $0 = address }
        return address
    }

    /// Ends every connection, and refuses others from now on.
    package func stop() async throws {
        let open = channels.withLock { channels in
            defer { channels = [] }
            return channels
        }
        for channel in open where channel.isActive { try? await channel.close() }
    }

    /// One connection: collects a request, asks the handler, answers, and again.
    private final class Conversation: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let server: DoubleServer
        private var request: Request?

        init(_ server: DoubleServer) {
            self.server = server
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                request = Request(
                    method: head.method.rawValue,
                    uri: head.uri,
                    headers: head.headers.map { ($0.name, $0.value) }
                )
            case .body(let part):
                request?.body.append(contentsOf: part.readableBytesView)
                let limit = server.resetAfter.withLock { $0 }
                let count = request?.body.count ?? 0
                if let limit, count >= limit { reset(context) }
                if let (answer, limit) = server.refusal.withLock({ $0 }), let early = request, count >= limit {
                    request = nil
                    self.answer(answer, to: early, context)
                    context.close(promise: nil)
                }
            case .end:
                guard let whole = request else { return }
                request = nil
                answer(server.handler(whole), to: whole, context)
            }
        }

        private func answer(_ answer: Answer, to request: Request, _ context: ChannelHandlerContext) {
            switch answer {
            case .late(let pause, let status):
                let (answerer, bound) = (NIOLoopBound(self, eventLoop: context.eventLoop), context.loopBound)
                context.eventLoop.scheduleTask(in: TimeAmount(pause)) {
                    answerer.value.answer(.respond(status: status), to: request, bound.value)
                }
            case .hang: break
            case .reset: reset(context)
            case .respond(let status, let headers, let body):
                var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status))
                for (name, value) in headers { head.headers.add(name: name, value: value) }
                // An answer to HEAD tells the length of what it leaves out.
                if !head.headers.contains(name: "content-length") {
                    head.headers.add(name: "Content-Length", value: "\(body.count)")
                }
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                if request.method != "HEAD", !body.isEmpty {
                    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
                }
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        /// Closing with lingering switched off for no time makes it a reset.
        private func reset(_ context: ChannelHandlerContext) {
            request = nil
            let channel = context.channel
            guard let provider = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
            provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
