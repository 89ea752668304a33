import Glossary
import Testing

@Suite("The editions against the catalogue")
struct CatalogueTests {
    @Test("every type and field of an edition is as the catalogue has it", arguments: ["2021", "v10"])
    func fieldsAgree(name: String) throws {
        let catalogue = try Catalogue.read(name)
        let edition = try #require(Glossary.standard.edition(name))
        #expect(edition.types.map(\.name) == catalogue.events.map(\.name))
        for (type, facts) in zip(edition.types, catalogue.events) {
            #expect(type.fields.map(\.name) == facts.fields.map(\.name), "\(type.name)")
            for (position, (field, fact)) in zip(type.fields, facts.fields).enumerated() {
                let place: Comment = "\(type.name) \(field.name)"
                #expect(field.type.name == fact.type.name, place)
                #expect(field.isRequired == fact.required, place)
                #expect(field.isPersonal == (fact.pii ?? false), place)
                #expect(field.page == fact.page ?? position, place)
                if let group = fact.group { #expect(field.group.rawValue == group, place) }
            }
        }
    }

    @Test("titles, sections, tags and aliases of edition 2021 are as the catalogue has them")
    func typesAgree() throws {
        let edition = try #require(Glossary.standard.edition("2021"))
        for (type, facts) in zip(edition.types, try Catalogue.read("2021").events) {
            #expect(type.title == facts.title)
            #expect(type.section == facts.section)
            #expect(type.channels.map(\.title) == facts.channels)
            #expect(type.actions.map(\.title) == facts.actions)
            #expect(type.aliases == facts.aliases ?? [])
        }
    }

    @Test("edition 2021 has 32 message-engagement and 10 customer-behaviour types, v10 has 94")
    func counts() throws {
        let edition = try #require(Glossary.standard.edition("2021"))
        #expect(edition.types.filter { $0.section == "message engagement" }.count == 32)
        #expect(edition.types.filter { $0.section == "customer behaviour" }.count == 10)
        #expect(Glossary.standard.edition("v10")?.types.count == 94)
    }

    @Test("every type and field is described in words of its own, in sentences")
    func describesEverything() throws {
        for edition in Glossary.standard.editions {
            let facts = try Catalogue.read(edition.name).events
            for (type, fact) in zip(edition.types, facts) {
                #expect(type.occurs.hasSuffix(".") && type.occurs != fact.occurs, "\(type.name)")
                #expect(!type.title.isEmpty && !type.section.isEmpty && !type.channels.isEmpty && !type.actions.isEmpty)
                for (field, fieldFact) in zip(type.fields, fact.fields) {
                    #expect(field.description.hasSuffix("."), "\(type.name) \(field.name)")
                    #expect(field.description != fieldFact.note)
                }
            }
        }
    }

    @Test("types that both editions have carry the same title, and the same field name stands in the same group")
    func editionsAgree() throws {
        let (old, new) = (
            try #require(Glossary.standard.edition("2021")), try #require(Glossary.standard.edition("v10"))
        )
        for type in old.types {
            guard let newer = new.type(named: type.name) else { continue }
            #expect(type.title == newer.title)
            #expect(type.actions == newer.actions)
        }
        var groups: [String: FieldGroup] = [:]
        for field in (old.types + new.types).flatMap(\.fields) {
            #expect(groups.updateValue(field.group, forKey: field.name) ?? field.group == field.group)
        }
    }

    @Test("numbers, dates and examples that the catalogue's notes give stand in the descriptions too")
    func keepsFacts() throws {
        let facts: [(String, String, [String])] = [
            (
                "users.messages.pushnotification.Open", "button_action_type",
                ["URI", "DEEP_LINK", "NONE", "CLOSE", "SHARE"]
            ),
            ("users.messages.sms.Send", "category", ["Opt-In", "Opt-Out", "Help"]),
            ("users.canvas.Conversion", "conversion_behavior", [#"{"type":"Makes Purchase","window":3600"#, "window"]),
            ("users.campaigns.Conversion", "conversion_behavior_index", ["0 for A", "3 for D", "conversion_index"]),
            ("users.messages.email.Bounce", "ip_pool", ["absent in some"]),
            ("users.messages.email.Delivery", "sending_ip", ["Delivery, Bounce and SoftBounce", "refused it later"]),
            ("users.messages.sms.Delivery", "from_phone_number", ["CarrierSend, Delivery and Rejection"]),
            ("users.messages.sms.Rejection", "provider_error_code", ["Rejection and DeliveryFailure"]),
            ("users.canvas.Entry", "canvas_step_name", ["twice", "null", "kept"]),
            ("users.messages.inappmessage.Click", "button_id", ["log-click"]),
        ]
        for (name, fieldName, words) in facts {
            let field = try #require(try standardType(name).field(named: fieldName))
            for word in words { #expect(field.description.contains(word), "\(name) \(fieldName)") }
        }
    }
}
