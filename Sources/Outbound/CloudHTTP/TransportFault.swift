internal import AsyncHTTPClient
internal import Delivery
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What it means that an exchange brought no answer; always something to try again.
package enum TransportFault {
    // The same on Linux and Darwin but for their numbers.
    private static let refused: Set<Int32> = [111, 61]
    private static let reset: Set<Int32> = [104, 54, 32]

    static func error(_ error: any Error, url: String) -> DestinationError {
        if let error = error as? DestinationError { return error }
        if error is CancellationError { return .cancelled }
        let place = CloudEndpoint.place(of: url)
        return DestinationError(.unreachable, words(for: error, place: place), remedy: .retry(after: nil))
    }

    /// A sentence without its full stop; `place` is whom it was asked of, such as `127.0.0.1:8080`.
    package static func words(for error: any Error, place: String) -> String {
        switch error {
        case let error as HTTPClientError: words(for: error, place: place)
        case let error as NIOConnectionError: words(for: error, place: place)
        case let error as IOError where refused.contains(error.errnoCode):
            "\(place) refuses connections: check that the service runs there and that the port is right"
        case let error as IOError where reset.contains(error.errnoCode):
            "\(place) reset the connection before it answered"
        case let error as IOError: "\(place) cannot be reached: \(error.description)"
        case is ChannelError: "the connection to \(place) ended before there was an answer: \(error)"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            "TLS with \(place) failed: \(error). Check its certificate, this machine's certificate store, and whether "
                + "http:// was meant"
        default: "no answer from \(place): \(error)"
        }
    }

    private static func words(for error: HTTPClientError, place: String) -> String {
        switch error {
        case .remoteConnectionClosed: "\(place) closed the connection before it answered"
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            "\(place) does not accept the connection in time: check address, firewall and route"
        case .deadlineExceeded, .readTimeout, .writeTimeout: "\(place) did not answer in time"
        default: "no answer from \(place): \(error)"
        }
    }

    private static func words(for error: NIOConnectionError, place: String) -> String {
        if let first = error.connectionErrors.first { return words(for: first.error, place: place) }
        return "the name \(error.host) cannot be resolved (\(error.dnsAError ?? error.dnsAAAAError ?? error))"
    }
}
