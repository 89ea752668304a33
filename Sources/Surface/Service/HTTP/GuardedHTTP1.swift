import Foundation
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// HTTP/1 on one connection: the parser with its limits, the guard, then the routes.
struct GuardedHTTP1: ServerChildChannel, HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let connections: OpenConnections
    let limits: ConnectionWatch.Limits

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let unsent = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_NOTSENT_LOWAT))
            // With megabytes ahead of the client it would say that there is room again only once a third of them has
            // gone: a slow client would seem to take nothing.
            try channel.syncOptions?.setOption(unsent, value: SocketOptionValue(AnswerPiece.bytes))
            let pipeline = channel.pipeline.syncOperations
            var decoder = NIOHTTPDecoderLimitConfiguration()
            decoder.maxHeaderFieldSize = RequestShape.fieldBytesMax
            decoder.maxHeaderListSize = RequestShape.headBytesMax
            decoder.maxHeaderFieldCount = RequestShape.headersMax
            // Requests behind one another wait in the async channel; header fields are checked by their type.
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false,
                withErrorHandling: false,
                withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: decoder
            )
            try pipeline.addHandler(RequestGuard(connections, limits))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            // Without an idle time, which the guard sees to: only for a stop, which lets answers end.
            try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
            return try Value(
                wrappingChannelSynchronously: channel,
                configuration: .init(isOutboundHalfClosureEnabled: true)
            )
        }
    }

    func handle(value channel: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: channel, logger: logger)
    }
}
