import NIOCore
import NIOHTTPTypes
import Synchronization

/// The connections of one listener, so that a stop can close those that do not end by themselves.
final class OpenConnections: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    /// To stand in the pipeline of each connection.
    func makeHandler() -> some RemovableChannelHandler { Handler(self) }

    func closeAll() {
        for channel in channels.withLock({ Array($0.values) }) { channel.close(mode: .all, promise: nil) }
    }

    private final class Handler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPRequestPart

        private let connections: OpenConnections

        init(_ connections: OpenConnections) {
            self.connections = connections
        }

        func handlerAdded(context: ChannelHandlerContext) {
            let channel = context.channel
            connections.channels.withLock { $0[ObjectIdentifier(channel)] = channel }
        }

        func handlerRemoved(context: ChannelHandlerContext) {
            let key = ObjectIdentifier(context.channel)
            connections.channels.withLock { _ = $0.removeValue(forKey: key) }
        }
    }
}
