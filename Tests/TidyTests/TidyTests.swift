import Foundation
import Testing

/// The tree as it stands keeps the house rules.
///
/// What each rule would catch is shown in `TidyRuleTests`.
@Suite("the tree is tidy") struct TidyTests {
    private static let tree = Result { try Tree.read() }

    /// Files below Surface that may import Foundation, each with its reason beside it.
    private static let foundationEdges: Set<String> = [
        // SQLite's blobs come and go as `Data`: GRDB knows nothing else.
        "Sources/Outbound/Delivery/StateBlob.swift"
    ]

    private var files: [TreeFile] { get throws { try Self.tree.get().files } }

    private func expectNone(_ found: [Finding], _ location: SourceLocation = #_sourceLocation) {
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))", sourceLocation: location)
    }

    @Test("there is a tree to look at") func treeIsThere() throws {
        let paths = try Self.tree.get().paths
        #expect(paths.contains("Package.swift"))
        #expect(paths.contains("Tests/TidyTests/TidyTests.swift"))
        #expect(try files.contains { $0.wing == "Surface" })
    }

    @Test("files, lines and functions keep their limits") func lengths() throws {
        expectNone(try files.flatMap(Lengths.findings))
    }

    @Test("paths have no blanks, and files are named for what is in them") func names() throws {
        expectNone(try Self.tree.get().paths.flatMap(Places.names))
    }

    @Test("nothing that the build makes is tracked") func trackedOutput() throws {
        expectNone(Places.trackedOutput(try Self.tree.get().tracked))
    }

    @Test("no file names a path or a host of one machine") func machines() throws {
        expectNone(try files.flatMap { Places.machinePaths(in: $0) + Places.strangeHosts(in: $0) })
    }

    @Test("links in the documentation lead somewhere") func links() throws {
        expectNone(Links.broken(in: try files, paths: Set(try Self.tree.get().paths)))
    }

    @Test("Foundation stays in Surface, Testing and the named edges") func foundation() throws {
        expectNone(try files.flatMap { Words.foundation(in: $0, edges: Self.foundationEdges) })
    }

    @Test("time, chance and threads come in through Platform") func worldlyCalls() throws {
        expectNone(try files.flatMap { Words.worldlyCalls(in: $0) + Words.threads(in: $0) })
    }

    @Test("no task is started that nobody waits for") func bareTasks() throws {
        expectNone(try files.flatMap(Words.bareTasks))
    }

    @Test("only the command line prints") func prints() throws {
        expectNone(try files.flatMap(Words.prints))
    }

    @Test("every unchecked Sendable names its lock") func uncheckedSendable() throws {
        expectNone(try files.flatMap(Words.uncheckedSendable))
    }

    @Test("no work is left undone under a mark, and no type is named for nothing") func marks() throws {
        expectNone(try files.flatMap { Words.unfinished(in: $0) + Words.vagueTypes(in: $0) })
    }

    @Test("the table of arrows obeys the order of the wings") func arrows() {
        #expect(Arrows.disorder().isEmpty)
    }

    @Test("every room imports only what the arrows allow") func imports() throws {
        expectNone(try files.flatMap { Arrows.imports(in: $0) })
    }

    @Test("Package.swift declares the rooms as the arrows allow") func manifest() throws {
        let manifest = try #require(try files.first { $0.path == "Package.swift" })
        let present = Set(try files.compactMap(\.room))
        expectNone(Manifest(manifest.text).findings(house: Arrows.house, present: present))
    }
}
