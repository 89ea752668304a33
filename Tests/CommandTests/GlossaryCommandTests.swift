import Foundation
import ProgramTesting
import Testing

@Suite("courant glossary")
struct GlossaryCommandTests {
    @Test("list shows the 42 types of edition 2021 and the 94 of v10")
    func list() async throws {
        let outcome = try await CourantBinary.run("glossary", "list")
        #expect(outcome.status == 0)
        #expect(outcome.lines.count == 42)
        #expect(
            outcome.lines[4].split(separator: "  ", omittingEmptySubsequences: true).map { $0.trimmingPrefix(" ") }
                == ["users.messages.email.Send", "Email Send", "Email", "Sends"]
        )
        let newer = try await CourantBinary.run("glossary", "list", "--edition", "v10")
        #expect(newer.lines.count == 94)
    }

    @Test("filters combine: any value of one option, all options together")
    func filters() async throws {
        let outcome = try await CourantBinary.run(
            "glossary",
            "list",
            "--channel",
            "email",
            "--channel",
            "push",
            "--action",
            "opens",
            "--json"
        )
        let names = try Self.names(outcome.output)
        #expect(names == ["users.messages.pushnotification.Open", "users.messages.email.Open"])
        let section = try await CourantBinary.run("glossary", "list", "--section", "customer behaviour")
        #expect(section.lines.count == 10)
        let glob = try await CourantBinary.run("glossary", "list", "users.messages.sms.*")
        #expect(glob.lines.count == 6)
        let none = try await CourantBinary.run("glossary", "list", "email")
        #expect(none.status == 1 && none.output.isEmpty)
        #expect(none.errors.contains("No event type of edition 2021 is called `email`."))
    }

    @Test("a list by action says which types stand under its tag by another name")
    func tagWarning() async throws {
        let sends = try await CourantBinary.run("glossary", "list", "--action", "sends")
        #expect(sends.lines.count == 7)
        #expect(
            sends.errors.contains(
                "Sends also stands on users.messages.pushnotification.IosForeground, "
                    + "users.messages.pushnotification.Bounce"
            )
        )
        let delivery = try await CourantBinary.run("glossary", "list", "--action", "Delivery")
        #expect(delivery.errors.contains("users.messages.sms.CarrierSend"))
        #expect(delivery.errors.contains("users.messages.sms.DeliveryFailure"))
        let opens = try await CourantBinary.run("glossary", "list", "--action", "opens")
        #expect(opens.errors.isEmpty)
    }

    @Test("search finds by words in any order, and says where else to look")
    func search() async throws {
        let found = try await CourantBinary.run(
            "glossary",
            "search",
            "reason",
            "bounce",
            "--channel",
            "email",
            "--json"
        )
        #expect(try Self.names(found.output).contains("users.messages.email.SoftBounce"))
        let none = try await CourantBinary.run("glossary", "search", "whatsapp")
        #expect(none.status == 1)
        #expect(none.output.isEmpty)
        #expect(none.errors.contains("add --edition v10"))
    }

    @Test("show prints a type's fields in the three parts of an event")
    func show() async throws {
        let outcome = try await CourantBinary.run("glossary", "show", "users.messages.email.Click")
        #expect(outcome.status == 0)
        let lines = outcome.lines
        #expect(lines[0] == "users.messages.email.Click")
        #expect(lines[1] == "Email Click (message engagement, edition 2021)")
        #expect(lines[2] == "Tags: Email; Clicks")
        let headings = lines.filter { $0.hasSuffix("properties") }
        #expect(
            headings == [
                "User-specific properties", "Campaign and canvas tracking properties", "Event-specific properties",
            ]
        )
        let parts = outcome.output.components(separatedBy: "properties\n")
        #expect(parts.count == 4)
        #expect(parts[1].contains("\n  time "))
        #expect(parts[2].contains("  canvas_step_id "))
        #expect(parts[3].contains("\n  url "))
        #expect(parts[3].contains("\n  dispatch_id "))
    }

    @Test("show takes an alias and names the canonical type")
    func alias() async throws {
        let outcome = try await CourantBinary.run("glossary", "show", "users.messages.sms.InboundReceived", "--json")
        let object = try Self.object(outcome.output)
        #expect(object["name"] as? String == "users.messages.sms.InboundReceive")
        #expect(
            (object["fields"] as? [[String: Any]])?.contains { $0["name"] as? String == "inbound_phone_number" } == true
        )
    }

    @Test(
        "an unknown name ends with 64 and the nearest name",
        arguments: [
            ("users.messages.email.Clik", "Did you mean `users.messages.email.Click`?"),
            ("email.click", "Did you mean `users.messages.email.Click`?"),
            ("users.messages.whatsapp.Send", "add --edition v10"),
            ("zzz", "`courant glossary list` shows all names."),
        ]
    )
    func nearMiss(name: String, hint: String) async throws {
        let outcome = try await CourantBinary.run("glossary", "show", name)
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains(hint))
    }

    @Test("a misspelt tag or edition is an error, not an empty list")
    func unknownTag() async throws {
        let channel = try await CourantBinary.run("glossary", "list", "--channel", "emial")
        #expect(channel.status == 64)
        #expect(channel.errors == "courant: Edition 2021 has no channel `emial`. Did you mean email?\n")
        let edition = try await CourantBinary.run("glossary", "list", "--edition", "2022")
        #expect(edition.status == 64)
        #expect(edition.errors == "courant: There is no edition `2022`; there are 2021 and v10.\n")
    }

    @Test("the Avro schema parses in fastavro under the public name, the JSON Schema in jsonschema")
    func schemas() async throws {
        let avro = try await CourantBinary.run("glossary", "schema", "users.messages.email.Click")
        let json = try await CourantBinary.run(
            "glossary",
            "schema",
            "users.messages.email.Click",
            "--format",
            "json-schema"
        )
        let outcome = try await CourantBinary.python(
            """
            import fastavro, json, sys
            from jsonschema import Draft202012Validator
            schema = fastavro.parse_schema(json.loads(sys.argv[1]))
            Draft202012Validator.check_schema(json.loads(sys.argv[2]))
            validator = Draft202012Validator(json.loads(sys.argv[2]))
            event = {"event_type": "users.messages.email.Click", "id": "1", "user_id": "u", "time": 1600000000, "email_address": "a@b.example"}
            print(schema["name"], len(schema["fields"]), validator.is_valid(event), validator.is_valid({"id": 1}))
            """,
            avro.output,
            json.output
        )
        #expect(outcome.errors == "")
        #expect(outcome.output.hasPrefix("dataexport.Local.inner.users.messages.email.Click "))
        #expect(outcome.output.hasSuffix(" True False\n"))
    }

    @Test("docs/glossary.md is what the command prints")
    func document() async throws {
        let outcome = try await CourantBinary.run("glossary", "document")
        let file = CourantBinary.package.appending(path: "docs/glossary.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(outcome.output == text, "run: courant glossary document > docs/glossary.md")
    }

    private static func names(_ json: String) throws -> [String] {
        let list = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
        return list.compactMap { $0["name"] as? String }
    }

    private static func object(_ json: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    }
}
