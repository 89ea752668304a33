import Foundation
import ProgramTesting
import Testing

@Suite("courant definitions")
struct DefinitionCommandTests {
    @Test("definitions are put, listed, shown and deleted; a mistake is named by its member")
    func life() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                func file(_ text: String) throws -> String {
                    let file = folder.appending(path: "definition.json")
                    try Data(text.utf8).write(to: file)
                    return file.path
                }
                let bad = try await server.run("definitions", "put", "campaign", "a/b", try file(#"{"nam":"Spring"}"#))
                #expect(bad.status == 1)
                #expect(bad.errors == "courant: nam is not a member of a campaign; did you mean name?\n")
                let good = try await server.run(
                    "definitions",
                    "put",
                    "campaign",
                    "a/b",
                    try file(#"{"name":"Spring"}"#)
                )
                #expect(good.status == 0 && good.output == "The campaign a/b is in force.\n", "\(good.errors)")
                let group = try file(#"{"name":"News","channel":"email"}"#)
                #expect(try await server.run("definitions", "put", "group", "news", group).status == 0)
                let list = try await server.run("definitions", "list")
                #expect(
                    list.lines.map { $0.split(separator: " ").joined(separator: " ") }.dropFirst() == [
                        "campaign a/b Spring", "group news News",
                    ]
                )
                let shown = try await server.run("definitions", "show", "campaign", "a/b")
                #expect(shown.output.contains("\"name\": \"Spring\""), "\(shown.output)")
                #expect(try await server.run("definitions", "delete", "campaign", "a/b").status == 0)
                let gone = try await server.run("definitions", "show", "campaign", "a/b")
                #expect(gone.status == 1)
                #expect(gone.errors == "courant: There is no campaign \"a/b\"; there are none.\n")
                let groups = try await server.run("definitions", "list", "--kind", "group", "--json")
                #expect(groups.output.contains("subscription_groups") && !groups.output.contains("campaigns"))
            }
        }
    }

    @Test("a list has all definitions, also where the server gives them in pages")
    func pages() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                let name = String(repeating: "n", count: 1_000)
                let steps = (0..<200).map { step in
                    #"{"id":"s\#(step)","name":"\#(name)","message_variations":[{"id":"m","name":"\#(name)"}]}"#
                }
                let canvas = #"{"name":"C","variations":[{"id":"a","name":"A","share":100}],"steps":["#
                let file = folder.appending(path: "definition.json")
                try Data((canvas + steps.joined(separator: ",") + "]}").utf8).write(to: file)
                let ids = ["a", "b", "c", "d", "e", "f"]
                for id in ids {
                    #expect(try await server.run("definitions", "put", "canvas", id, file.path).status == 0)
                }
                let list = try await server.run("definitions", "list", "--kind", "canvas")
                #expect(list.lines.dropFirst().map { $0.split(separator: " ")[1] } == ids.map { Substring($0) })
            }
        }
    }
}
