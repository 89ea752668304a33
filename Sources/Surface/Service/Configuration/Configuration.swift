package import Avro
package import Delivery
package import Glossary
package import Intake
package import Logging

/// All settings of a service, with every default filled in.
///
/// Relative paths of a file are taken from the folder that the file stands in.
package struct Configuration: Sendable {
    /// Gives the settings as the file has them now; reads it, and blocks.
    package typealias Reread = @Sendable () throws(ConfigurationError) -> Configuration

    /// The data folder: journal, state, staging.
    package var data: String
    package var listen: ListenAddress
    /// Where the admin routes answer, if not where the others do.
    package var adminListen: ListenAddress?
    /// How the service is reached from outside, without a slash at its end.
    package var publicURL: String?
    package var trustedProxies: [AddressRange]
    package var tls: TLSFiles?
    package var http: HTTPPart
    package var shutdownTimeout: Duration
    /// How long connectors that a reload ends may take.
    package var reloadTimeout: Duration
    package var log: LogSettings
    package var journal: JournalPart
    package var disk: DiskPart
    package var duplicates: DuplicatesPart
    package var intake: IntakeSettings
    package var delivery: DeliveryPart
    package var tracking: TrackingPart
    package var sources: [SourceSettings]
    package var connectors: [ConnectorPart]

    /// PEM files of the server's certificate chain and key.
    package struct TLSFiles: Sendable, Hashable {
        package var certificate: String
        package var key: String
    }

    /// What one client may take of a listener.
    package struct HTTPPart: Sendable, Hashable {
        /// For each listener.
        package var connectionsMax = 4096
        /// How long a connection may be open without a request, or a client take nothing of its answer.
        package var idleTimeout = Duration.seconds(75)
        /// How long a request may take to come, from its head to its end.
        package var requestTimeout = Duration.seconds(120)
    }

    package struct LogSettings: Sendable, Hashable {
        package enum Format: String, Sendable, CaseIterable {
            case text
            case json
        }

        package var level: Logger.Level = .info
        package var format: Format = .text
    }

    package struct JournalPart: Sendable, Hashable {
        package var partitions = 1
        package var segmentBytes = 64 << 20
        /// Of what was handed over and is not yet durable.
        package var queueBytesMax = 64 << 20
        package var keep = Duration.seconds(7 * 86_400)
    }

    package struct DiskPart: Sendable, Hashable {
        /// What journal, staging and state may hold together; nil: what the disk has.
        package var budgetBytes: Int?
        /// What stays free on the disk whatever the budget says, so that state can always be written.
        package var reserveBytes = 256 << 20
    }

    package struct DuplicatesPart: Sendable, Hashable {
        package var window = Duration.seconds(3600)
        package var memoryBytes = 64 << 20
    }

    package struct DeliveryPart: Sendable, Hashable {
        package var memoryBytes = 64 << 20
    }
}

/// One connector as configured: what Delivery is told once the journal is known, which gives the connector its id.
package struct ConnectorPart: Sendable {
    package var name: String
    package var destination: any DestinationPart
    /// Events, sections, channels and actions as written; empty lists carry everything but system types.
    package var filter = Filter()
    package var edition = Configuration.defaultEdition
    package var codec: Codec
    package var roll: RollSettings
    package var key = KeySettings()
    /// 24 hexadecimal digits; nil: made from the journal's id and the connector's name.
    package var id: String?
    package var start = ConnectorSettings.Start.now
    package var whenFull = ConnectorSettings.WhenFull.wait
    package var privacy = PrivacySettings()
}

extension Configuration {
    package static let defaultEdition = "2021"

    /// What runs without a file: loopback, one open lenient source, one local connector that writes to `data/files`.
    package static func standard(data: String = "courant-data") -> Configuration {
        Configuration(
            data: data,
            listen: ListenAddress(host: "127.0.0.1", port: 8080),
            adminListen: nil,
            publicURL: nil,
            trustedProxies: [],
            tls: nil,
            http: HTTPPart(),
            shutdownTimeout: .seconds(10),
            reloadTimeout: .seconds(30),
            log: LogSettings(),
            journal: JournalPart(),
            disk: DiskPart(),
            duplicates: DuplicatesPart(),
            intake: IntakeSettings(),
            delivery: DeliveryPart(),
            tracking: TrackingPart(),
            sources: [SourceSettings(name: "default")],
            connectors: [standardConnector(data: data)]
        )
    }

    /// The same settings over another data folder.
    ///
    /// A connector that was not configured moves along.
    package func with(data: String) -> Configuration {
        var moved = self
        moved.data = data
        for index in moved.connectors.indices {
            guard let local = moved.connectors[index].destination as? LocalDestinationPart, local.followsData else {
                continue
            }
            moved.connectors[index].destination = LocalDestinationPart(path: "\(data)/files", followsData: true)
        }
        return moved
    }

    static func standardConnector(data: String) -> ConnectorPart {
        ConnectorPart(
            name: "local",
            destination: LocalDestinationPart(path: "\(data)/files", followsData: true),
            codec: DestinationDefaults.folder.codec,
            roll: DestinationDefaults.folder.roll
        )
    }
}
