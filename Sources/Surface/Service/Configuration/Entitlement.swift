import Glossary
import Intake
import Platform

/// Which event types a connector may carry, as configured and checked against the glossary.
struct Entitlement {
    var filter = Filter()
    let edition: String

    /// System types are carried only when named in full, never by a glob: their raw bytes evade privacy rules.
    static let systemTypes = [DeadLetter.typeName]

    static func isSystem(_ name: String) -> Bool { systemTypes.contains(name) }

    /// Reads `events`, `sections`, `channels`, `actions` and `edition` of a connector.
    init(_ section: ConfigurationSection, glossary: Glossary) {
        edition = section.edition(glossary)
        for key in ["events", "sections", "channels", "actions"] where section.isEmptyList(key) {
            let message = "is empty and would carry nothing; leave it out to carry everything"
            section.report(message, key: key, line: section.lineOf(key))
        }
        guard let types = glossary.edition(edition) else { return }
        filter.events = Self.events(section, types)
        let tags = { (tags: [Tag]) in tags.flatMap { [$0.title, $0.slug] } }
        filter.sections = Self.tags(section, "sections", of: types.types.map(\.section))
        filter.channels = Self.tags(section, "channels", of: types.types.flatMap { tags($0.channels) })
        filter.actions = Self.tags(section, "actions", of: types.types.flatMap { tags($0.actions) })
    }

    /// The names and globs, slips among them too: a list of slips only would count as none, which carries everything.
    private static func events(_ section: ConfigurationSection, _ edition: Edition) -> [String] {
        let expected = "the name of an event type or a glob such as users.messages.*"
        return section.strings("events", expected: expected).map { found in
            if systemTypes.contains(found.value) { return found.value }
            if !edition.types(matching: Filter(events: [found.value])).isEmpty { return found.value }
            if found.value.hasPrefix("courant.") {
                let message = "is no system type; expected \(ConfigurationSection.list(systemTypes)), named in full"
                section.report(message, key: found.key, line: found.line)
                return found.value
            }
            let names = edition.types.flatMap { [$0.name] + $0.aliases }
            let near = NearMiss.nearest(to: found.value, among: names).joined(separator: ", ")
            let message = "matches no event type of edition \(edition.name); near names are \(near)"
            section.report(message, key: found.key, line: found.line)
            return found.value
        }
    }

    private static func tags(_ section: ConfigurationSection, _ key: String, of known: [String]) -> [String] {
        var words: [String] = []
        for word in known where !words.contains(word) { words.append(word) }
        return section.strings(key, expected: ConfigurationSection.list(words)).map { found in
            if !words.contains(where: { $0.lowercased() == found.value.lowercased() }) {
                section.reportChoice(found, key: found.key, words: words)
            }
            return found.value
        }
    }
}
