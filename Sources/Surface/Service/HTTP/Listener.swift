import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL

/// One address that the service listens on, with the routes that answer there.
struct Listener: Sendable {
    private static let backlog = 1024

    let address: ListenAddress
    let tls: Configuration.TLSFiles?
    let table: RouteTable
    let connections: OpenConnections
    let limits: ConnectionWatch.Limits
    let logger: Logger
    /// Told once the address is bound, with the port that it got.
    let onBound: @Sendable (ListenAddress) async -> Void

    func makeApplication(
        onBound: @escaping @Sendable (ListenAddress) async -> Void
    ) throws -> Application<RouterResponder<CourantContext>> {
        let (connections, limits) = (connections, limits)
        let plain = HTTPServerBuilder { responder in
            GuardedHTTP1(responder: responder, connections: connections, limits: limits)
        }
        let server =
            try tls.map { try HTTPServerBuilder.tls(plain, tlsConfiguration: Self.tlsConfiguration($0)) } ?? plain
        var logger = logger
        // The server's own debug lines tell of single connections.
        logger.logLevel = max(logger.logLevel, .notice)
        let host = address.host
        return Application(
            router: table.makeRouter(),
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: address.port),
                serverName: nil,
                backlog: Self.backlog
            ),
            onServerRunning: { channel in
                await onBound(ListenAddress(host: host, port: channel.localAddress?.port ?? 0))
            },
            logger: logger
        )
    }

    private static func tlsConfiguration(_ files: Configuration.TLSFiles) throws(ServiceError) -> TLSConfiguration {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(key)
            )
            configuration.minimumTLSVersion = .tlsv12
            // The certificate and the key are tried against each other here, not at the first connection.
            _ = try NIOSSLContext(configuration: configuration)
            return configuration
        } catch {
            throw ServiceError(
                .tls,
                "The certificate \(files.certificate) with the key \(files.key) cannot be used: \(error). Both are PEM "
                    + "files, and the key is that of the first certificate."
            )
        }
    }
}
