import Foundation
import Testing

/// That the page of limits tells of tests that there are.
@Suite struct LimitsPageTests {
    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The source of all tests, by the name of the suite.
    private static func suites() throws -> [String: String] {
        let tests = root.appending(path: "Tests")
        let files = try #require(FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil))
        var suites: [String: String] = [:]
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /struct (\w+Tests)\b/) { suites[String(match.1), default: ""] += text }
        }
        return suites
    }

    @Test("each row of docs/limits.md names a test that exists")
    func tests() throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/limits.md"), encoding: .utf8)
        let suites = try Self.suites()
        var rows = 0
        for line in page.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| what") {
            let cell = try #require(line.split(separator: "|").last { $0.contains("`") || $0.contains("Test") })
            var last = ""
            var found = 0
            for match in cell.matches(of: /`(\w*)(?:\.(\w+))?`/) {
                if !match.1.isEmpty { last = String(match.1) }
                let source = try #require(suites[last], "\(line)")
                if let name = match.2 { #expect(source.contains("func \(name)("), "\(last).\(name)") }
                found += 1
            }
            #expect(found > 0, "\(line)")
            rows += 1
        }
        #expect(rows > 35)
    }
}
