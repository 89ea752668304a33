import CloudHTTP
import Crypto
import Delivery
import Journal
import Platform
import Telemetry

extension ConnectorPart {
    /// What Delivery is told.
    func settings(journal: JournalID) -> ConnectorSettings {
        ConnectorSettings(
            name: name,
            id: id ?? Self.id(named: name, journal: journal),
            kind: type(of: destination).kind,
            filter: filter,
            edition: edition,
            codec: codec,
            roll: roll,
            key: key,
            start: start,
            whenFull: whenFull,
            privacy: privacy
        )
    }

    /// What Delivery is told, and the destination.
    func made(
        journal: JournalID,
        platform: Platform,
        transport: any CloudTransport,
        metrics: MetricRegistry
    ) throws -> (settings: ConnectorSettings, destination: Destination) {
        let settings = settings(journal: journal)
        let surroundings = DestinationSurroundings(
            connector: name,
            platform: platform,
            transport: transport,
            metrics: metrics
        )
        return (settings, try destination.makeDestination(connector: settings.id, in: surroundings))
    }

    /// 24 hexadecimal digits of SHA-256(journal id, name): the same after every restart, another in every journal.
    static func id(named name: String, journal: JournalID) -> String {
        var hash = SHA256()
        hash.update(data: journal.bytes)
        hash.update(data: Array(name.utf8))
        return String(Hex.text(Array(hash.finalize())).prefix(24))
    }
}
