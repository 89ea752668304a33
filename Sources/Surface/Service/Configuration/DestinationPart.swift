import Avro
package import CloudHTTP
package import Delivery
import DestinationLocal
import Foundation
package import Platform
package import Telemetry

/// Where a connector writes, as configured.
///
/// Two that are equal are reached in the same way: a reload exchanges a connector when they are not. A new kind of
/// destination is one type that conforms, in a file of its own, and one entry in `DestinationKinds.all`.
package protocol DestinationPart: Sendable, Equatable {
    /// The word that stands for it in `destination: {type: …}`.
    static var type: String { get }
    static var defaults: DestinationDefaults { get }

    /// How it stands in keys and schema names.
    static var kind: DestinationKind { get }

    /// Whether it lands files; a stream's connector has no codec, roll and key.
    static var hasFiles: Bool { get }

    /// The same for two connectors exactly if they write to the same place. Holds no secret.
    var location: String { get }

    /// The destination itself, for the connector of that id.
    func makeDestination(connector id: String, in surroundings: DestinationSurroundings) throws -> Destination

    /// Reads the keys besides `type`; nil after reporting what is wrong.
    init?(_ section: ConfigurationSection, folder: String)
}

extension DestinationPart {
    package static var hasFiles: Bool { true }
}

/// What one connector's destination is made from.
package struct DestinationSurroundings: Sendable {
    /// The connector's name.
    package let connector: String
    package let platform: Platform
    /// The one that all destinations share.
    package let transport: any CloudTransport
    package let metrics: MetricRegistry

    package init(connector: String, platform: Platform, transport: any CloudTransport, metrics: MetricRegistry) {
        self.connector = connector
        self.platform = platform
        self.transport = transport
        self.metrics = metrics
    }
}

/// What a connector does where its configuration is silent, by kind of destination.
package struct DestinationDefaults: Sendable {
    let codec: Codec
    let roll: RollSettings

    /// For a folder that a person looks into.
    static let folder = DestinationDefaults(
        codec: .zstandard(level: 1),
        roll: RollSettings(every: .seconds(60))
    )

    /// For stores that bill each request, read by warehouses of which not all know zstandard.
    static let objectStore = DestinationDefaults(
        codec: .deflate(level: 6),
        roll: RollSettings(every: .seconds(300))
    )
}

/// The kinds of destination that this build has.
enum DestinationKinds {
    static let all: [any DestinationPart.Type] = [
        LocalDestinationPart.self, S3DestinationPart.self, GCSDestinationPart.self, AzureDestinationPart.self,
        KafkaDestinationPart.self, HTTPDestinationPart.self,
    ]

    /// Reads `destination: {type: …, …}`.
    static func read(_ section: ConfigurationSection, folder: String) -> (any DestinationPart)? {
        let kinds = all.map { (word: $0.type, value: $0) }
        guard section.has("type") else {
            _ = section.required("type", expected: ConfigurationSection.list(kinds.map(\.word)))
            section.ignoreRest()
            return nil
        }
        guard let kind = section.choice("type", of: kinds) else {
            section.ignoreRest()
            return nil
        }
        return kind.init(section, folder: folder)
    }
}

/// A folder of this machine.
package struct LocalDestinationPart: DestinationPart {
    package static let type = "local"
    package static let defaults = DestinationDefaults.folder
    package static let kind = DestinationKind.local

    package let path: String
    /// Whether the path is the data folder's `files` because nobody said otherwise.
    let followsData: Bool

    package var location: String { "local:\(path)" }

    init(path: String, followsData: Bool = false) {
        self.path = path
        self.followsData = followsData
    }

    package func makeDestination(
        connector id: String,
        in surroundings: DestinationSurroundings
    ) throws -> Destination {
        // Where the process was started must not change where its files are.
        let absolute = ConfigurationPath.absolute(path, in: FileManager.default.currentDirectoryPath)
        let configuration = LocalConfiguration(path: absolute, connector: id)
        try configuration.validate()
        return .objects(LocalDestination(configuration, platform: surroundings.platform))
    }

    package init?(_ section: ConfigurationSection, folder: String) {
        guard let path = section.required("path", expected: "a folder") else { return nil }
        self.init(path: ConfigurationPath.absolute(path, in: folder))
    }
}

/// Paths of a configuration file.
enum ConfigurationPath {
    /// `path` as seen from `folder`, without `.`, `..` and doubled slashes.
    static func absolute(_ path: String, in folder: String) -> String {
        let whole = path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)"
        var parts: [Substring] = []
        for part in whole.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." {
                parts.removeLast()
            } else if part != ".." || !whole.hasPrefix("/") {
                parts.append(part)
            }
        }
        let joined = parts.joined(separator: "/")
        return whole.hasPrefix("/") ? "/" + joined : joined.isEmpty ? "." : joined
    }
}
