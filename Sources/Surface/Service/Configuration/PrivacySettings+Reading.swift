import Delivery
import Glossary
import Platform

extension PrivacySettings {
    private static let actions = Action.allCases.map { (word: $0.rawValue, value: $0) }

    /// Reads `privacy: {pii: …, fields: {…}, hmac_key: …}` and checks it against the types that the connector carries.
    init(reading section: ConfigurationSection, _ entitlement: Entitlement, _ glossary: Glossary) {
        self.init()
        personal = section.choice("pii", default: .keep, of: Self.actions)
        let edition = glossary.edition(entitlement.edition)
        let known = Set(edition?.types.flatMap { $0.fields.map(\.name) } ?? [])
        section.section("fields") { section in
            for name in section.keys {
                guard known.contains(name) else {
                    let near = NearMiss.nearest(to: name, among: known.sorted()).joined(separator: ", ")
                    let message = "is not a field of edition \(entitlement.edition); near names are \(near)"
                    section.report(message, key: name, line: section.lineOf(name))
                    continue
                }
                fields[name] = section.choice(name, of: Self.actions)
            }
            section.ignoreRest()
        }
        let least = Self.keyBytesMin
        key =
            section.value("hmac_key", expected: "at least \(least) bytes of a secret, such as ${PRIVACY_KEY}") { text in
                text.utf8.count >= least ? Array(text.utf8) : nil
            } ?? []
        if key.isEmpty, !section.has("hmac_key"), personal == .hmacSHA256 || fields.values.contains(.hmacSHA256) {
            section.report("is missing; hmac_sha256 needs a secret", key: "hmac_key", line: section.line)
        }
        if self != PrivacySettings(), let system = entitlement.filter.events.first(where: Entitlement.isSystem) {
            let message =
                "\(system) holds raw bytes, which privacy rules do not reach; carry it by a connector of its own"
            section.report(message, key: "pii", line: section.line)
        }
        let carried = edition?.types(matching: entitlement.filter) ?? []
        for problem in Set(carried.flatMap(problems(in:))).sorted() {
            section.report(problem, key: section.has("fields") ? "fields" : "pii", line: section.line)
        }
    }
}
