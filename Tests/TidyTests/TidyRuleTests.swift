import Testing

/// Every rule catches what it is there for, and lets its look-alikes pass.
@Suite("the rules can fail") struct TidyRuleTests {
    private func source(_ text: String, at path: String = "Sources/Log/Journal/Segment.swift") -> TreeFile {
        TreeFile(path: path, text: text)
    }

    @Test("code, comments and literals are told apart")
    func scanner() {
        let text = SwiftText(
            """
            let a = "print( \\(b("x")) //" // Date()
            /* outer /* inner */ still */ let c = #"quote " here"#
            let d = /a"b\\/c/ ; let e = f / g / h
            """
        )
        #expect(text.code[0].trimmingSuffix() == "let a =")
        #expect(text.comments[0].contains("// Date()"))
        #expect(text.code[1].contains("let c ="))
        #expect(!text.code[1].contains("still"))
        #expect(!text.code[1].contains("quote"))
        #expect(text.code[2].contains("let e = f / g / h"))
        #expect(!text.code[2].contains("\""))
    }

    @Test("a string over several lines hides its insides and keeps the line count")
    func multilineString() {
        let text = SwiftText("let a = \"\"\"\n    Task {\n    \"\"\"\nlet b = 1\n")
        #expect(text.code.count == 4)
        #expect(!text.code[1].contains("Task"))
        #expect(text.code[3] == "let b = 1")
    }

    @Test("a long file, line or function is found; one at the limit passes", arguments: [0, 1])
    func lengths(_ over: Int) {
        let lines = String(repeating: "\n", count: Lengths.fileLinesMax + over)
        #expect(Lengths.findings(in: source(lines)).count == over)
        let line = String(repeating: "é", count: Lengths.lineColumnsMax + over)
        #expect(Lengths.findings(in: source("// " + line.dropFirst(3))).count == over)
        #expect(Lengths.findings(in: source("let a = \"\"\"\n\(line)\n\"\"\"\n")).isEmpty)
        #expect(Lengths.findings(in: source("let a = \"\(line)\"")).isEmpty)
        let body = String(repeating: "    a()\n", count: Lengths.functionLinesMax - 2 + over)
        for head in ["func f(a: () -> Void = {})", "init()", "subscript(i: Int) -> Int", "deinit"] {
            #expect(Lengths.findings(in: source("struct A {\n\(head) {\n\(body)}\n}\n")).count == over, "\(head)")
        }
    }

    @Test("a protocol's requirement has no body, and a call of init is no declaration")
    func functionHeads() {
        let text = SwiftText(
            "protocol A {\n func a()\n init(b: Int)\n}\nlet b = B.init(c: { d() })\nfunc e() { f() }\n"
        )
        #expect(Lengths.functions(in: text) == [Lengths.Function(start: 6, lines: 1)])
    }

    @Test("tests may be longer, fixtures are not measured")
    func lengthsElsewhere() {
        let lines = String(repeating: "\n", count: Lengths.fileLinesMax + 1)
        #expect(Lengths.findings(in: source(lines, at: "Tests/JournalTests/A.swift")).isEmpty)
        #expect(Lengths.findings(in: source(lines, at: "Sources/Model/CGlossary/fields.txt")).isEmpty)
        #expect(Lengths.findings(in: source(lines, at: "Benchmarks/reference.cpp")).count == 1)
    }

    @Test(
        "vague names and blanks in paths are found",
        arguments: [
            "Sources/Log/Journal/Utils.swift", "Sources/Log/Journal/StringHelpers.swift", "Tests/Test Helper/A.swift",
        ]
    )
    func paths(_ path: String) {
        #expect(!Places.names(of: path).isEmpty)
        #expect(Places.names(of: "Sources/Log/Journal/Segment+Recovery.swift").isEmpty)
    }

    @Test("what the build makes is found among tracked files")
    func trackedOutput() {
        let found = Places.trackedOutput(["Package.resolved", ".build/a", "Tests/x/__pycache__/a.pyc", "Package.swift"])
        #expect(found.count == 3)
    }

    @Test(
        "paths of one machine are found; routes and relative paths are not",
        arguments: [
            ("let a = \"/ho" + "me/ann/b\"", 1), ("cd /wo" + "rk && ls", 1), ("path=/ro" + "ot", 1),
            ("GET /v1/ho" + "me", 0), ("frame" + "wo" + "rk/ro" + "ot", 0), ("/wo" + "rkers", 0), ("a/wo" + "rk/b", 0),
        ]
    )
    func machinePaths(_ text: String, _ count: Int) {
        #expect(Places.machinePaths(in: source(text)).count == count)
    }

    @Test(
        "a strange host is found; known and reserved ones pass",
        arguments: [
            ("https:" + "//pypi.mirror.somewhere.net/simple", 1), ("http:" + "//user:pass@cache.corp.io:8080", 1),
            ("https://github.com/a/b", 0), ("http://127.0.0.1:8080", 0), ("https://shop.example/x", 0),
            ("https://events.example.com", 0), ("http://localhost:1", 0),
        ]
    )
    func hosts(_ text: String, _ count: Int) {
        #expect(Places.strangeHosts(in: source(text)).count == count)
        #expect(Places.strangeHosts(in: source(text, at: "docs/a.md")).isEmpty)
    }

    @Test("a link to no file or no heading is found")
    func links() {
        let guide = source("# What to do when…\n", at: "docs/guide.md")
        let good = "[a](docs/guide.md#what-to-do-when) [b](https://a.example) [c](docs)\n```\n[d](gone)\n```\n"
        let paths: Set = ["README.md", "docs/guide.md"]
        #expect(Links.broken(in: [guide, source(good, at: "README.md")], paths: paths).isEmpty)
        #expect(Links.broken(in: [guide, source("[a](../README.md)", at: "docs/b.md")], paths: paths).isEmpty)
        for bad in ["[a](docs/gone.md)", "[a](docs/guide.md#gone)", "[a](#gone)", "[a](/docs/../gone)"] {
            #expect(Links.broken(in: [guide, source(bad, at: "README.md")], paths: paths).count == 1, "\(bad)")
        }
    }

    @Test("an index in a script is found")
    func indexes() {
        #expect(Places.strangeHosts(in: source("pip install --index" + "-url x", at: "scripts/setup")).count == 1)
    }

    @Test(
        "Foundation below Surface is found, unless it is a named edge",
        arguments: [
            "import Foundation", "internal import FoundationEssentials", "import struct Foundation.Date",
        ]
    )
    func foundation(_ text: String) {
        #expect(Words.foundation(in: source(text), edges: []).count == 1)
        #expect(Words.foundation(in: source(text), edges: ["Sources/Log/Journal/Segment.swift"]).isEmpty)
        #expect(Words.foundation(in: source(text, at: "Sources/Surface/Service/A.swift"), edges: []).isEmpty)
    }

    @Test(
        "calls of the world outside Platform are found",
        arguments: [
            ("let a = Date()", 1), ("a.random(in: 0..<3)", 1), ("UUID()", 1), ("try await Task.sleep(for: b)", 1),
            ("let c = ContinuousClock()", 1), ("makeUUID()", 0), ("// Date()", 0), ("\"Date()\"", 0),
        ]
    )
    func worldlyCalls(_ text: String, _ count: Int) {
        #expect(Words.worldlyCalls(in: source(text)).count == count)
        #expect(Words.worldlyCalls(in: source(text, at: "Sources/Support/Platform/Clock.swift")).isEmpty)
        #expect(Words.worldlyCalls(in: source(text, at: "Tests/JournalTests/A.swift")).isEmpty)
    }

    @Test(
        "threads of one's own are found below Surface",
        arguments: ["DispatchQueue.main", "let t = Thread(block: b)"]
    )
    func threads(_ text: String) {
        #expect(Words.threads(in: source(text)).count == 1)
        #expect(Words.threads(in: source(text, at: "Sources/Surface/courant/A.swift")).isEmpty)
    }

    @Test(
        "unstructured tasks are found",
        arguments: [
            ("Task { a() }", 1), ("let t = Task<Int, Never> {", 1), ("Task.detached {", 1),
            ("Task(priority: .low) {", 1),
            ("group.addTask { a() }", 0), ("Task.isCancelled", 0), ("let a: Task<Int, Never>", 0), ("myTask {", 0),
        ]
    )
    func bareTasks(_ text: String, _ count: Int) {
        #expect(Words.bareTasks(in: source(text)).count == count)
    }

    @Test(
        "printing is found outside the command line",
        arguments: [
            ("print(a)", 1), ("debugPrint(a)", 1), ("fingerprint(a)", 0), ("a.print(b)", 0), ("// print(a)", 0),
        ]
    )
    func prints(_ text: String, _ count: Int) {
        #expect(Words.prints(in: source(text)).count == count)
        #expect(Words.prints(in: source(text, at: "Sources/Surface/courant/A.swift")).isEmpty)
    }

    @Test(
        "an unchecked Sendable needs the name of its lock above it",
        arguments: [
            ("final class A: @unchecked Sendable {}", 1), ("/// Fast.\nfinal class A: @unchecked Sendable {}", 1),
            ("/// Guarded by the mutex `state`.\nfinal class A: @unchecked Sendable {}", 0),
            ("// The lock `a` guards b.\n@available(macOS 15, *)\nfinal class A: @unchecked Sendable {}", 0),
            ("// The lock `a` guards b.\nlet a = 1\nfinal class A: @unchecked Sendable {}", 1),
            ("/// Blocks.\nfinal class A: @unchecked Sendable {}", 1),
        ]
    )
    func uncheckedSendable(_ text: String, _ count: Int) {
        #expect(Words.uncheckedSendable(in: source(text)).count == count)
    }

    @Test("marks of unfinished work and vague types are found")
    func marks() {
        #expect(Words.unfinished(in: source("// TO" + "DO: later")).count == 1)
        #expect(Words.unfinished(in: source("# FIX" + "ME", at: "scripts/setup")).count == 1)
        #expect(Words.vagueTypes(in: source("final class JournalManager {")).count == 1)
        #expect(Words.vagueTypes(in: source("FileManager.default.remove()")).isEmpty)
    }

    @Test(
        "the module of an import is read past its ornaments",
        arguments: [
            ("import Journal", "Journal"), ("@testable import Journal", "Journal"), ("package import Avro", "Avro"),
            ("@_spi(A) public import struct Avro.Schema", "Avro"), ("let importer = 1", nil), ("a.import(b)", nil),
        ]
    )
    func importedModule(_ code: String, _ module: String?) {
        #expect(Arrows.importedModule(code) == module)
    }

    @Test("an import against the arrows, a stranger and a room without an entry are found")
    func imports() {
        #expect(Arrows.imports(in: source("import Platform\nimport Synchronization")).isEmpty)
        #expect(Arrows.imports(in: source("import Delivery")).count == 1)
        #expect(Arrows.imports(in: source("import NIOCore")).count == 1)
        #expect(Arrows.imports(in: source("", at: "Sources/Log/Attic/A.swift")).count == 1)
        #expect(Arrows.imports(in: source("", at: "Sources/Model/Journal/A.swift")).count == 1)
    }

    @Test("a table against the order of the wings is found")
    func disorder() {
        let house = [
            "Low": Arrows.Room(wing: "Log", rooms: ["High"]), "High": Arrows.Room(wing: "Surface", rooms: ["Low"]),
            "In": Arrows.Room(wing: "Inbound", rooms: ["Low"]),
            "Out": Arrows.Room(wing: "Outbound", rooms: ["In", "Gone"]),
        ]
        #expect(Arrows.disorder(in: house).count == 3)
    }

    @Test("a manifest that declares too much, or misses a room, is found")
    func manifest() {
        let text = """
            let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
            // room("Log", "Old", ["Nothing"])
            library("CDeflate", pkgConfig: "libdeflate", package: "libdeflate-dev"),
            room("Log", "Journal", ["Platform", "Telemetry", "CDeflate"]),
            room("Outbound", "Delivery", ["Journal", grdb]),
            .executableTarget(name: "courant", dependencies: ["Service"], path: "x"),
            """
        let manifest = Manifest(text)
        #expect(manifest.targets["Delivery"] == ["Journal", "GRDB"])
        #expect(manifest.targets["courant"] == ["Service"])
        #expect(manifest.targets["Old"] == nil)
        #expect(manifest.findings(house: Arrows.house, present: ["Journal", "Delivery", "courant"]).isEmpty)
        #expect(manifest.findings(house: Arrows.house, present: ["Avro"]).count == 1)
        let strict = ["Delivery": Arrows.Room(wing: "Outbound", rooms: ["Journal"])]
        #expect(manifest.findings(house: strict, present: ["Delivery"]).count == 1)
    }
}

extension String {
    fileprivate func trimmingSuffix() -> String {
        String(reversed().drop(while: \.isWhitespace).reversed())
    }
}
