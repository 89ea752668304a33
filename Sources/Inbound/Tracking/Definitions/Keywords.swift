import Avro
import Platform

/// The words that change a subscription by SMS, in each language of a group.
///
/// The standard words for stop count in any group, whatever its own. A message is a keyword when the
/// whole of it, without blanks around, is one such word, in any letter case.
package struct Keywords: Sendable, Hashable {
    package struct Language: Sendable, Hashable {
        /// Such as `en`.
        package let name: String
        package let start: [String]
        package let stop: [String]
        package let help: [String]

        package init(_ name: String, start: [String] = [], stop: [String] = [], help: [String] = []) {
            self.name = name
            self.start = start
            self.stop = stop
            self.help = help
        }
    }

    /// In the order of their names.
    package let languages: [Language]
    private let meanings: [String: InboundMessage.Word]

    /// A word that stands under two meanings has the first of stop, start and help: who may mean to leave, leaves.
    package init(_ languages: [Language]) {
        self.languages = languages.sorted { $0.name < $1.name }
        var meanings: [String: InboundMessage.Word] = [:]
        for language in self.languages {
            for (list, meaning) in language.lists {
                for word in list {
                    let held = meanings[word.lowercased()] ?? meaning
                    meanings[word.lowercased()] = held.rank <= meaning.rank ? held : meaning
                }
            }
        }
        // By law these are heard in any programme, whatever its language.
        for word in Self.alwaysStop { meanings[word.lowercased()] = .stop }
        self.meanings = meanings
    }

    private static let alwaysStop = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]

    /// The English words that senders in the United States must heed.
    package static let standard = Keywords([
        Language(
            "en",
            start: ["START", "YES", "UNSTOP"],
            stop: alwaysStop,
            help: ["HELP", "INFO"]
        )
    ])

    /// What the message asks for, nil where it is no keyword; what the provider took it for counts first.
    package func word(in message: InboundMessage) -> InboundMessage.Word? {
        message.word ?? word(in: message.body)
    }

    package func word(in body: String) -> InboundMessage.Word? {
        var trimmed = body.drop(while: \.isWhitespace)
        while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
        guard !trimmed.isEmpty, trimmed.count <= DefinitionLimits.keywordBytesMax else { return nil }
        return meanings[trimmed.lowercased()]
    }
}

extension InboundMessage.Word {
    /// The glossary's `action` of an inbound message, with or without a keyword.
    package static func action(of word: InboundMessage.Word?) -> String {
        switch word {
        case .stop: "unsubscribed"
        case .start: "subscribed"
        case .help, nil: "none"
        }
    }

    /// The glossary's `category` of the automatic reply.
    package var category: String {
        switch self {
        case .stop: "Opt-Out"
        case .start: "Opt-In"
        case .help: "Help"
        }
    }

    fileprivate var rank: Int {
        switch self {
        case .stop: 0
        case .start: 1
        case .help: 2
        }
    }
}

extension Keywords.Language {
    fileprivate var lists: [([String], InboundMessage.Word)] { [(start, .start), (stop, .stop), (help, .help)] }

    fileprivate init(_ name: String, reading json: JSONValue, at path: String) throws(DefinitionError) {
        let reader = try MemberReader(json, at: path, of: "a language's keywords", known: ["start", "stop", "help"])
        self.init(
            name,
            start: try Self.words("start", reader),
            stop: try Self.words("stop", reader),
            help: try Self.words("help", reader)
        )
    }

    fileprivate var json: JSONValue {
        .object([
            .init("start", .array(start.map(JSONValue.string))), .init("stop", .array(stop.map(JSONValue.string))),
            .init("help", .array(help.map(JSONValue.string))),
        ])
    }

    private static func words(_ name: String, _ reader: MemberReader) throws(DefinitionError) -> [String] {
        let countMax = DefinitionLimits.keywordsMax
        return try reader.items(name, countMax: countMax) { (item, place) throws(DefinitionError) in
            let word = try MemberReader.text(item, at: place, bytesMax: DefinitionLimits.keywordBytesMax)
            guard !word.contains(where: \.isWhitespace) else {
                throw DefinitionError(
                    .wrongValue,
                    at: place,
                    "must be a single word, found \(word.quotedCut)"
                )
            }
            return word
        }
    }
}

extension Keywords {
    /// Reads `keywords`; the standard ones where none are given.
    init(reading reader: MemberReader) throws(DefinitionError) {
        let languages = try reader.entries(
            "keywords",
            countMax: DefinitionLimits.languagesMax,
            keyBytesMax: DefinitionLimits.languageBytesMax
        ) { (name, json, path) throws(DefinitionError) in
            try Language(name, reading: json, at: path)
        }
        guard !languages.isEmpty else {
            self = .standard
            return
        }
        try Self.refuseTwoMeanings(languages, at: reader.path(of: "keywords"))
        self.init(languages)
    }

    var json: JSONValue {
        .object(languages.map { JSONValue.Member($0.name, $0.json) })
    }

    private static func refuseTwoMeanings(_ languages: [Language], at path: String) throws(DefinitionError) {
        var seen: [String: (meaning: InboundMessage.Word, place: String)] = [:]
        for language in languages {
            for (list, meaning) in language.lists {
                for (index, word) in list.enumerated() {
                    let place = "\(path).\(language.name).\(meaning.rawValue.lowercased())[\(index)]"
                    guard let other = seen[word.lowercased()] else {
                        seen[word.lowercased()] = (meaning, place)
                        continue
                    }
                    guard other.meaning != meaning else { continue }
                    let message = "must mean one thing: \(word.quotedCut) stands at \(other.place) too"
                    throw DefinitionError(.doubled, at: place, message)
                }
            }
        }
        for word in alwaysStop {
            guard let (meaning, place) = seen[word.lowercased()], meaning != .stop else { continue }
            throw DefinitionError(.wrongValue, at: place, "must be another word: \(word) means stop in any group")
        }
    }
}
