import Avro
import CloudHTTP
import Foundation
import Glossary
import Intake
import Platform
import Providers
import Telemetry
import Tracking
import Yams

/// Tracking and the providers' webhooks of a service.
struct TrackingRooms: Sendable {
    let tracker: Tracker
    let store: TrackingStore
    /// By provider, then by source.
    let webhooks: [String: [String: any ProviderWebhook]]
    /// What the folder of definitions holds.
    let definitions: [Definition]

    /// The longest answer of an address that is fetched for a provider, and how long it may take.
    static let fetchedBytesMax = 64 << 10
    static let fetchTimeout = Duration.seconds(5)

    /// Opens the state and brings it up to the journal's end.
    static func open(
        _ configuration: Configuration,
        _ path: String,
        _ glossary: Glossary,
        _ intake: Intake,
        _ platform: Platform,
        _ metrics: MetricRegistry,
        _ transport: any CloudTransport,
        _ failStop: FailStop
    ) async throws -> TrackingRooms {
        let definitions = try configuration.tracking.definitions.map(DefinitionFolder.read) ?? []
        let webhooks = try webhooks(configuration.tracking, transport)
        let store = try await TrackingStore.open(path, platform: platform)
        let tracker = Tracker(
            sources: configuration.sources.map { source in
                guard let edition = glossary.edition(source.edition) else {
                    preconditionFailure("a configured edition is one of the glossary")
                }
                let part = configuration.tracking.sources[source.name]
                return TrackingSource(name: source.name, edition: edition, sends: part?.sends ?? .reported)
            },
            settings: configuration.tracking.settings,
            intake: intake,
            store: store,
            platform: platform,
            metrics: metrics,
            failStop: { failStop.stop("\($0)") }
        )
        do {
            try await tracker.recover()
        } catch {
            try? await store.close()
            throw error
        }
        return TrackingRooms(tracker: tracker, store: store, webhooks: webhooks, definitions: definitions)
    }

    private static func webhooks(
        _ part: TrackingPart,
        _ transport: any CloudTransport
    ) throws -> [String: [String: any ProviderWebhook]] {
        var webhooks: [String: [String: any ProviderWebhook]] = [:]
        for (source, settings) in part.sources {
            if let sendGrid = settings.sendGrid {
                webhooks[SendGridWebhook.name, default: [:]][source] = try SendGridWebhook(sendGrid)
            }
            if let twilio = settings.twilio {
                webhooks[TwilioWebhook.name, default: [:]][source] = try TwilioWebhook(twilio)
            }
            if let ses = settings.ses {
                webhooks[SESWebhook.name, default: [:]][source] = try SESWebhook(ses) { url in
                    try await fetch(url, transport)
                }
            }
        }
        return webhooks
    }

    /// Gets a small answer from an address that has been checked; no redirect is followed.
    static func fetch(_ url: String, _ transport: any CloudTransport) async throws -> [UInt8] {
        let answer = try await transport.exchange(
            CloudRequest("GET", url, deadline: fetchTimeout, responseBytesMax: fetchedBytesMax)
        )
        guard answer.isSuccess else {
            throw ServiceError(.inconsistent, "The provider's address answered \(answer.status).")
        }
        return answer.body
    }

    /// Puts the folder's definitions in force; to be called while the tracker runs.
    func loadDefinitions(source: String) async throws {
        for definition in definitions {
            _ = try await tracker.take(.define(definition), from: source, body: [])
        }
    }
}

/// A folder of definitions: `campaigns`, `canvases` and `subscription-groups`, a YAML file each, named by the id.
enum DefinitionFolder {
    static let kinds: [(folder: String, kind: Definition.Kind)] = [
        ("campaigns", .campaign), ("canvases", .canvas), ("subscription-groups", .group),
    ]

    static func read(_ folder: String) throws(ServiceError) -> [Definition] {
        let manager = FileManager.default
        guard manager.fileExists(atPath: folder) else {
            throw ServiceError(.inconsistent, "tracking.definitions: there is no folder \(folder).")
        }
        var definitions: [Definition] = []
        for (name, kind) in kinds {
            let path = "\(folder)/\(name)"
            let files = ((try? manager.contentsOfDirectory(atPath: path)) ?? []).sorted()
            for file in files where file.hasSuffix(".yaml") || file.hasSuffix(".yml") {
                definitions.append(
                    try read("\(path)/\(file)", kind, id: String(file[..<(file.lastIndex(of: ".") ?? file.endIndex)]))
                )
            }
        }
        return definitions
    }

    private static func read(
        _ path: String,
        _ kind: Definition.Kind,
        id: String
    ) throws(ServiceError) -> Definition {
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let json = try Yams.compose(yaml: text).map(JSONValue.init(yaml:)) ?? .object([])
            return try Definition(kind, id: json["id"]?.string ?? id, reading: json)
        } catch {
            throw ServiceError(.inconsistent, "\(path): \(error)")
        }
    }
}

extension JSONValue {
    /// A YAML node as JSON: a quoted scalar is a text, a plain one what YAML takes it for.
    init(yaml node: Node) {
        switch node {
        case .mapping(let mapping):
            self = .object(mapping.map { Member($0.key.string ?? "", JSONValue(yaml: $0.value)) })
        case .sequence(let sequence): self = .array(sequence.map(JSONValue.init(yaml:)))
        case .scalar(let scalar):
            if let flag = node.bool, scalar.style == .any || scalar.style == .plain {
                self = .boolean(flag)
            } else if node.null != nil {
                self = .null
            } else if scalar.style == .plain || scalar.style == .any, node.int != nil || node.float != nil {
                self = .number(scalar.string)
            } else {
                self = .string(scalar.string)
            }
        case .alias: self = .null
        }
    }
}
