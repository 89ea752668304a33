/// The limits on files, lines and functions.
///
/// Tables and fixtures are data and not measured. Nor are the insides of literals: a message in one piece can be
/// searched for.
enum Lengths {
    static let fileLinesMax = 600
    static let testLinesMax = 800
    static let lineColumnsMax = 120
    static let functionLinesMax = 70

    static let measured: Set<Substring> = ["swift", "c", "cpp", "h", "py", "lua"]

    static func isMeasured(_ path: String) -> Bool {
        path.lastIndex(of: ".").map { measured.contains(path[path.index(after: $0)...]) } ?? false
    }

    static func findings(in file: TreeFile) -> [Finding] {
        guard isMeasured(file.path) else { return [] }
        var lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        var found: [Finding] = []
        let most = file.isTest ? testLinesMax : fileLinesMax
        if lines.count > most {
            found.append(Finding(path: file.path, message: "\(lines.count) lines; \(most) at most: split by topic"))
        }
        for (index, line) in lines.enumerated() where line.count > lineColumnsMax {
            if let swift = file.swift, line.count - swift.literalColumns(index) <= lineColumnsMax { continue }
            let message = "\(line.count) columns; \(lineColumnsMax) at most"
            found.append(Finding(path: file.path, line: index + 1, message: message))
        }
        return found + longFunctions(in: file)
    }

    static func longFunctions(in file: TreeFile) -> [Finding] {
        guard let swift = file.swift else { return [] }
        return functions(in: swift).compactMap { function in
            guard function.lines > functionLinesMax else { return nil }
            let message = "a function of \(function.lines) lines; \(functionLinesMax) at most: name its parts"
            return Finding(path: file.path, line: function.start, message: message)
        }
    }

    struct Function: Equatable {
        let start: Int
        let lines: Int
    }

    /// Every `func`, `init`, `deinit` and `subscript` with a body, nested ones included; the length counts
    /// from the opening brace's line to the closing one's.
    static func functions(in text: SwiftText) -> [Function] {
        var tokens: [(token: Substring, line: Int)] = []
        for (index, line) in text.code.enumerated() {
            for token in Tokens(line) { tokens.append((token, index + 1)) }
        }
        var found: [Function] = []
        for index in tokens.indices where isDeclaration(tokens, at: index) {
            guard let open = body(tokens, after: index), let close = closing(tokens, from: open) else { continue }
            let lines = tokens[close].line - tokens[open].line + 1
            found.append(Function(start: tokens[index].line, lines: lines))
        }
        return found
    }

    private static func isDeclaration(_ tokens: [(token: Substring, line: Int)], at index: Int) -> Bool {
        let before = index > 0 ? tokens[index - 1].token : ""
        switch tokens[index].token {
        case "func", "deinit": return before != "."
        case "init", "subscript":
            let after = index + 1 < tokens.count ? tokens[index + 1].token : ""
            return before != "." && ["(", "<", "?", "!"].contains(after)
        default: return false
        }
    }

    /// The brace that opens the body: the first one outside parentheses.
    ///
    /// A requirement of a protocol has none before the next declaration or the protocol's end.
    private static func body(_ tokens: [(token: Substring, line: Int)], after start: Int) -> Int? {
        var depth = 0
        for index in (start + 1)..<max(start + 1, tokens.count) {
            switch tokens[index].token {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0: return index
            case "}" where depth == 0: return nil
            case "func" where depth == 0, "var" where depth == 0, "let" where depth == 0: return nil
            case "init" where depth == 0 && tokens[index - 1].token != ".": return nil
            default: break
            }
        }
        return nil
    }

    private static func closing(_ tokens: [(token: Substring, line: Int)], from open: Int) -> Int? {
        var depth = 0
        for index in open..<tokens.count {
            if tokens[index].token == "{" { depth += 1 }
            if tokens[index].token == "}" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}

/// Words and single marks of a line of code; blanks fall away.
struct Tokens: Sequence, IteratorProtocol {
    private var rest: Substring

    init(_ line: String) { rest = line[...] }

    mutating func next() -> Substring? {
        rest = rest.drop { $0 == " " || $0 == "\t" }
        guard let first = rest.first else { return nil }
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        let token = word.isEmpty ? rest.prefix(1) : word
        _ = first
        rest = rest.dropFirst(token.count)
        return token
    }
}
