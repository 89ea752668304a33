import Foundation
import Testing

/// The tree as it stands keeps the house rules.
///
/// What each rule would catch is shown in `TidyRuleTests`.
@Suite("the tree is tidy") struct TidyTests {
    private static let tree = Task { try await Tree.read() }

    /// Files below Surface that may import Foundation, each with its reason beside it.
    private static let foundationEdges: Set<String> = [
        // SQLite's blobs come and go as `Data`: GRDB knows nothing else.
        "Sources/Outbound/Delivery/StateBlob.swift",
        // Credential services answer in JSON, a few hundred bytes once an hour.
        "Sources/Outbound/CloudHTTP/CloudJSON.swift",
        // The library of certificates knows moments as `Date` only.
        "Sources/Inbound/Providers/SES/CertificateTime.swift",
    ]

    private var files: [TreeFile] { get async throws { try await Self.tree.value.files } }

    private func expectNone(_ found: [Finding], _ location: SourceLocation = #_sourceLocation) {
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))", sourceLocation: location)
    }

    @Test("there is a tree to look at") func treeIsThere() async throws {
        let paths = try await Self.tree.value.paths
        #expect(paths.contains("Package.swift"))
        #expect(paths.contains("Tests/TidyTests/TidyTests.swift"))
        #expect(try await files.contains { $0.wing == "Surface" })
    }

    @Test("files, lines and functions keep their limits") func lengths() async throws {
        expectNone(try await files.flatMap(Lengths.findings))
    }

    @Test("paths have no blanks, and files are named for what is in them") func names() async throws {
        expectNone(try await Self.tree.value.paths.flatMap(Places.names))
    }

    @Test("nothing that the build makes is tracked") func trackedOutput() async throws {
        expectNone(Places.trackedOutput(try await Self.tree.value.tracked))
    }

    @Test("no file names a path or a host of one machine") func machines() async throws {
        expectNone(try await files.flatMap { Places.machinePaths(in: $0) + Places.strangeHosts(in: $0) })
    }

    @Test("links in the documentation lead somewhere") func links() async throws {
        expectNone(Links.broken(in: try await files, paths: Set(try await Self.tree.value.paths)))
    }

    @Test("Foundation stays in Surface, Testing and the named edges") func foundation() async throws {
        expectNone(try await files.flatMap { Words.foundation(in: $0, edges: Self.foundationEdges) })
    }

    @Test("time, chance and threads come in through Platform") func worldlyCalls() async throws {
        expectNone(try await files.flatMap { Words.worldlyCalls(in: $0) + Words.threads(in: $0) })
    }

    @Test("no task is started that nobody waits for") func bareTasks() async throws {
        expectNone(try await files.flatMap(Words.bareTasks))
    }

    @Test("only the command line prints") func prints() async throws {
        expectNone(try await files.flatMap(Words.prints))
    }

    @Test("every unchecked Sendable names its lock") func uncheckedSendable() async throws {
        expectNone(try await files.flatMap(Words.uncheckedSendable))
    }

    @Test("no work is left undone under a mark, and no type is named for nothing") func marks() async throws {
        expectNone(try await files.flatMap { Words.unfinished(in: $0) + Words.vagueTypes(in: $0) })
    }

    @Test("the table of arrows obeys the order of the wings") func arrows() {
        #expect(Arrows.disorder().isEmpty)
    }

    @Test("every room imports only what the arrows allow") func imports() async throws {
        expectNone(try await files.flatMap { Arrows.imports(in: $0) })
    }

    @Test("Package.swift declares the rooms as the arrows allow") func manifest() async throws {
        let manifest = try #require(try await files.first { $0.path == "Package.swift" })
        let present = Set(try await files.compactMap(\.room))
        expectNone(Manifest(manifest.text).findings(house: Arrows.house, present: present))
    }
}
