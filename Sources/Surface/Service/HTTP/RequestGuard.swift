import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Platform

/// Stands between the parser and the routes of one connection: refuses heads that have more than one meaning, and
/// closes what is too slow, stays idle, or goes astray.
///
/// Whatever is refused is the connection's last request: nothing behind it is read, since nobody knows where it begins.
final class RequestGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private struct Refusal {
        let status: HTTPResponseStatus
        let code: String
        let message: String
    }

    private let connections: OpenConnections
    private let limits: ConnectionWatch.Limits
    private var watch: ConnectionWatch
    private var place: OpenConnections.Place?
    private var isStarted = false
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?
    /// The request that is being received, or was last, ends the connection; nothing behind it is looked at.
    private var isLast = false
    /// Nothing more of the client's is let in.
    private var isDeaf = false
    /// The parser has stopped, or will behind the request, and would keep whatever came: nothing more is read.
    private var holdsReads = false
    /// To be answered once all requests before have been.
    private var refusal: Refusal?
    /// The last answer has been handed on.
    private var isAnswered = false
    private var hasLeft = false

    init(_ connections: OpenConnections, _ limits: ConnectionWatch.Limits) {
        self.connections = connections
        self.limits = limits
        watch = ConnectionWatch(limits, now: .now())
    }

    // MARK: - Beginning and end

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stop()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard !isStarted else { return }
        isStarted = true
        watch = ConnectionWatch(limits, now: .now())
        place = connections.enter(context.channel)
        guard place != nil else {
            isDeaf = true
            return context.close(promise: nil)
        }
        settle(context)
    }

    private func stop() {
        timer?.task.cancel()
        timer = nil
        if let place { connections.leave(place) }
        place = nil
    }

    // MARK: - What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDeaf else { return }
        let part = unwrapInboundIn(data)
        switch part {
        case .head(let head):
            if let fault = RequestShape.fault(head) {
                return refuse(context, Refusal(status: .badRequest, code: "request_malformed", message: fault))
            }
            watch.headCame(.now(), isWebhook: RequestShape.isWebhook(head.uri))
            holdsReads = RequestShape.wantsUpgrade(head)
            isLast = holdsReads || !head.isKeepAlive
            place?.isBusy(true)
            settle(context)
            if watch.unanswered == 1, RequestShape.waits(head) {
                let interim = HTTPResponseHead(version: .http1_1, status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(interim)), promise: nil)
            }
            context.fireChannelRead(data)
        case .body: context.fireChannelRead(data)
        case .end:
            watch.bodyEnded(.now())
            isDeaf = isLast
            settle(context)
            context.fireChannelRead(data)
            // The answer was there before the whole request was.
            if watch.unanswered == 0 { answered(context) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let fault = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        guard !isDeaf else { return }
        guard watch.isReceiving else { return refuse(context, Self.refusal(fault)) }
        isLast = true
        isDeaf = true
        holdsReads = true
        connections.count(.malformed)
        if watch.unanswered == 0 {
            leaveOnceWritten(context)
        } else {
            // Whoever reads the body answers that it did not come to its end.
            context.fireErrorCaught(error)
        }
    }

    private static func refusal(_ fault: HTTPParserError) -> Refusal {
        guard fault == .headerOverflow else {
            return Refusal(status: .badRequest, code: "request_malformed", message: "This is not an HTTP request.")
        }
        let message =
            "The head of a request has at most \(RequestShape.headersMax) headers, \(RequestShape.fieldBytesMax) bytes "
            + "in each and in the target, and \(RequestShape.headBytesMax) in all."
        return Refusal(status: .requestHeaderFieldsTooLarge, code: "head_too_large", message: message)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if hasLeft, case .inputClosed? = event as? ChannelEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func read(context: ChannelHandlerContext) {
        if !(holdsReads && isDeaf) { context.read() }
    }

    // MARK: - What goes

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isAnswered else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200 && isLast && watch.unanswered == 1:
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            watch.answered(.now())
            context.write(data, promise: promise)
            if watch.unanswered == 0, !watch.isReceiving || isDeaf { answered(context) }
            settle(context)
        default: context.write(data, promise: promise)
        }
    }

    /// Ends this side once everything has gone: where the client has ended its own, what has not would be dropped.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(mode: .output, promise: promise) }
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: written)
    }

    /// Every request that came has its answer.
    private func answered(_ context: ChannelHandlerContext) {
        place?.isBusy(false)
        if let refusal {
            write(refusal, context)
        } else if isLast {
            leaveOnceWritten(context)
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ refusal: Refusal) {
        isLast = true
        isDeaf = true
        holdsReads = true
        connections.count(.malformed)
        self.refusal = refusal
        if watch.unanswered == 0 { write(refusal, context) }
    }

    private func write(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        let body = RouteError.body(code: refusal.code, message: refusal.message)
        let headers: HTTPHeaders = [
            "content-type": "application/json", "content-length": "\(body.count)", "connection": "close",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: refusal.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        leaveOnceWritten(context)
    }

    private func leaveOnceWritten(_ context: ChannelHandlerContext) {
        isAnswered = true
        isDeaf = true
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in
            let (handler, context) = bound.value
            handler.leave(context)
        }
        // Nothing, behind everything.
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: written)
    }

    /// Ends this side, and gives the client a moment to read the answer: a close with bytes unread would take it away.
    private func leave(_ context: ChannelHandlerContext) {
        guard !hasLeft, place != nil else { return }
        hasLeft = true
        watch.leaves(.now())
        settle(context)
        context.close(mode: .output, promise: nil)
    }

    // MARK: - Time

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        watch.becameWritable(context.channel.isWritable, .now())
        settle(context)
        context.fireChannelWritabilityChanged()
    }

    /// Sees to it that somebody looks when the time is up.
    ///
    /// A timer that is too early looks again; so a connection in steady use costs no timer for each request.
    private func settle(_ context: ChannelHandlerContext) {
        guard place != nil, let deadline = watch.deadline else { return }
        if let timer, timer.at <= deadline.at { return }
        timer?.task.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(deadline: deadline.at) {
            let (handler, context) = bound.value
            handler.look(context)
        }
        timer = (deadline.at, task)
    }

    private func look(_ context: ChannelHandlerContext) {
        timer = nil
        guard let deadline = watch.deadline, deadline.at <= .now() else { return settle(context) }
        connections.count(deadline.reason)
        isDeaf = true
        context.close(promise: nil)
    }
}
