import Platform
import Yams

/// One mapping of a configuration file, read key by key.
///
/// Asking for a key is what makes it known: `done()` reports every key of the file that nobody asked for, with the
/// nearest of those that were. So a setting is declared in one place, where it is read.
package final class ConfigurationSection {
    let path: String
    let line: Int?
    let reading: ConfigurationReading
    private let mapping: Node.Mapping
    private var known: [String] = []
    /// Keys that nobody asked for, and would have if they were there.
    private var possible: [String] = []

    init(path: String, line: Int?, mapping: Node.Mapping, reading: ConfigurationReading) {
        self.path = path
        self.line = line
        self.mapping = mapping
        self.reading = reading
    }

    /// The keys as they stand in the file.
    var keys: [String] {
        mapping.map { $0.key.string ?? ConfigurationWords.kind(of: $0.key) }
    }

    // MARK: Values

    func string(_ key: String, expected: String = "a text") -> String? {
        scalar(key, expected: expected)?.value
    }

    func string(_ key: String, default value: String, expected: String = "a text") -> String {
        string(key, expected: expected) ?? value
    }

    /// A text that must be there and not be empty.
    func required(_ key: String, expected: String) -> String? {
        guard has(key) else {
            known.append(key)
            report("is missing; expected \(expected)", key: key, line: line)
            return nil
        }
        return value(key, expected: expected) { $0.isEmpty ? nil : $0 }
    }

    func integer(_ key: String, default value: Int, in range: ClosedRange<Int>) -> Int {
        integer(key, in: range) ?? value
    }

    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        let expected =
            range.upperBound == .max
            ? "a whole number from \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return value(key, expected: expected) { text in
            Int(text.replacing("_", with: "")).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func boolean(_ key: String, default value: Bool) -> Bool {
        self.value(key, expected: "true or false") { ["true": true, "false": false][$0] } ?? value
    }

    func duration(
        _ key: String,
        default value: Duration,
        example: String,
        atLeast least: Duration = .zero,
        atMost most: Duration = .seconds(365 * 86_400)
    ) -> Duration {
        let upper = ConfigurationUnits.text(most)
        let bounds = least > .zero ? "from \(ConfigurationUnits.text(least)) to \(upper)" : "up to \(upper)"
        return self.value(key, expected: "a duration \(bounds) such as \(example)") { text in
            ConfigurationUnits.duration(text).flatMap { (least...most).contains($0) ? $0 : nil }
        } ?? value
    }

    func bytes(_ key: String, default value: Int, example: String, in range: ClosedRange<Int>) -> Int {
        bytes(key, example: example, in: range) ?? value
    }

    func bytes(_ key: String, example: String, in range: ClosedRange<Int>) -> Int? {
        let bounds =
            range.upperBound == .max
            ? "at least \(range.lowerBound) bytes" : "\(range.lowerBound) to \(range.upperBound) bytes"
        return value(key, expected: "a size such as \(example) (\(bounds))") { text in
            ConfigurationUnits.bytes(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// One of a closed set of words; where `null` is one of them, YAML's own null is that word.
    ///
    /// `keys` are what may stand there instead of a word, for messages.
    func choice<Value>(
        _ key: String,
        default value: Value,
        of words: [(word: String, value: Value)],
        or keys: String? = nil
    ) -> Value {
        choice(key, of: words, or: keys) ?? value
    }

    func choice<Value>(_ key: String, of words: [(word: String, value: Value)], or keys: String? = nil) -> Value? {
        if let null = words.first(where: { $0.word == "null" }), saysNull(key) { return null.value }
        guard let found = scalar(key, expected: Self.list(words.map(\.word))) else { return nil }
        if let match = words.first(where: { $0.word == found.value }) { return match.value }
        reportChoice(found, key: key, words: words.map(\.word), or: keys)
        return nil
    }

    /// The word under `type`; without it, what a key tells that only one of the words has.
    func kind<Value>(
        default usual: Value,
        of words: [(word: String, value: Value)],
        told keys: [(key: String, value: Value)]
    ) -> Value {
        if !has("type") { possible += keys.map(\.key) }
        return choice("type", default: keys.first { has($0.key) }?.value ?? usual, of: words)
    }

    /// A value that `parse` understands; nil after reporting what was expected, and also where the key is absent.
    func value<Value>(_ key: String, expected: String, _ parse: (String) -> Value?) -> Value? {
        guard let found = scalar(key, expected: expected) else { return nil }
        if let value = parse(found.value) { return value }
        report("expected \(expected), found \(found.kind)", key: key, line: found.line)
        return nil
    }

    /// A list of texts; one text alone counts as a list of one.
    func strings(_ key: String, expected: String) -> [Found] {
        guard let node = node(key) else { return [] }
        guard case .sequence(let sequence) = node else {
            return scalar(node, at: key, expected: expected).map { [$0] } ?? []
        }
        return sequence.enumerated().compactMap { index, item in
            scalar(item, at: "\(key)[\(index)]", expected: expected)
        }
    }

    func isEmptyList(_ key: String) -> Bool {
        guard case .sequence(let items) = node(key) else { return false }
        return items.isEmpty
    }

    // MARK: Sections

    func has(_ key: String) -> Bool {
        mapping.contains { $0.key.string == key && !$0.value.isNothing }
    }

    /// Reads a section of fixed keys.
    ///
    /// An absent one reads as empty, so that its defaults hold.
    func section<Value>(_ key: String, _ read: (ConfigurationSection) -> Value) -> Value {
        let section =
            child(key) ?? ConfigurationSection(path: full(key), line: line, mapping: Node.Mapping([]), reading: reading)
        defer { section.done() }
        return read(section)
    }

    /// Reads a section whose keys are names that the operator chose; nil if it is absent.
    func named<Value>(_ key: String, what: String, _ read: (String, ConfigurationSection) -> Value?) -> [Value]? {
        guard has(key) else {
            known.append(key)
            return nil
        }
        guard let section = child(key) else { return [] }
        return section.keys.compactMap { name in
            guard Self.isName(name) else {
                section.report(
                    "expected \(Self.nameRule) as the name of a \(what)",
                    key: name,
                    line: section.lineOf(name)
                )
                return nil
            }
            let settings =
                section.has(name)
                ? section.child(name)
                : ConfigurationSection(
                    path: section.full(name),
                    line: section.lineOf(name),
                    mapping: Node.Mapping([]),
                    reading: reading
                )
            guard let settings else { return nil }
            defer { settings.done() }
            return read(name, settings)
        }
    }

    /// Reads a section of texts whose keys another program's documentation names.
    ///
    /// `complaint` gets key and value and says what is wrong, without the value, which may be a secret.
    func texts(
        _ key: String,
        expected: String,
        complaint: (String, String) -> String?
    ) -> [(name: String, value: String)] {
        guard let section = child(key) else { return [] }
        return section.keys.compactMap { name in
            guard let value = section.scalar(name, expected: expected)?.value else { return nil }
            guard let complaint = complaint(name, value) else { return (name, value) }
            section.report(complaint, key: name, line: section.lineOf(name))
            return nil
        }
    }

    /// Looks into a section again, after it was read.
    func inspect(_ key: String, _ look: (ConfigurationSection) -> Void) {
        if let mapping = node(key)?.mapping {
            look(ConfigurationSection(path: full(key), line: lineOf(key), mapping: mapping, reading: reading))
        }
    }

    /// Whether the key's value is one text rather than keys or a list.
    func isText(_ key: String) -> Bool {
        node(key)?.scalar != nil
    }

    /// Whether the key's value is the word null, which elsewhere means that the key is absent.
    func saysNull(_ key: String) -> Bool {
        if !known.contains(key) { known.append(key) }
        return mapping.contains { $0.key.string == key && $0.value.scalar?.string == "null" }
    }

    /// Reports the keys that nobody asked for.
    func done() {
        let expected = Set(known + possible).sorted()
        for key in keys where !known.contains(key) {
            let hint: String
            if let suggestion = NearMiss.suggestion(for: key, among: expected) {
                hint = "did you mean \(suggestion)?"
            } else {
                hint = "expected \(Self.list(expected))"
            }
            if has(key) {
                let place = path.isEmpty ? "the configuration" : path
                report("is not a key of \(place); \(hint)", key: key, line: lineOf(key))
            } else {
                // `{token x}` for `{token: x}`: it may be no key at all.
                reading.report("has an unknown key without a value; \(hint)", key: path, line: lineOf(key))
            }
        }
    }

    /// Takes every key for known: nothing can be said about them.
    func ignoreRest() {
        known += keys
    }

    func report(_ message: String, key: String, line: Int?) {
        reading.report(message, key: full(key), line: line)
    }

    /// Says that a path leads to nothing.
    func reportUnreadable(_ what: String, key: String) {
        let message = "there is no such \(what) that can be read; relative paths begin at the configuration's folder"
        report(message, key: key, line: lineOf(key))
    }

    /// Says where the prefix of objects is set: many look for it beside the bucket.
    func refuseObjectPrefix() {
        guard has("prefix") else { return }
        _ = string("prefix")
        report("stands one level up, in the connector's key: {prefix: …}", key: "prefix", line: lineOf("prefix"))
    }

    /// The line of a key, or the section's own.
    func lineOf(_ key: String) -> Int? {
        mapping.first { $0.key.string == key }?.key.mark?.line ?? line
    }

    static func list(_ words: [String]) -> String {
        words.count == 1 ? words[0] : "one of \(words.joined(separator: ", "))"
    }

    // MARK: Names

    static let nameRule = "a lower-case letter or digit, then up to 62 of those, - and _"

    static func isName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, bytes.count <= 63 else { return false }
        let isPlain = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isPlain(first) && bytes.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
}

extension ConfigurationSection {
    /// A text of the file with the environment's values in place.
    struct Found {
        let value: String
        /// Its key within the section, with an index where it stands in a list.
        let key: String
        let line: Int?
        /// What a message says of it.
        var kind: String { ConfigurationWords.kind(of: value) }
    }

    func reportChoice(_ found: Found, key: String, words: [String], or keys: String? = nil) {
        let hint = NearMiss.suggestion(for: found.value, among: words).map { "; did you mean \($0)?" } ?? ""
        let expected = Self.list(words) + (keys.map { ", or \($0)" } ?? "")
        report("expected \(expected), found \(found.kind)\(hint)", key: key, line: found.line)
    }

    private func full(_ key: String) -> String {
        let key = ConfigurationWords.key(key)
        return path.isEmpty ? key : "\(path).\(key)"
    }

    private func node(_ key: String) -> Node? {
        if !known.contains(key) { known.append(key) }
        return mapping.first { $0.key.string == key && !$0.value.isNothing }?.value
    }

    private func child(_ key: String) -> ConfigurationSection? {
        guard let node = node(key) else { return nil }
        guard let mapping = node.mapping else {
            let found = ConfigurationWords.kind(of: node)
            report("expected keys, found \(found)", key: key, line: node.mark?.line ?? lineOf(key))
            return nil
        }
        return ConfigurationSection(path: full(key), line: lineOf(key), mapping: mapping, reading: reading)
    }

    private func scalar(_ key: String, expected: String) -> Found? {
        node(key).flatMap { scalar($0, at: key, expected: expected) }
    }

    private func scalar(_ node: Node, at key: String, expected: String) -> Found? {
        let line = node.mark?.line ?? lineOf(key)
        guard let scalar = node.scalar else {
            report("expected \(expected), found \(ConfigurationWords.kind(of: node))", key: key, line: line)
            return nil
        }
        guard let value = reading.expanded(scalar.string, key: full(key), line: line) else { return nil }
        return Found(value: value, key: key, line: line)
    }
}
