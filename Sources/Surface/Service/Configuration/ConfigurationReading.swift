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
            let found = ConfigurationWords.kind(of: node)
            report("expected keys such as data and sources, found \(found)", key: "", line: node.mark?.line)
        } catch {
            let fault = YamlFault(error)
            report(fault.message, key: "", line: fault.line)
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
                report("expected } after ${; write $${ for ${ itself", key: key, line: line)
                return nil
            }
            let name = String(rest[dollar.upperBound..<brace])
            result += before
            rest = rest[rest.index(after: brace)...]
            if let value = environment[name] {
                result += value
            } else {
                let missing = Self.isVariable(name) ? "expected the environment variable \(name), found none" : Self.odd
                report("\(missing); set it, or write $${ for ${ itself", key: key, line: line)
                isWhole = false
            }
        }
        return isWhole ? result + rest : nil
    }

    /// Of a variable that is not named.
    private static let odd =
        "expected the name of an environment variable in ${}, found none of that name; only names of upper-case "
        + "letters, digits and _ are told here, and there are no defaults such as ${NAME:-x}"

    /// Whether it is what a variable is usually named: anything else may be part of a secret that has `${` in it.
    private static func isVariable(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
    }
}

extension Node {
    /// A key without a value, or the word null.
    var isNothing: Bool {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }
}
