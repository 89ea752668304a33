import HTTPTypes
import Hummingbird
import NIOCore

/// What a handler knows of a request besides the request.
struct CourantContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The address at the other end of the connection: the client's, or a proxy's.
    ///
    /// Nil in tests without a socket.
    let peer: String?
    let channel: any Channel
    /// Who asks; nil on an open service.
    var token: AccessToken?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        peer = source.channel.remoteAddress?.ipAddress
    }
}
