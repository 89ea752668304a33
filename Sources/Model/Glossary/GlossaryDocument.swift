/// The glossary as a document for people, in Markdown.
public enum GlossaryDocument {
    /// The whole document: what it applies to, the parts of an event, the rules, and every type of every edition.
    public static func markdown(_ glossary: Glossary) -> String {
        var text = introduction
        text += "\n## Rules\n\n\(rulesTable(glossary))\n"
        for edition in glossary.editions {
            text += "\n## Edition \(edition.name)\n\n"
            text += contents(of: edition)
            for type in edition.types { text += "\n" + section(on: type) }
        }
        return text
    }

    private static let introduction = """
        # Glossary

        Every type of event that Courant tracks and sends to the storage of your choice: when it occurs, how it is \
        tagged, and what its fields mean. Made from the glossary itself by `courant glossary document`; do not edit \
        it here.

        Look things up with `courant glossary list`, `search` and `show`, or `GET /v1/glossary`: by name, by text, by \
        section, channel and action. What is not among the message-engagement events may be a customer-behaviour \
        event, or stands in the sample data: `courant sample --each` writes one event of each type, as JSON or Avro.

        **What the schemas apply to.** These are the schemas of flat files in Amazon S3, Google Cloud Storage, Azure \
        Blob Storage and local folders, and of the flat JSON that `POST /v1/events` takes. Other partners get other \
        shapes, which their own pages describe.

        **Which types a connector carries** is its entitlement: names, globs, sections, channels and actions in its \
        configuration. Widen it there.

        **Beware when counting by tag.** The tags are for finding things. `Sends` also tags push Bounce and \
        IosForeground, and `Delivery` also tags CarrierSend and DeliveryFailure, so a count by tag counts what was \
        not sent or not delivered. Count by event type.

        ## The three parts of an event

        An event is made of user-specific properties (who it concerns, and when), campaign and canvas tracking \
        properties (the message behind it), and event-specific properties (what happened):

        ```json5
        {
          "event_type": "users.messages.email.Click",

          // user-specific properties
          "id": "6c1f2a0e-5d0b-4c1e-9a57-0b6d3c1f7e21",
          "user_id": "65f0c3a1b2d4e5f60718293a",
          "external_user_id": "cust-0000004711",
          "time": 1782000300,
          "timezone": "Europe/Paris",

          // campaign and canvas tracking properties
          "campaign_id": "0d5a7f9c-3b52-4f6e-8a35-6f1f7f0f2a11",
          "campaign_name": "Spring launch",
          "message_variation_id": "b2f6d1c8-9e47-4a06-bb1d-2f4b8c7d9e10",

          // event-specific properties
          "dispatch_id": "9f86d081884c7d659a2feaa0c55ad015",
          "email_address": "ada@example.com",
          "url": "https://shop.example/spring",
          "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X)"
        }
        ```

        In the tables below, a type with `?` is nullable: the field may be missing or null. *Personal* marks personal \
        data.

        """

    /// The rules of validity as a table.
    public static func rulesTable(_ glossary: Glossary) -> String {
        var text = "| Code | What must hold | Fields | An event that breaks it |\n|---|---|---|---|\n"
        let fields = ["whole event", "`time`", "`dispatch_id` of email Click"]
        for (rule, fields) in zip(Rule.general, fields) { text += row(rule, fields) }
        let types = glossary.editions.flatMap(\.types)
        for rule in FieldRule.allCases {
            let concerned = types.flatMap { type in type.fields.filter { $0.rule == rule }.map { (type, $0.name) } }
            var names: [String] = []
            for (_, name) in concerned where !names.contains(name) { names.append(name) }
            let fields = names.map { name in
                let everywhere = types.allSatisfy { $0.field(named: name).map { $0.rule == rule } ?? true }
                if everywhere { return "`\(name)`" }
                let owners = concerned.filter { $0.1 == name }.map { "`\($0.0.name)` (\($0.0.edition))" }
                return "`\(name)` of \(owners.joined(separator: ", "))"
            }
            text += row(rule.rule, fields.joined(separator: "; "))
        }
        return text
    }

    private static func row(_ rule: Rule, _ fields: String) -> String {
        let outcome =
            switch rule.enforcement {
            case .always: "is set aside with its bytes, in every source"
            case .strict: "is rejected by a strict source; stored and counted by a lenient one"
            case .counted: "is stored and counted"
            }
        return "| `\(rule.code)` | \(cell(rule.sentence)) | \(fields) | \(outcome) |\n"
    }

    private static func contents(of edition: Edition) -> String {
        var text = "| Type | Title | Section | Channels | Actions |\n|---|---|---|---|---|\n"
        for type in edition.types {
            text += "| [`\(type.name)`](#\(anchor(of: type))) | \(cell(type.title)) | \(cell(type.section)) | "
            text += "\(titles(type.channels)) | \(titles(type.actions)) |\n"
        }
        return text
    }

    private static func section(on type: EventType) -> String {
        var text = "<a id=\"\(anchor(of: type))\"></a>\n### \(type.title)\n\n`\(type.name)`"
        for alias in type.aliases { text += ", also accepted as `\(alias)`" }
        text += "\n\nTags: \(titles(type.channels)); \(titles(type.actions))\n\n\(type.occurs)\n"
        for group in FieldGroup.allCases {
            let fields = type.fields(in: group)
            guard !fields.isEmpty else { continue }
            text += "\n**\(group.title)**\n\n| Field | Type | Meaning |\n|---|---|---|\n"
            for field in fields {
                let meaning = field.isPersonal ? "\(field.description) *Personal.*" : field.description
                text += "| `\(field.name)` | \(field.type.name)\(field.isRequired ? "" : "?") | \(cell(meaning)) |\n"
            }
        }
        return text
    }

    private static func anchor(of type: EventType) -> String {
        String("\(type.edition)-\(type.name)".lowercased().map { $0 == "." ? "-" : $0 })
    }

    private static func titles(_ tags: [Tag]) -> String {
        tags.map { cell($0.title) }.joined(separator: ", ")
    }

    /// Text that may stand in a cell of a table.
    private static func cell(_ text: String) -> String {
        var cell = ""
        for character in text {
            switch character {
            case "|": cell += "\\|"
            case "<": cell += "&lt;"
            default: cell.append(character)
            }
        }
        return cell
    }
}
