import Foundation
package import Providers
package import Tracking

/// What the configuration says of tracking.
package struct TrackingPart: Sendable, Hashable {
    package var settings = TrackingSettings()
    /// A folder of campaigns, canvases and subscription groups, loaded at start.
    package var definitions: String?
    /// By source; a source without an entry has the defaults and no webhooks.
    package var sources: [String: SourceTrackingPart] = [:]
}

/// What one source says of tracking.
package struct SourceTrackingPart: Sendable, Hashable {
    package var sends = TrackingSource.Sends.reported
    package var sendGrid: SendGridConfiguration?
    package var twilio: TwilioConfiguration?
    package var ses: SESConfiguration?

    package init(
        sends: TrackingSource.Sends = .reported,
        sendGrid: SendGridConfiguration? = nil,
        twilio: TwilioConfiguration? = nil,
        ses: SESConfiguration? = nil
    ) {
        self.sends = sends
        self.sendGrid = sendGrid
        self.twilio = twilio
        self.ses = ses
    }
}

extension TrackingPart {
    /// Reads the section `tracking`.
    init(_ section: ConfigurationSection, _ path: (String) -> String) {
        settings.overtake = section.duration(
            "overtake",
            default: settings.overtake,
            example: "15m",
            atMost: .seconds(30 * 86_400)
        )
        settings.keep = section.duration(
            "keep",
            default: settings.keep,
            example: "30d",
            atLeast: .seconds(86_400),
            atMost: .seconds(3_650 * 86_400)
        )
        settings.attribution = section.choice(
            "attribution",
            default: settings.attribution,
            of: Configuration.words(TrackingSettings.Attribution.self)
        )
        definitions = section.string("definitions", expected: "a folder").map(path)
        if let definitions, !section.reading.canRead(definitions) {
            section.reportUnreadable("folder", key: "definitions")
        }
    }
}

extension SourceTrackingPart {
    /// Reads what `sources.<name>` says of tracking.
    init(_ section: ConfigurationSection, hasPublicURL: Bool, _ path: (String) -> String) {
        sends = section.choice("sends", default: sends, of: Configuration.words(TrackingSource.Sends.self))
        let webhooks = section.section("webhooks") { section in
            (Self.sendGrid(section), Self.twilio(section, hasPublicURL), Self.ses(section, path))
        }
        (sendGrid, twilio, ses) = webhooks
    }

    private static func sendGrid(_ section: ConfigurationSection) -> SendGridConfiguration? {
        read("sendgrid", section) { part in
            let keys = part.strings("public_keys", expected: "a verification key as SendGrid shows it").map(\.value)
            let configuration = SendGridConfiguration(publicKeys: keys, isUnverified: isUnverified(part))
            return (configuration, { () throws(ProviderError) in _ = try SendGridWebhook(configuration) })
        }
    }

    private static func twilio(_ section: ConfigurationSection, _ hasPublicURL: Bool) -> TwilioConfiguration? {
        read("twilio", section) { part in
            let tokens = part.strings("auth_tokens", expected: "an auth token of the account").map(\.value)
            let configuration = TwilioConfiguration(authTokens: tokens, isUnverified: isUnverified(part))
            if !configuration.isUnverified, !hasPublicURL {
                part.report(
                    "needs publicURL beside it: Twilio signs the address that it posts to",
                    key: "auth_tokens",
                    line: part.lineOf("auth_tokens")
                )
            }
            return (configuration, { () throws(ProviderError) in _ = try TwilioWebhook(configuration) })
        }
    }

    private static func ses(_ section: ConfigurationSection, _ path: (String) -> String) -> SESConfiguration? {
        read("ses", section) { part in
            let topics = part.strings("topics", expected: "the ARN of an SNS topic").map(\.value)
            let configuration = SESConfiguration(
                topics: topics,
                trustedRoots: trustedRoots(part, path),
                isUnverified: isUnverified(part)
            )
            return (configuration, { () throws(ProviderError) in _ = try SESWebhook(configuration) { _ in [] } })
        }
    }

    /// What stands in the file of the certificates that are trusted.
    private static func trustedRoots(_ section: ConfigurationSection, _ path: (String) -> String) -> String? {
        guard let file = section.string("trusted_roots", expected: "a PEM file of certificates").map(path) else {
            return nil
        }
        guard let bytes = FileManager.default.contents(atPath: file) else {
            section.reportUnreadable("file", key: "trusted_roots")
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnverified(_ section: ConfigurationSection) -> Bool {
        section.boolean("unverified", default: false)
    }

    /// Reads one provider's section where there is one, and reports what the provider refuses.
    private static func read<Settings>(
        _ name: String,
        _ section: ConfigurationSection,
        _ make: (ConfigurationSection) -> (Settings, () throws(ProviderError) -> Void)
    ) -> Settings? {
        guard section.has(name) else {
            section.section(name) { $0.ignoreRest() }
            return nil
        }
        return section.section(name) { part in
            let before = part.reading.problems.count
            let (settings, check) = make(part)
            // What could not be read has been reported, and would be missed again here.
            guard part.reading.problems.count == before else { return settings }
            do throws(ProviderError) {
                try check()
            } catch {
                let member = error.member.map { String($0.prefix { $0 != "[" }) }
                if let member, part.has(member) {
                    part.report(error.message, key: error.member ?? member, line: part.lineOf(member))
                } else {
                    section.report(error.message, key: name, line: section.lineOf(name))
                }
            }
            return settings
        }
    }
}
