/// Reads the text of a glossary, line by line; the format is described at the head of `glossary.txt`.
struct GlossaryParser {
    /// The most fields that a type may have: positions fit into a byte, with room for a mark.
    static let fieldsMax = 250
    /// The most types that an edition may have.
    static let typesMax = 4096
    /// The most bytes that a line may have.
    static let lineBytesMax = 4096

    private struct Description {
        let group: FieldGroup
        let rule: FieldRule?
        let text: String
    }

    private var line = 0
    private var descriptions: [String: Description] = [:]
    private var editions: [Edition] = []
    private var editionName: String?
    private var types: [EventType] = []
    private var typeNames: Set<String> = []
    private var type: TypeDraft?

    /// The editions that the text describes.
    mutating func parse(_ text: String) throws(GlossaryError) -> [Edition] {
        for bytes in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            guard bytes.count <= GlossaryParser.lineBytesMax else {
                throw fault(.tooLarge, "a line has at most \(GlossaryParser.lineBytesMax) bytes")
            }
            guard let (word, rest) = Words.first(of: Substring(bytes)), !word.hasPrefix("#") else { continue }
            try take(word, rest)
        }
        try finishEdition()
        guard !editions.isEmpty else { throw fault(.missing, "expected at least one `edition NAME`") }
        return editions
    }

    private mutating func take(_ word: Substring, _ rest: Substring) throws(GlossaryError) {
        switch word {
        case "describe": try takeDescription(rest)
        case "edition": try takeEdition(rest)
        case "type": try takeType(rest)
        case "field": try takeField(rest)
        case "title", "section", "channels", "actions", "alias", "rule", "occurs": try takeAttribute(word, rest)
        default:
            throw fault(
                .malformed,
                "`\(word)` is no word of the format; expected describe, edition, type, title, section, channels, "
                    + "actions, alias, rule, occurs or field"
            )
        }
    }

    private func fault(_ code: GlossaryError.Code, _ message: String) -> GlossaryError {
        GlossaryError(code: code, line: line, message: message)
    }
}

// MARK: - Descriptions and fields

extension GlossaryParser {
    private mutating func takeDescription(_ rest: Substring) throws(GlossaryError) {
        let form = "expected `describe NAME GROUP [rule RULE] -- TEXT`"
        let (head, text) = Words.head(of: rest)
        var words = Words.all(of: head)[...]
        guard let name = words.popFirst(), let group = words.popFirst(), let text else {
            throw fault(.malformed, form)
        }
        guard Words.isName(name) else { throw fault(.malformed, "`\(name)` is no name of a field; \(form)") }
        guard let group = FieldGroup(rawValue: String(group)) else {
            throw fault(.malformed, "`\(group)` is no group; expected user, tracking or event")
        }
        var rule: FieldRule?
        if words.first == "rule" {
            words.removeFirst()
            rule = try takeRule(&words)
        }
        guard words.isEmpty else { throw fault(.malformed, form) }
        guard descriptions[String(name)] == nil else {
            throw fault(.doubled, "`\(name)` is described twice")
        }
        descriptions[String(name)] = Description(group: group, rule: rule, text: text)
    }

    /// The rule that the next word names; nil for `none`.
    private func takeRule(_ words: inout ArraySlice<Substring>) throws(GlossaryError) -> FieldRule? {
        let names = FieldRule.allCases.map(\.name).joined(separator: ", ")
        guard let name = words.popFirst() else {
            throw fault(.malformed, "expected a rule behind `rule`: \(names) or none")
        }
        if name == "none" { return nil }
        guard let rule = FieldRule(name: String(name)) else {
            throw fault(.malformed, "`\(name)` is no rule; expected \(names) or none")
        }
        return rule
    }

    private mutating func takeField(_ rest: Substring) throws(GlossaryError) {
        let form = "expected `field NAME TYPE [personal] [page N] [rule RULE] [-- TEXT]`"
        guard type != nil else { throw fault(.malformed, "a field stands below a `type NAME`") }
        let (head, text) = Words.head(of: rest)
        var words = Words.all(of: head)[...]
        guard let name = words.popFirst(), let typeName = words.popFirst() else { throw fault(.malformed, form) }
        guard let description = descriptions[String(name)] else {
            throw fault(
                .missing,
                "`\(name)` has no description; expected `describe \(name) GROUP -- TEXT` in a line above"
            )
        }
        let isNullable = typeName.hasSuffix("?")
        guard let fieldType = FieldType(name: isNullable ? typeName.dropLast() : typeName) else {
            throw fault(
                .malformed,
                "`\(typeName)` is no type; expected string, int, long, float, double, boolean, array<string> or "
                    + "array<string?>, with ? behind it when nullable"
            )
        }
        var isPersonal = false
        var page: Int?
        var rule = description.rule
        while let word = words.popFirst() {
            switch word {
            case "personal": isPersonal = true
            case "page":
                guard let number = words.popFirst().flatMap({ Int($0) }), (0..<1000).contains(number) else {
                    throw fault(.malformed, "expected a number from 0 to 999 behind `page`")
                }
                page = number
            case "rule": rule = try takeRule(&words)
            default: throw fault(.malformed, "`\(word)` is not expected here; \(form)")
            }
        }
        if let rule, !rule.suits(fieldType) {
            throw fault(.malformed, "the rule `\(rule.name)` does not suit a field of type \(fieldType.name)")
        }
        try add(
            Field(
                name: String(name),
                type: fieldType,
                isRequired: !isNullable,
                group: description.group,
                isPersonal: isPersonal,
                description: text ?? description.text,
                page: page ?? type?.fields.count ?? 0,
                rule: rule
            )
        )
    }

    private mutating func add(_ field: Field) throws(GlossaryError) {
        guard var draft = type.take() else { return }
        guard draft.fields.count < GlossaryParser.fieldsMax else {
            throw fault(.tooLarge, "a type has at most \(GlossaryParser.fieldsMax) fields")
        }
        guard draft.fieldIndex.updateValue(draft.fields.count, forKey: field.name) == nil else {
            throw fault(.doubled, "`\(draft.name)` has the field `\(field.name)` twice")
        }
        draft.fields.append(field)
        type = draft
    }
}

// MARK: - Editions and types

extension GlossaryParser {
    private mutating func takeEdition(_ rest: Substring) throws(GlossaryError) {
        let words = Words.all(of: rest)
        guard words.count == 1, Words.isName("e" + words[0]) else {
            throw fault(.malformed, "expected `edition NAME`, the name of letters and digits")
        }
        try finishEdition()
        guard !editions.contains(where: { $0.name == words[0] }) else {
            throw fault(.doubled, "edition `\(words[0])` stands twice")
        }
        editionName = String(words[0])
    }

    private mutating func takeType(_ rest: Substring) throws(GlossaryError) {
        let words = Words.all(of: rest)
        guard words.count == 1 else { throw fault(.malformed, "expected `type NAME`") }
        guard editionName != nil else { throw fault(.malformed, "a type stands below an `edition NAME`") }
        try finishType()
        guard types.count < GlossaryParser.typesMax else {
            throw fault(.tooLarge, "an edition has at most \(GlossaryParser.typesMax) types")
        }
        try register(words[0])
        type = TypeDraft(name: String(words[0]), line: line)
    }

    private mutating func takeAttribute(_ word: Substring, _ rest: Substring) throws(GlossaryError) {
        guard var draft = type.take() else { throw fault(.malformed, "`\(word)` stands below a `type NAME`") }
        guard !rest.isEmpty else { throw fault(.malformed, "expected a text behind `\(word)`") }
        switch word {
        case "title": try set(&draft.title, rest, word)
        case "section": try set(&draft.section, rest, word)
        case "occurs": try set(&draft.occurs, rest, word)
        case "channels": draft.channels += try tags(rest)
        case "actions": draft.actions += try tags(rest)
        case "alias":
            try register(rest)
            draft.aliases.append(String(rest))
        default:
            guard rest == "dispatch-needs-campaign" else {
                throw fault(.malformed, "`\(rest)` is no rule of a type; expected dispatch-needs-campaign")
            }
            draft.dispatchNeedsCampaign = true
        }
        type = draft
    }

    private func set(_ value: inout String, _ rest: Substring, _ word: Substring) throws(GlossaryError) {
        guard value.isEmpty else { throw fault(.doubled, "`\(word)` stands twice in this type") }
        value = String(rest)
    }

    private func tags(_ rest: Substring) throws(GlossaryError) -> [String] {
        let tags = rest.split(separator: ",", omittingEmptySubsequences: false).map { String(Words.trimmed($0)) }
        guard tags.allSatisfy({ !$0.isEmpty }), Set(tags).count == tags.count else {
            throw fault(.malformed, "expected different tags with commas between them")
        }
        return tags
    }

    /// Takes a name or an alias into the edition.
    private mutating func register(_ name: Substring) throws(GlossaryError) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 1, parts.allSatisfy(Words.isName), parts[0] != "courant" else {
            throw fault(
                .malformed,
                "`\(name)` is no name of a type; expected at least two names with dots between them, the first not "
                    + "courant, which is kept for the system's own"
            )
        }
        guard typeNames.insert(String(name)).inserted else {
            throw fault(.doubled, "`\(name)` stands twice in this edition")
        }
    }

    private mutating func finishType() throws(GlossaryError) {
        guard let draft = type.take(), let editionName else { return }
        if let missing = draft.missing {
            throw GlossaryError(code: .missing, line: draft.line, message: "`\(draft.name)` has no \(missing)")
        }
        types.append(EventType(draft: draft, edition: editionName))
    }

    private mutating func finishEdition() throws(GlossaryError) {
        try finishType()
        guard let name = editionName.take() else { return }
        guard !types.isEmpty else { throw fault(.missing, "edition `\(name)` has no types") }
        editions.append(Edition(name: name, types: types))
        types = []
        typeNames = []
    }
}

/// A type while its lines are read.
struct TypeDraft {
    let name: String
    let line: Int
    var title = ""
    var section = ""
    var channels: [String] = []
    var actions: [String] = []
    var occurs = ""
    var aliases: [String] = []
    var dispatchNeedsCampaign = false
    var fields: [Field] = []
    var fieldIndex: [String: Int] = [:]

    init(name: String, line: Int) {
        self.name = name
        self.line = line
    }

    /// What every type needs and this one has not.
    ///
    /// The journal and the window of duplicates rest on `id`, the rules that hold in every source on `time`.
    var missing: String? {
        if title.isEmpty { return "title" }
        if section.isEmpty { return "section" }
        if occurs.isEmpty { return "occurs" }
        guard let id = fieldIndex["id"], fields[id].type == .string, fields[id].isRequired else {
            return "`field id string`"
        }
        guard let time = fieldIndex["time"], fields[time].type.isInteger, fields[time].isRequired else {
            return "`field time int` or `field time long`"
        }
        return nil
    }
}

/// Taking lines apart.
///
/// Blanks are spaces, tabs and the return of a foreign line end.
private enum Words {
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D
    }

    static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let byte = bytes.first, isBlank(byte) { bytes.removeFirst() }
        while let byte = bytes.last, isBlank(byte) { bytes.removeLast() }
        return Substring(bytes)
    }

    static func all(of text: Substring) -> [Substring] {
        text.utf8.split(whereSeparator: isBlank).map { Substring($0) }
    }

    /// The first word, and what stands behind it; nil when there is none.
    static func first(of line: Substring) -> (Substring, Substring)? {
        let line = trimmed(line)
        guard !line.isEmpty else { return nil }
        let end = line.utf8.firstIndex(where: isBlank) ?? line.endIndex
        return (line[..<end], trimmed(line[end...]))
    }

    /// What stands before ` -- `, and the text behind it.
    static func head(of line: Substring) -> (Substring, String?) {
        let bytes = line.utf8
        var index = bytes.startIndex
        while let dash = bytes[index...].firstIndex(of: UInt8(ascii: "-")) {
            let rest = bytes[dash...]
            let isFree = dash == bytes.startIndex || isBlank(bytes[bytes.index(before: dash)])
            if isFree, rest.starts(with: "-- ".utf8) {
                let text = trimmed(Substring(rest.dropFirst(3)))
                return (line[..<dash], text.isEmpty ? nil : String(text))
            }
            index = bytes.index(after: dash)
        }
        return (line, nil)
    }

    /// Whether the text is a name by Avro's rules: letters, digits and underscores, no digit first.
    static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) && byte < 0x80 || (0x30...0x39).contains(byte) || byte == 0x5F
        }
    }
}
