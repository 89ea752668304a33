import Yams

/// Why a file cannot be read as YAML; what Yams says of it by itself has the line with its mistake in it.
struct YamlFault: Error {
    let message: String
    /// Counted from 1, where it is known.
    let line: Int?

    /// What Yams threw, in words.
    init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _)?, .parser(let context, let problem, let mark, _)?,
            .composer(let context, let problem, let mark, _)?:
            self.init(Self.told(context, besides: mark) + problem, line: mark.line, column: mark.column)
        case .reader(let problem, let offset?, _, let yaml)?:
            let lines = Self.lines(yaml.prefix(offset))
            self.init(problem, line: lines.count, column: (lines.last?.unicodeScalars.count ?? 0) + 1)
        case .duplicatedKeysInMapping(let keys, let context)?:
            // Yams has the place of the first of them.
            self.init(twice: keys.first ?? "", first: context.mark, in: context.text)
        default:
            self.init(message: "cannot be read as YAML", line: nil)
        }
    }

    private init(message: String, line: Int?) {
        self.message = message
        self.line = line
    }

    private init(_ problem: String, line: Int, column: Int) {
        self.init(message: "is not YAML at column \(column): \(problem)", line: line)
    }

    /// The text of a file.
    static func text(of bytes: some Sequence<UInt8>) throws(YamlFault) -> String {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
        throw YamlFault(message: "is not UTF-8", line: index.map { $0 + 1 })
    }

    /// What was being read, and where that begins: a quote that nothing closes ends with the file.
    private static func told(_ context: YamlError.Context?, besides mark: Mark) -> String {
        guard let context else { return "" }
        let (begun, text) = (context.mark, context.text.replacing("scalar", with: "text"))
        let isElsewhere = begun.line != mark.line || begun.column != mark.column
        return text + (isElsewhere ? " that begins in line \(begun.line), column \(begun.column), " : ", ")
    }

    /// One key that stands twice in a mapping.
    ///
    /// A key without a colon may be a value that somebody did not mean for a key.
    private init(twice key: String, first: Mark, in yaml: String) {
        let lines = Self.lines(yaml)
        let line = lines.indices.contains(first.line - 1) ? lines[first.line - 1] : ""
        let shown = Self.has(key, line, at: first.column) ? ConfigurationWords.key(key) : ConfigurationWords.hiddenKey
        // In a mapping of lines, all keys begin at one column; another mapping's begin there only behind its end.
        let isOwnLine = line.unicodeScalars.prefix(first.column - 1).allSatisfy { " -".unicodeScalars.contains($0) }
        let second = lines.indices.dropFirst(first.line).first { index in
            let indent = lines[index].unicodeScalars.prefix(first.column - 1)
            return isOwnLine && indent.allSatisfy { $0 == " " } && Self.has(key, lines[index], at: first.column)
        }
        if let second {
            self.init(message: "the same key stands here and in line \(first.line): \(shown)", line: second + 1)
        } else {
            self.init(message: "the same key stands here twice: \(shown)", line: first.line)
        }
    }

    /// Whether the key with its colon stands there.
    private static func has(_ key: String, _ line: Substring, at column: Int) -> Bool {
        let rest = line.unicodeScalars.dropFirst(column - 1)
        return [key, "\"\(key)\"", "'\(key)'"].map(\.unicodeScalars).contains { form in
            rest.starts(with: form) && rest.dropFirst(form.count).first { $0 != " " } == ":"
        }
    }

    private static func lines(_ yaml: some StringProtocol) -> [Substring] {
        Substring(yaml).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    }
}
