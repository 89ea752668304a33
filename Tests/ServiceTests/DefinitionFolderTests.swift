import Foundation
import Testing
import Tracking

@testable import Service

@Suite("a folder of definitions")
struct DefinitionFolderTests {
    /// Writes files below a test's folder, and reads them as definitions.
    private func reading(_ files: [String: String]) throws -> (folder: DefinitionFolder, root: String) {
        let test = try TestFolder()
        defer { test.remove() }
        let root = test.file("definitions")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        for (name, text) in files {
            let url = URL(filePath: "\(root)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: url)
        }
        return (DefinitionFolder(root), root)
    }

    private func problems(_ files: [String: String]) throws -> [String] {
        let (folder, root) = try reading(files)
        return folder.problems.map { "\($0)".replacing("\(root)/", with: "") }
    }

    @Test("files of each kind are read, named by their ids")
    func good() throws {
        let (folder, _) = try reading([
            "campaigns/spring.yaml": "name: Infinity",
            "campaigns/summer.yml": "{id: summer, name: \"123\", send_id: \"0x1F\"}",
            "canvases/welcome.yaml": "name: W\nvariations: [{id: v, name: V, share: 1e2}]",
            "subscription-groups/news.yaml": "name: News\nchannel: email\nprovider_groups: {sendgrid: [\"5\"]}",
            ".git/config": "x", "campaigns/.keep": "",
        ])
        #expect(folder.problems.isEmpty && folder.strangers.isEmpty, "\(folder.problems) \(folder.strangers)")
        #expect(folder.definitions.map(\.id) == ["spring", "summer", "welcome", "news"])
        #expect(folder.summary == "2 campaigns, 1 canvas, 1 subscription group")
    }

    @Test("each file that cannot be taken is named, with the line and the member")
    func bad() throws {
        let found = try problems([
            "campaigns/a.yaml": """
            name: A
            variations:
              - {id: a, name: A, share: 60}
              - {id: b, name: B, share: 30}
            """,
            "campaigns/b.yaml": "name: B\nconversions:\n  - type: Makes Purchase\n    window: 0\n    product: any\n",
            "campaigns/c.yaml": "id: other\nname: C",
            "campaigns/d.yaml": "name: D\nname: E",
            "campaigns/e.yaml": "name: [",
            "campaigns/f.yaml": "- name",
            "campaigns/g.yaml": "name: G\nsend_id: 7",
        ])
        #expect(
            found.prefix(4) == [
                "campaigns/a.yaml:2: variations must have shares that sum to 100, found a sum of 90",
                "campaigns/b.yaml:4: conversions[0].window must be a whole number of seconds from 1 to 2592000, found 0",
                "campaigns/c.yaml:1: id must be \"c\" as the address or the file's name says, or be left out",
                "campaigns/d.yaml:2: the same key stands here and in line 1: name",
            ],
            "\(found)"
        )
        #expect(found.count == 7, "\(found)")
        let unclosed = "campaigns/e.yaml:2: is not YAML at column 1: while parsing a flow node"
        #expect(found[4].hasPrefix(unclosed), "\(found)")
        #expect(found[5] == "campaigns/f.yaml:1: must be a campaign as an object, found an array")
        #expect(found[6] == "campaigns/g.yaml:2: send_id must be a text of 1 to 200 bytes, found the number 7")
    }

    @Test(
        "a number that YAML has and JSON has not is refused with its member, never copied",
        arguments: [".5", "5.", "+5", "0x1F", "0o17", "1_000", ".inf", "-.inf", ".nan", "1:30"]
    )
    func numbers(text: String) throws {
        let found = try problems([
            "campaigns/a.yaml": """
            name: A
            conversions:
              - type: Performs Custom Event
                window: 60
                custom_event_name: x
                filters:
                  - {property: p, operator: is, value: \(text)}
            """
        ])
        #expect(
            found == [
                "campaigns/a.yaml:7: conversions[0].filters[0].value is a number to YAML in a form that JSON does not "
                    + "have, \(text); write it in plain digits, or in quotes if it is a text"
            ]
        )
    }

    @Test(
        "a word that is true or false to YAML 1.1 alone is refused, in quotes it is a text",
        arguments: ["yes", "No", "on", "OFF", "True", "FALSE"]
    )
    func flags(word: String) throws {
        let text = "name: \"\(word)\"\nvariations: [{id: a, name: A, share: 100, control: \(word)}]"
        let found = try problems(["campaigns/a.yaml": text])
        #expect(
            found == [
                "campaigns/a.yaml:2: variations[0].control is \(word), which is neither true nor false; "
                    + "write true or false, or quotes around a text"
            ]
        )
        #expect(try problems(["campaigns/a.yaml": text.replacing(": \(word)", with: ": false")]).isEmpty)
    }

    @Test("what two groups cannot both have is found too")
    func taken() throws {
        let group = "name: G\nchannel: sms\napp_group_id: a\nnumbers: [\"+15005550006\"]"
        let found = try problems(["subscription-groups/a.yaml": group, "subscription-groups/b.yaml": group])
        #expect(
            found == [
                "subscription-groups/b.yaml:4: numbers has +15005550006, which is the group a's already"
            ]
        )
    }

    @Test("files and folders that are not read are told, with what was probably meant")
    func strangers() throws {
        let (folder, root) = try reading([
            "campaing/spring.yaml": "name: Spring", "campaigns/z.json": "{}", "campaigns/old/a.yaml": "name: A",
            "README.md": "x",
        ])
        #expect(folder.problems.isEmpty && folder.definitions.isEmpty)
        let told = folder.strangers.map { "\($0.path.replacing("\(root)/", with: "")): \($0.reason)" }
        let kinds = "it is none of the folders campaigns, canvases, subscription-groups"
        #expect(
            Set(told) == [
                "README.md: \(kinds)", "campaing: \(kinds); did you mean campaigns?",
                "campaigns/old: it is no .yaml file", "campaigns/z.json: it is no .yaml file",
            ]
        )
    }

    @Test("a file beside one of the same name, no UTF-8, and a folder that is none are problems")
    func others() throws {
        #expect(try problems(["campaigns/a.yaml": "name: A", "campaigns/a.yml": "name: A"]).count == 1)
        let test = try TestFolder()
        defer { test.remove() }
        let campaigns = test.file("campaigns")
        try FileManager.default.createDirectory(atPath: campaigns, withIntermediateDirectories: true)
        try Data([0x6E, 0x3A, 0x20, 0xFF]).write(to: URL(filePath: "\(campaigns)/a.yaml"))
        #expect(DefinitionFolder(test.path).problems.map(\.message) == ["is not UTF-8"])
        #expect(DefinitionFolder("/nowhere/at/all").problems.map(\.message) == ["is no folder that can be read"])
    }
}
