import CloudHTTP
import Glossary
import Intake
import Logging
import Platform
import Providers
import Telemetry
import Tracking

/// Tracking and the providers' webhooks of a service.
struct TrackingRooms: Sendable {
    let tracker: Tracker
    let store: TrackingStore
    /// By provider, then by source.
    let webhooks: [String: [String: any ProviderWebhook]]
    /// As it was at the start; nil where none is named.
    let definitions: DefinitionFolder?

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
        let definitions = configuration.tracking.definitions.map { DefinitionFolder($0) }
        if let definitions { try definitions.check() }
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

    /// Puts a folder's definitions in force, and says in the log what it holds; to be called while the tracker runs.
    func load(_ folder: DefinitionFolder, source: String, _ logger: Logger) async throws(TrackingError) {
        for definition in folder.definitions {
            do throws(TrackingError) {
                _ = try await tracker.take(.define(definition), from: source, body: [])
            } catch {
                let name = "\(definition.kind.rawValue) \"\(definition.id)\""
                throw TrackingError(error.code, "\(folder.path): \(name): \(error.message)")
            }
        }
        logger.info(
            "The folder of definitions is loaded.",
            metadata: ["tracking.folder": "\(folder.path)", "tracking.definitions": "\(folder.summary)"]
        )
        for stranger in folder.strangers {
            logger.warning(
                "Something in the folder of definitions is not read.",
                metadata: ["tracking.path": "\(stranger.path)", "tracking.reason": "\(stranger.reason)"]
            )
        }
    }
}
