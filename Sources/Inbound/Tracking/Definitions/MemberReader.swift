import Avro
import Platform

/// Reads the members of one object of a definition.
///
/// A member that is null counts as not given. What is not among the known members is refused first: a mistyped name
/// is told as such, not as the absence of the right one.
struct MemberReader {
    private let path: String
    private let members: [JSONValue.Member]
    private let known: [String]

    /// `what` is the object's name in messages, such as "a campaign".
    init(_ json: JSONValue, at path: String, of what: String, known: [String]) throws(DefinitionError) {
        guard case .object(let members) = json else {
            throw DefinitionError(.wrongType, at: path, "must be \(what) as an object, found \(Self.kind(of: json))")
        }
        // Once for the whole: what SQLite keeps of a text ends at its first U+0000.
        if path.isEmpty { try Self.refuseNUL(json, at: path) }
        self.path = path
        self.members = members
        self.known = known
        var seen = [Bool](repeating: false, count: known.count)
        for member in members {
            guard let place = known.firstIndex(of: member.key) else {
                let place = Self.path(path, member.key.cut())
                let message = "is not a member of \(what); \(Self.hint(for: member.key, among: known))"
                throw DefinitionError(.unknownMember, at: place, message)
            }
            guard !seen[place] else {
                throw DefinitionError(.doubled, at: Self.path(path, member.key), "stands twice; keep one")
            }
            seen[place] = true
        }
    }

    /// The definition's own id, which a member `id` may repeat and not change.
    func ownID(_ id: String) throws(DefinitionError) -> String {
        let id = try Self.text(.string(id), at: path(of: "id"), bytesMax: DefinitionLimits.idBytesMax)
        if let control = id.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) {
            // They all lie below U+0100.
            let code = Hex.text([UInt8(truncatingIfNeeded: control.value)]).uppercased()
            let message = "must have no control characters, found U+00\(code)"
            throw DefinitionError(.wrongValue, at: path(of: "id"), message)
        }
        guard let repeated = value("id") else { return id }
        guard repeated == .string(id) else {
            throw DefinitionError(
                .wrongValue,
                at: path(of: "id"),
                "must be \"\(id)\" as the address or the file's name says, or be left out"
            )
        }
        return id
    }

    func id() throws(DefinitionError) -> String {
        try text("id", bytesMax: DefinitionLimits.idBytesMax)
    }

    func name() throws(DefinitionError) -> String {
        try text("name", bytesMax: DefinitionLimits.nameBytesMax)
    }

    func text(_ name: String, bytesMax: Int) throws(DefinitionError) -> String {
        guard let value = value(name) else { throw missing(name, Self.textRule(bytesMax)) }
        return try Self.text(value, at: path(of: name), bytesMax: bytesMax)
    }

    func optionalText(_ name: String, bytesMax: Int) throws(DefinitionError) -> String? {
        guard let value = value(name) else { return nil }
        return try Self.text(value, at: path(of: name), bytesMax: bytesMax)
    }

    /// False where it is not given.
    func flag(_ name: String) throws(DefinitionError) -> Bool {
        switch value(name) {
        case nil: return false
        case .boolean(let flag): return flag
        case .some(let other): throw wrongType(name, "true or false", other)
        }
    }

    func number(_ name: String, _ range: ClosedRange<Double>, rule: String) throws(DefinitionError) -> Double {
        guard let value = value(name) else { throw missing(name, rule) }
        guard case .number(let text) = value else { throw wrongType(name, rule, value) }
        guard let number = JSONNumber.double(value), range.contains(number) else {
            throw DefinitionError(.wrongValue, at: path(of: name), "must be \(rule), found \(text)")
        }
        return number
    }

    func integer(_ name: String, _ range: ClosedRange<Int64>, rule: String) throws(DefinitionError) -> Int64 {
        guard let value = value(name) else { throw missing(name, rule) }
        guard case .number(let text) = value else { throw wrongType(name, rule, value) }
        guard let number = value.integer, range.contains(number) else {
            throw DefinitionError(.wrongValue, at: path(of: name), "must be \(rule), found \(text)")
        }
        return number
    }

    /// One of a type's words.
    func choice<Word: RawRepresentable & CaseIterable>(
        _ name: String,
        of type: Word.Type
    ) throws(DefinitionError) -> Word where Word.RawValue == String {
        let words = type.allCases.map(\.rawValue)
        guard let value = value(name) else { throw missing(name, Self.list(words)) }
        guard let text = value.string else { throw wrongType(name, Self.list(words), value) }
        guard let word = Word(rawValue: text) else {
            let hint = NearMiss.suggestion(for: text, among: words).map { "; did you mean \($0)?" } ?? ""
            let message = "must be \(Self.list(words)), found \(text.quotedCut)\(hint)"
            throw DefinitionError(.wrongValue, at: path(of: name), message)
        }
        return word
    }

    /// The items of an array, each by `read` with its path; empty where it is not given.
    func items<Item>(
        _ name: String,
        countMax: Int,
        _ read: (JSONValue, String) throws(DefinitionError) -> Item
    ) throws(DefinitionError) -> [Item] {
        guard let value = value(name) else { return [] }
        return try Self.items(value, at: path(of: name), countMax: countMax, read)
    }

    /// Texts of an array, none of them twice.
    func texts(_ name: String, countMax: Int, bytesMax: Int) throws(DefinitionError) -> [String] {
        guard let value = value(name) else { return [] }
        return try Self.texts(value, at: path(of: name), countMax: countMax, bytesMax: bytesMax)
    }

    /// The members of an object whose names are the user's, in the order of the names.
    func entries<Entry>(
        _ name: String,
        countMax: Int,
        keyBytesMax: Int,
        _ read: (String, JSONValue, String) throws(DefinitionError) -> Entry
    ) throws(DefinitionError) -> [Entry] {
        guard let value = value(name) else { return [] }
        guard case .object(let members) = value else { throw wrongType(name, "an object", value) }
        try Self.check(members.count, at: path(of: name), countMax: countMax)
        var entries: [Entry] = []
        var last: String?
        for member in members.sorted(by: { $0.key < $1.key }) {
            let place = Self.path(path(of: name), member.key)
            _ = try Self.text(.string(member.key), at: place, bytesMax: keyBytesMax)
            guard last != member.key else { throw DefinitionError(.doubled, at: place, "stands twice; keep one") }
            last = member.key
            entries.append(try read(member.key, member.value, place))
        }
        return entries
    }

    /// Refuses members that have no meaning beside the others.
    func refuse(_ names: [String], _ message: String) throws(DefinitionError) {
        for name in names where value(name) != nil {
            throw DefinitionError(.unknownMember, at: path(of: name), message)
        }
    }

    func value(_ name: String) -> JSONValue? {
        assert(known.contains(name), "\(name) is read and not among the known members")
        let value = members.first { $0.key == name }?.value
        return value == .null ? nil : value
    }

    func path(of name: String) -> String { Self.path(path, name) }

    func missing(_ name: String, _ rule: String) -> DefinitionError {
        DefinitionError(.missing, at: path(of: name), "is missing; it must be \(rule)")
    }

    func wrongType(_ name: String, _ rule: String, _ value: JSONValue) -> DefinitionError {
        DefinitionError(.wrongType, at: path(of: name), "must be \(rule), found \(Self.kind(of: value))")
    }
}

extension MemberReader {
    static func text(_ value: JSONValue, at path: String, bytesMax: Int) throws(DefinitionError) -> String {
        guard let text = value.string else {
            throw DefinitionError(.wrongType, at: path, "must be \(textRule(bytesMax)), found \(kind(of: value))")
        }
        try refuseNUL(value, at: path)
        guard !text.allSatisfy(\.isWhitespace) else {
            throw DefinitionError(.wrongValue, at: path, "must be \(textRule(bytesMax)), found a blank one")
        }
        guard text.utf8.count <= bytesMax else {
            let message = "must be \(textRule(bytesMax)), found one of \(text.utf8.count)"
            throw DefinitionError(.wrongValue, at: path, message)
        }
        return text
    }

    static func texts(
        _ value: JSONValue,
        at path: String,
        countMax: Int,
        bytesMax: Int
    ) throws(DefinitionError) -> [String] {
        let texts = try items(value, at: path, countMax: countMax) { (item, place) throws(DefinitionError) in
            try text(item, at: place, bytesMax: bytesMax)
        }
        try refuseTwice(texts, at: path, member: "")
        return texts
    }

    static func items<Item>(
        _ value: JSONValue,
        at path: String,
        countMax: Int,
        _ read: (JSONValue, String) throws(DefinitionError) -> Item
    ) throws(DefinitionError) -> [Item] {
        guard let values = value.array else {
            throw DefinitionError(.wrongType, at: path, "must be an array, found \(kind(of: value))")
        }
        try check(values.count, at: path, countMax: countMax)
        var items: [Item] = []
        for (index, value) in values.enumerated() { items.append(try read(value, "\(path)[\(index)]")) }
        return items
    }

    /// Refuses a list whose items must differ and do not; `member` is what must differ, with its dot.
    static func refuseTwice(_ texts: [String], at path: String, member: String) throws(DefinitionError) {
        var places: [String: Int] = [:]
        for (index, text) in texts.enumerated() {
            guard let first = places.updateValue(index, forKey: text) else { continue }
            let message = "must differ from \(path)[\(first)]\(member): both are \(text.quotedCut)"
            throw DefinitionError(.doubled, at: "\(path)[\(index)]\(member)", message)
        }
    }

    static func path(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }

    static func list(_ words: [String]) -> String {
        words.count == 1 ? words[0] : "one of \(words.joined(separator: ", "))"
    }

    /// Of the members that there are, how many a message names.
    private static let hintedMax = 10

    /// What was probably meant by an unknown name, or else what there is.
    private static func hint(for name: String, among known: [String]) -> String {
        let near = NearMiss.suggestion(for: name, among: known).map { [$0] } ?? NearMiss.sharing(name, among: known)
        guard near.isEmpty else { return "did you mean \(near.joined(separator: " or "))?" }
        guard known.count > hintedMax else { return "expected \(list(known))" }
        return "expected \(list(Array(known.prefix(hintedMax)))) or \(known.count - hintedMax) others"
    }

    /// Refuses U+0000 in any name and text.
    private static func refuseNUL(_ value: JSONValue, at path: String) throws(DefinitionError) {
        guard let place = placeOfNUL(in: value) else { return }
        let whole = path.isEmpty && place.hasPrefix(".") ? String(place.dropFirst()) : path + place
        throw DefinitionError(.wrongValue, at: whole, "has the character U+0000, which no text may have")
    }

    /// The rest of the path to the first U+0000; put together only where there is one.
    private static func placeOfNUL(in value: JSONValue) -> String? {
        switch value {
        case .null, .boolean, .number: return nil
        case .string(let text): return text.utf8.contains(0) ? "" : nil
        case .array(let items):
            for (index, item) in items.enumerated() {
                if let place = placeOfNUL(in: item) { return "[\(index)]\(place)" }
            }
        case .object(let members):
            for member in members {
                if member.key.utf8.contains(0) { return ".\(member.key.replacing("\0", with: "\\u0000").cut())" }
                if let place = placeOfNUL(in: member.value) { return ".\(member.key.cut())\(place)" }
            }
        }
        return nil
    }

    static func kind(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .boolean: "true or false"
        case .number(let text): "the number \(text.cut())"
        case .string: "a text"
        case .array: "an array"
        case .object: "an object"
        }
    }

    private static func check(_ count: Int, at path: String, countMax: Int) throws(DefinitionError) {
        guard count > countMax else { return }
        throw DefinitionError(.tooMany, at: path, "must have at most \(countMax) items, found \(count)")
    }

    private static func textRule(_ bytesMax: Int) -> String { "a text of 1 to \(bytesMax) bytes" }
}
