/// What Package.swift declares, read from its text: the calls `room(…)`, `library(…)`, `tests(…)` and
/// `.target(name: …)` with the list of names behind each.
///
/// Asking SwiftPM would take its lock and seconds.
struct Manifest {
    let targets: [String: Set<String>]

    init(_ text: String) {
        let code = SwiftText(text)
        let bare = zip(code.lines, code.comments).map { line, comment in
            comment.allSatisfy(\.isWhitespace) ? line : String(line.prefix(while: { $0 != "/" }))
        }.joined(separator: "\n")
        let products = Self.products(in: bare)
        var targets: [String: Set<String>] = [:]
        for match in bare.matches(of: /\b(room|library|target|executableTarget|testTarget|tests)\(/) {
            let arguments = Self.balanced(bare[match.range.upperBound...])
            guard let name = Self.name(of: match.1, arguments) else { continue }
            targets[name] = Self.dependencies(arguments, products: products)
        }
        self.targets = targets
    }

    /// `let grdb = Target.Dependency.product(name: "GRDB", …)` gives `grdb: GRDB`.
    private static func products(in text: String) -> [String: String] {
        var found: [String: String] = [:]
        for match in text.matches(of: /let\s+(\w+)\s*=\s*Target\.Dependency\.product\(\s*name:\s*"(\w+)"/) {
            found[String(match.1)] = String(match.2)
        }
        return found
    }

    private static func balanced(_ text: Substring) -> Substring {
        var depth = 1
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return text[..<index] }
        }
        return text
    }

    private static func name(of call: Substring, _ arguments: Substring) -> String? {
        let strings = arguments.matches(of: /"([^"]*)"/).map { String($0.1) }
        switch call {
        case "room": return strings.count > 1 ? strings[1] : nil
        case "library": return strings.first
        case "tests": return strings.first.map { $0 + "Tests" }
        default: return arguments.firstMatch(of: /name:\s*"(\w+)"/).map { String($0.1) }
        }
    }

    /// The first list in square brackets: names in quotes, and the constants that stand for products.
    private static func dependencies(_ arguments: Substring, products: [String: String]) -> Set<String> {
        guard let open = arguments.firstIndex(of: "["), let close = arguments[open...].firstIndex(of: "]") else {
            return []
        }
        let list = arguments[open..<close]
        var found = Set(list.matches(of: /"(\w+)"/).map { String($0.1) })
        for match in list.matches(of: /(?:^|[\[,\s])([a-z]\w*)(?=\s*[,\s]|$)/) {
            if let product = products[String(match.1)] { found.insert(product) }
        }
        return found
    }

    /// Every room of the table is declared, and declares nothing that the table does not allow.
    func findings(house: [String: Arrows.Room], present: Set<String>) -> [Finding] {
        present.sorted().flatMap { name -> [Finding] in
            guard let declared = targets[name] else {
                return [Finding(path: "Package.swift", message: "declares no target \(name)")]
            }
            guard let room = house[name] else { return [] }
            return declared.subtracting(room.rooms).subtracting(room.others).sorted().map {
                Finding(path: "Package.swift", message: "\(name) depends on \($0), against the table of arrows")
            }
        }
    }
}
