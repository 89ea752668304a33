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
    /// A connection that sends nothing for this long between two requests is closed.
    private static let idleTimeout = TimeAmount.seconds(75)
    private static let backlog = 1024

    let address: ListenAddress
    let tls: Configuration.TLSFiles?
    let table: RouteTable
    let logger: Logger
    /// Told once the address is bound, with the port that it got.
    let onBound: @Sendable (ListenAddress) async -> Void

    func makeApplication(
        connections: OpenConnections,
        onBound: @escaping @Sendable (ListenAddress) async -> Void
    ) throws -> Application<RouterResponder<CourantContext>> {
        let plain = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [connections.makeHandler(), ContinueHandler()],
                idleTimeout: Self.idleTimeout
            )
        )
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
