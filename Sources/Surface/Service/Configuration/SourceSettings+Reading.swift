import Glossary
import Intake

extension SourceSettings {
    /// Reads `sources.<name>`.
    init(_ name: String, _ section: ConfigurationSection, glossary: Glossary) {
        self.init(name: name)
        edition = section.edition(glossary)
        isStrict = section.boolean("strict", default: false)
        unknownFields = section.choice(
            "unknown_fields",
            default: .leaveOut,
            of: [("leave_out", .leaveOut), ("reject", .reject)]
        )
        eventsPerSecondMax = section.integer("events_per_second_max", in: 1 ... .max)
        inFlightBytesMax = section.bytes(
            "in_flight_bytes_max",
            default: inFlightBytesMax,
            example: "128MiB",
            in: 1024 ... .max
        )
        let words = Format.allCases.map(\.rawValue)
        let found = section.strings("formats", expected: ConfigurationSection.list(words))
        guard !found.isEmpty else { return }
        formats = []
        for item in found {
            if let format = Format(rawValue: item.value) {
                formats.insert(format)
            } else {
                section.reportChoice(item, key: item.key, words: words)
            }
        }
    }
}

extension ConfigurationSection {
    /// The `edition` key; the default edition after reporting one that the glossary does not have.
    func edition(_ glossary: Glossary) -> String {
        choice("edition", default: Configuration.defaultEdition, of: glossary.editions.map { ($0.name, $0.name) })
    }
}
