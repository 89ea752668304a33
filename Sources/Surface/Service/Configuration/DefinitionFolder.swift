import Avro
import Foundation
import Platform
package import Tracking
import Yams

/// A folder of definitions: `campaigns`, `canvases` and `subscription-groups`, a YAML file each, named by its id.
///
/// It is read whole: of each file the first fault of each kind is found, whatever is wrong with the others.
package struct DefinitionFolder: Sendable {
    /// What is wrong in a file.
    package struct Problem: Sendable, Hashable, CustomStringConvertible {
        package let file: String
        /// Counted from 1; nil where nothing in the file stands for it.
        package let line: Int?
        /// The member, such as `conversions[0].window`; empty for the file as a whole.
        package let member: String
        package let message: String

        package var description: String {
            let place = line.map { "\(file):\($0)" } ?? file
            return member.isEmpty ? "\(place): \(message)" : "\(place): \(member) \(message)"
        }
    }

    /// Something that is no definition.
    package struct Stranger: Sendable, Hashable {
        package let path: String
        package let reason: String
    }

    /// A file holds what a `PUT` may.
    static let fileBytesMax = 1 << 20
    private static let kinds: [(folder: String, kind: Definition.Kind)] = [
        ("campaigns", .campaign), ("canvases", .canvas), ("subscription-groups", .group),
    ]

    package let path: String
    /// Without those that have a problem.
    package private(set) var definitions: [Definition] = []
    package private(set) var problems: [Problem] = []
    package private(set) var strangers: [Stranger] = []
    /// What of the definitions so far would be refused beside one another.
    private var book = DefinitionBook()

    package init(_ path: String) {
        self.path = path
        let names = Self.kinds.map(\.folder)
        for entry in entries(of: path) {
            if let kind = Self.kinds.first(where: { $0.folder == entry.name })?.kind, entry.isFolder {
                readAll("\(path)/\(entry.name)", kind)
            } else {
                let near = NearMiss.suggestion(for: entry.name, among: names).map { "; did you mean \($0)?" } ?? ""
                let reason = "it is none of the folders \(names.joined(separator: ", "))\(near)"
                strangers.append(Stranger(path: "\(path)/\(entry.name)", reason: reason))
            }
        }
    }

    /// How many there are of each kind, such as `3 campaigns, 1 canvas, 0 subscription groups`.
    package var summary: String {
        let words: [(Definition.Kind, String, String)] = [
            (.campaign, "campaign", "campaigns"), (.canvas, "canvas", "canvases"),
            (.group, "subscription group", "subscription groups"),
        ]
        return words.map { kind, one, many in
            let count = definitions.filter { $0.kind == kind }.count
            return "\(count) \(count == 1 ? one : many)"
        }.joined(separator: ", ")
    }

    /// Throws where there is a problem; the error has all of them, a line each.
    package func check() throws(ServiceError) {
        guard !problems.isEmpty else { return }
        throw ServiceError(.settings, problems.map(\.description).joined(separator: "\n"))
    }

    // MARK: - Reading

    /// What lies in a folder, in the order of the names; hidden files are nobody's business.
    private mutating func entries(of folder: String) -> [(name: String, isFolder: Bool)] {
        let manager = FileManager.default
        let names: [String]
        do {
            names = try manager.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
        } catch {
            problems.append(Problem(file: folder, line: nil, member: "", message: "is no folder that can be read"))
            return []
        }
        return names.map { name in
            let values = try? URL(fileURLWithPath: "\(folder)/\(name)").resolvingSymlinksInPath()
                .resourceValues(forKeys: [.isDirectoryKey])
            return (name, values?.isDirectory ?? false)
        }
    }

    private mutating func readAll(_ folder: String, _ kind: Definition.Kind) {
        var ids: Set<String> = []
        for entry in entries(of: folder) {
            let file = "\(folder)/\(entry.name)"
            guard !entry.isFolder, entry.name.hasSuffix(".yaml") || entry.name.hasSuffix(".yml"),
                let dot = entry.name.lastIndex(of: ".")
            else {
                strangers.append(Stranger(path: file, reason: "it is no .yaml file"))
                continue
            }
            let id = String(entry.name[..<dot])
            guard ids.insert(id).inserted else {
                let message = "names \(id) a second time, beside .yaml and .yml; keep one"
                problems.append(Problem(file: file, line: nil, member: "", message: message))
                continue
            }
            read(file, kind, id: id)
        }
    }

    private mutating func read(_ file: String, _ kind: Definition.Kind, id: String) {
        func problem(_ message: String, line: Int? = nil, member: String = "") -> Problem {
            Problem(file: file, line: line, member: member, message: message)
        }
        guard let bytes = FileManager.default.contents(atPath: file) else {
            return problems.append(problem("is no file that can be read"))
        }
        guard bytes.count <= Self.fileBytesMax else {
            return problems.append(problem("has more than \(Self.fileBytesMax) bytes"))
        }
        let node: Node
        do {
            node = try Yams.compose(yaml: try YamlFault.text(of: bytes)) ?? Node([(Node, Node)]())
        } catch {
            let fault = error as? YamlFault ?? YamlFault(error)
            return problems.append(problem(fault.message, line: fault.line))
        }
        var reading = YamlReading()
        let json = reading.json(node, at: "")
        guard reading.faults.isEmpty else {
            problems += reading.faults.map { problem($0.message, line: $0.line, member: $0.member) }
            return
        }
        do throws(DefinitionError) {
            let definition = try Definition(kind, id: id, reading: json)
            try book.check(definition, from: 0)
            book.put(definition, from: 0)
            definitions.append(definition)
        } catch {
            problems.append(problem(error.message, line: node.line(of: error.path), member: error.path))
        }
    }
}

/// YAML read as the JSON that a definition is, with every fault noted.
private struct YamlReading {
    private(set) var faults: [(member: String, line: Int?, message: String)] = []

    /// A quoted scalar is a text, a plain one what YAML takes it for.
    mutating func json(_ node: Node, at member: String) -> JSONValue {
        switch node {
        case .mapping(let mapping):
            return .object(
                mapping.map { key, value in
                    let name = key.string ?? ""
                    if key.string == nil { faults.append((member, key.mark?.line, "has a key that is no text")) }
                    return JSONValue.Member(name, json(value, at: member.isEmpty ? name : "\(member).\(name)"))
                }
            )
        case .sequence(let sequence):
            return .array(sequence.enumerated().map { index, item in json(item, at: "\(member)[\(index)]") })
        case .scalar(let scalar): return self.scalar(scalar, node, at: member)
        case .alias: return .null
        }
    }

    /// As in the configuration: the other words that YAML 1.1 had for true and false are texts to YAML 1.2, and who
    /// wrote one may have meant either.
    private mutating func flag(_ text: String, _ node: Node, at member: String) -> JSONValue {
        guard text != "true", text != "false" else { return .boolean(text == "true") }
        let message = "is \(text), which is neither true nor false; write true or false, or quotes around a text"
        faults.append((member, node.mark?.line, message))
        return .null
    }

    private mutating func scalar(_ scalar: Node.Scalar, _ node: Node, at member: String) -> JSONValue {
        guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
        if node.null != nil { return .null }
        if node.bool != nil { return flag(scalar.string, node, at: member) }
        if case .number(let text)? = try? JSONValue(parsing: scalar.string) { return .number(text) }
        // `Infinity` and `nan` are names to YAML, and numbers to the parser of floats.
        let mayBeNumber = scalar.string.first.map { $0.isASCII && !$0.isLetter } ?? false
        guard mayBeNumber, node.int != nil || node.float != nil else { return .string(scalar.string) }
        // `.5`, `0x1F`, `+5`, `1_000`: copied as they stand they would be no JSON.
        let message =
            "is a number to YAML in a form that JSON does not have, \(scalar.string); "
            + "write it in plain digits, or in quotes if it is a text"
        faults.append((member, node.mark?.line, message))
        return .null
    }
}

extension Node {
    /// The line of a member such as `conversions[0].window`, or of what comes nearest to it.
    fileprivate func line(of member: String) -> Int? {
        var node = self
        var line: Int?
        for part in member.split(whereSeparator: { $0 == "." || $0 == "[" }) {
            if part.hasSuffix("]"), let index = Int(part.dropLast()), case .sequence(let items) = node,
                items.indices.contains(index)
            {
                node = items[index]
                line = node.mark?.line ?? line
            } else if case .mapping(let mapping) = node,
                let pair = mapping.first(where: { $0.key.string == String(part) })
            {
                line = pair.key.mark?.line ?? line
                node = pair.value
            } else {
                return line ?? node.mark?.line
            }
        }
        return line ?? mark?.line
    }
}
