import Foundation
import ProgramTesting

/// One file of the repository, with its path from the root.
struct TreeFile {
    let path: String
    let text: String
    let swift: SwiftText?

    init(path: String, text: String) {
        self.path = path
        self.text = text
        swift = path.hasSuffix(".swift") ? SwiftText(text) : nil
    }

    /// A quick look, before a rule goes through the lines.
    func mentions(_ words: String...) -> Bool {
        unsafe text.withCString { start in
            words.contains { unsafe strstr(start, $0) != nil }
        }
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    var folders: [Substring] { Array(path.split(separator: "/").dropLast()) }
    var isTest: Bool { path.hasPrefix("Tests/") }

    /// `Log` and `Journal` for `Sources/Log/Journal/Segment.swift`.
    var wing: String? { folders.first == "Sources" && folders.count > 1 ? String(folders[1]) : nil }
    var room: String? { folders.first == "Sources" && folders.count > 2 ? String(folders[2]) : nil }
}

/// What a rule complains of: a place and a sentence that says what to do.
struct Finding: CustomStringConvertible {
    let path: String
    var line: Int?
    let message: String

    var description: String { line.map { "\(path):\($0): \(message)" } ?? "\(path): \(message)" }
}

/// The repository as git sees it: what is tracked, and what is new and not ignored.
///
/// Without git, every file outside `.build` and `.git`.
struct Tree {
    let paths: [String]
    let tracked: [String]
    let files: [TreeFile]

    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func read() async throws -> Tree {
        let tracked = await git("ls-files", "--cached", "-z")
        let added = await git("ls-files", "--others", "--exclude-standard", "-z")
        let paths = (tracked == nil ? walk() : (tracked ?? []) + (added ?? [])).sorted()
        var files: [TreeFile] = []
        for path in paths where isText(path) {
            guard let data = try? Data(contentsOf: root.appending(path: path)) else { continue }
            files.append(TreeFile(path: path, text: String(decoding: data, as: UTF8.self)))
        }
        return Tree(paths: paths, tracked: tracked ?? [], files: files)
    }

    /// Fixtures are data, and data may say anything.
    private static func isText(_ path: String) -> Bool {
        if path.hasPrefix("Tests/Fixtures/") || path.hasPrefix(".git/") { return false }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return true }
        return ["swift", "c", "cpp", "h", "py", "sh", "md", "txt", "json", "yaml", "yml", "lua"]
            .contains(name[name.index(after: dot)...])
    }

    private static func git(_ arguments: String...) async -> [String]? {
        let git = ["git", "-C", root.path(percentEncoded: false)] + arguments
        guard let outcome = try? await runProgram(URL(filePath: "/usr/bin/env"), git), outcome.status == 0 else {
            return nil
        }
        return outcome.output.split(separator: "\0").map(String.init)
    }

    private static func walk() -> [String] {
        let skipped: Set = [".build", ".git", "courant-data", "__pycache__"]
        var paths: [String] = []
        var pending = [""]
        while let folder = pending.popLast() {
            let here = root.appending(path: folder)
            for name in (try? FileManager.default.contentsOfDirectory(atPath: here.path(percentEncoded: false))) ?? [] {
                if skipped.contains(name) { continue }
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                let values = try? root.appending(path: path).resourceValues(forKeys: [.isDirectoryKey])
                if values?.isDirectory == true { pending.append(path) } else { paths.append(path) }
            }
        }
        return paths
    }
}
