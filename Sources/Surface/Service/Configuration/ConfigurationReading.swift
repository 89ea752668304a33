import Yams

/// One reading of a file: collects problems instead of stopping at the first.
final class ConfigurationReading {
    let environment: [String: String]
    let canRead: (String) -> Bool
    private(set) var problems: [ConfigurationError.Problem] = []

    init(environment: [String: String], canRead: @escaping (String) -> Bool) {
        self.environment = environment
        self.canRead = canRead
    }

    func report(_ message: String, key: String, line: Int?) {
        problems.append(ConfigurationError.Problem(line: line, key: key, message: message))
    }

    /// The file's outermost mapping; nil after reporting that there is none.
    func root(of yaml: String) -> ConfigurationSection? {
        do {
            guard let node = try Yams.compose(yaml: yaml) else { return empty() }
            if let mapping = node.mapping {
                return ConfigurationSection(path: "", line: node.mark?.line, mapping: mapping, reading: self)
            }
            if node.isNothing { return empty() }
            report("expected keys such as data and sources, found \(node.kind)", key: "", line: node.mark?.line)
        } catch {
            let (message, line) = YamlFault.told(error)
            report(message, key: "", line: line)
        }
        return nil
    }

    private func empty() -> ConfigurationSection {
        ConfigurationSection(path: "", line: nil, mapping: Node.Mapping([]), reading: self)
    }

    /// Puts the environment's values in place of `${NAME}`; `$${` stands for `${` itself.
    ///
    /// Nil after a report.
    func expanded(_ text: String, key: String, line: Int?) -> String? {
        guard text.contains("${") else { return text }
        var result = ""
        var rest = Substring(text)
        var isWhole = true
        while let dollar = rest.firstRange(of: "${") {
            let before = rest[..<dollar.lowerBound]
            if before.last == "$" {
                result += before.dropLast() + "${"
                rest = rest[dollar.upperBound...]
                continue
            }
            guard let brace = rest[dollar.upperBound...].firstIndex(of: "}") else {
                report("expected } after ${, found \"\(text)\"; write $${ for ${ itself", key: key, line: line)
                return nil
            }
            let name = String(rest[dollar.upperBound..<brace])
            result += before
            rest = rest[rest.index(after: brace)...]
            if let value = environment[name] {
                result += value
            } else {
                let message =
                    "expected the environment variable \(name), found none; set it, or write $${\(name)} for the text itself"
                report(message, key: key, line: line)
                isWhole = false
            }
        }
        return isWhole ? result + rest : nil
    }
}

/// Why a text is no YAML.
enum YamlFault {
    /// In words, and at which line, counted from 1, where that is known.
    static func told(_ error: any Error) -> (message: String, line: Int?) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?,
            .composer(_, let problem, let mark, _)?:
            return ("is not YAML here: \(problem)", mark.line)
        case .duplicatedKeysInMapping(let duplicates, let context)?:
            let keys = duplicates.sorted().joined(separator: ", ")
            return ("the same key stands here twice: \(keys)", context.mark.line)
        default:
            return ("cannot be read as YAML: \(error)", nil)
        }
    }
}

extension Node {
    /// What a person would call it.
    var kind: String {
        switch self {
        case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : scalar.shown
        case .mapping: "keys"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }

    /// A key without a value, or the word null.
    var isNothing: Bool {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }
}

extension Node.Scalar {
    /// As written in the file, in quotes, but for the user and password of an address: messages reach logs.
    var shown: String {
        guard let scheme = string.firstRange(of: "://"), let at = string[scheme.upperBound...].lastIndex(of: "@") else {
            return "\"\(string)\""
        }
        return "\"\(string[..<scheme.upperBound])…\(string[at...])\""
    }
}
