import Avro
import Testing

@testable import Tracking

/// Definitions as JSON: what is read is written back, and what is wrong is said with its place and the remedy.
@Suite struct DefinitionTests {
    private static let campaign = """
        {"id":"c-1","name":"Spring","send_id":"s-1","variations":[\
        {"id":"a","name":"Long","share":60,"control":false},{"id":"b","name":"None","share":40,"control":true}],\
        "conversions":[{"type":"Starts Session","window":3600}]}
        """
    private static let canvas = """
        {"id":"v-1","name":"Welcome","variations":[{"id":"a","name":"All","share":100,"control":false}],\
        "steps":[{"id":"s1","name":"Hello","entry":true,"scheduled":true,"message_variations":[{"id":"m","name":"M"}]},\
        {"id":"s2","name":"Reminder","entry":false,"scheduled":false,"message_variations":[]}],\
        "conversions":[{"type":"Clicks Message","window":60}]}
        """
    private static let email = """
        {"id":"g-1","name":"News","channel":"email","app_group_id":"app",\
        "provider_groups":{"sendgrid":["123","124"],"ses":["news"]}}
        """
    private static let sms = """
        {"id":"g-2","name":"Offers","channel":"sms","app_group_id":"app","numbers":["+15550001111","24365"],\
        "messaging_services":["MG1"],"keywords":{"en":{"start":["START"],"stop":["STOP"],"help":["HELP"]},\
        "fr":{"start":[],"stop":["ARRÊT"],"help":[]}}}
        """

    private static func definition(_ kind: Definition.Kind, _ text: String) throws -> Definition {
        let json = try JSONValue(parsing: text)
        return try Definition(kind, id: json["id"]?.string ?? "x", reading: json)
    }

    /// The fault of a definition that is refused.
    private static func fault(_ kind: Definition.Kind, _ text: String) throws -> DefinitionError {
        try #require(throws: DefinitionError.self) { try definition(kind, text) }
    }

    @Test(
        "a definition is written back as it was read",
        arguments: [(.campaign, campaign), (.canvas, canvas), (.group, email), (.group, sms)]
            as [(Definition.Kind, String)]
    )
    func roundTrip(kind: Definition.Kind, text: String) throws {
        let definition = try Self.definition(kind, text)
        #expect(definition.json.text == text)
        #expect(definition.kind == kind)
        #expect(definition.id == definition.json["id"]?.string)
        #expect(try Self.definition(kind, definition.json.text) == definition)
    }

    @Test("a campaign's members are read")
    func campaignMembers() throws {
        let campaign = try Campaign(id: "c-1", reading: JSONValue(parsing: Self.campaign))
        #expect(campaign.name == "Spring")
        #expect(campaign.sendID == "s-1")
        #expect(campaign.variation("b") == Variation(id: "b", name: "None", share: 40, isControl: true))
        #expect(campaign.variation("c") == nil)
        #expect(campaign.conversions == [ConversionRule(.startsSession, window: .seconds(3_600))])
    }

    @Test("a canvas's members are read")
    func canvasMembers() throws {
        let canvas = try Canvas(id: "v-1", reading: JSONValue(parsing: Self.canvas))
        #expect(canvas.variation("a")?.share == 100)
        #expect(canvas.step("s1")?.isScheduled == true)
        #expect(canvas.step("s1")?.messageVariation("m")?.name == "M")
        #expect(canvas.step("s2") == Canvas.Step(id: "s2", name: "Reminder"))
        #expect(canvas.step("s3") == nil)
    }

    @Test("a campaign needs a name only")
    func least() throws {
        let campaign = try Campaign(id: "c", reading: JSONValue(parsing: #"{"name":"n","send_id":null}"#))
        #expect(campaign == Campaign(id: "c", name: "n"))
    }

    @Test("an email group needs no app group, and an SMS group without keywords has the English ones")
    func groupDefaults() throws {
        let email = try SubscriptionGroup(id: "g", reading: JSONValue(parsing: #"{"name":"n","channel":"email"}"#))
        #expect(email == SubscriptionGroup(email: "g", name: "n"))
        #expect(email.keywords == nil)
        for keywords in ["", #","keywords":{}"#, #","keywords":null"#] {
            let text = #"{"name":"n","channel":"sms","app_group_id":"a"\#(keywords)}"#
            let sms = try SubscriptionGroup(id: "g", reading: JSONValue(parsing: text))
            #expect(sms.keywords == .standard)
            #expect(
                sms.json["keywords"]?["en"]?["start"]?.array == [.string("START"), .string("YES"), .string("UNSTOP")]
            )
        }
    }

    @Test("the order in which keys of an object stand makes no other definition")
    func keyOrder() throws {
        let texts = [#"{"ses":["1"],"sendgrid":["2"]}"#, #"{"sendgrid":["2"],"ses":["1"]}"#]
        let groups = try texts.map { groups in
            try Self.definition(.group, #"{"id":"g","name":"n","channel":"email","provider_groups":\#(groups)}"#)
        }
        #expect(groups[0] == groups[1])
    }

    @Test("the id in the body may repeat that of the address and not change it")
    func otherID() throws {
        let json = try JSONValue(parsing: #"{"id":"other","name":"n"}"#)
        let error = try #require(throws: DefinitionError.self) { try Campaign(id: "c", reading: json) }
        #expect(error.code == .wrongValue)
        #expect(error.description == "id must be \"c\" as the address or the file's name says, or be left out")
    }

    @Test("ids have 1 to 200 bytes", arguments: [(1, true), (200, true), (201, false), (0, false)])
    func idLength(count: Int, isGood: Bool) throws {
        let id = String(repeating: "é", count: count / 2) + String(repeating: "e", count: count % 2)
        #expect(id.utf8.count == count)
        let json = try JSONValue(parsing: #"{"name":"n"}"#)
        #expect((try? Campaign(id: id, reading: json)).map(\.id) == (isGood ? id : nil))
        let inner = #"{"name":"n","variations":[{"id":"\#(id)","name":"v","share":100}]}"#
        #expect((try? Campaign(id: "c", reading: JSONValue(parsing: inner)))?.variations.count == (isGood ? 1 : nil))
    }

    @Test(
        "shares sum to 100 within a thousandth",
        arguments: [
            ([100], true), ([50, 50], true), ([33.333, 33.333, 33.333], true), ([33.3, 33.3, 33.401], true),
            ([50, 49.9], false), ([50, 50.002], false), ([49.999, 49.999], false), ([0, 100], true), ([], true),
            ([99.999], true), ([99.99], false), ([0.1, 0.2, 99.7], true),
        ] as [([Double], Bool)]
    )
    func shares(shares: [Double], isGood: Bool) throws {
        let variations = shares.enumerated().map { #"{"id":"\#($0)","name":"v","share":\#($1)}"# }
        let text = #"{"name":"n","variations":[\#(variations.joined(separator: ","))]}"#
        guard isGood else {
            let error = try Self.fault(.campaign, text)
            #expect(error.path == "variations")
            #expect(error.message.contains("sum to 100"))
            return
        }
        #expect(try Campaign(id: "c", reading: JSONValue(parsing: text)).variations.count == shares.count)
    }

    private static let faultsOfCampaign: [(String, DefinitionError.Code, String, String)] = [
        (#"[1]"#, .wrongType, "", "the body must be a campaign as an object, found an array"),
        (#"{}"#, .missing, "name", "name is missing; it must be a text of 1 to 1000 bytes"),
        (#"{"name":null}"#, .missing, "name", "name is missing; it must be a text of 1 to 1000 bytes"),
        (#"{"nmae":"n"}"#, .unknownMember, "nmae", "nmae is not a member of a campaign; did you mean name?"),
        (
            #"{"name":"n","sendId":"s"}"#, .unknownMember, "sendId",
            "sendId is not a member of a campaign; did you mean send_id?"
        ),
        (
            #"{"name":"n","steps":[]}"#, .unknownMember, "steps",
            "steps is not a member of a campaign; expected one of id, name, send_id, variations, conversions"
        ),
        (#"{"name":7}"#, .wrongType, "name", "name must be a text of 1 to 1000 bytes, found the number 7"),
        (#"{"name":" "}"#, .wrongValue, "name", "name must be a text of 1 to 1000 bytes, found a blank one"),
        (#"{"name":"n","variations":{}}"#, .wrongType, "variations", "variations must be an array, found an object"),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v"}]}"#, .missing, "variations[0].share",
            "variations[0].share is missing; it must be a number from 0 to 100, in percent"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":"100"}]}"#, .wrongType, "variations[0].share",
            "variations[0].share must be a number from 0 to 100, in percent, found a text"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":-1}]}"#, .wrongValue, "variations[0].share",
            "variations[0].share must be a number from 0 to 100, in percent, found -1"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":1e999}]}"#, .wrongValue, "variations[0].share",
            "variations[0].share must be a number from 0 to 100, in percent, found 1e999"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":100,"control":"no"}]}"#, .wrongType,
            "variations[0].control", "variations[0].control must be true or false, found a text"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":50},{"id":"a","name":"w","share":50}]}"#, .doubled,
            "variations[1].id", #"variations[1].id must differ from variations[0].id: both are "a""#
        ),
        (
            #"{"name":"n","conversions":[1]}"#, .wrongType, "conversions[0]",
            "conversions[0] must be a conversion as an object, found the number 1"
        ),
    ]

    @Test("what is wrong with a campaign is said with its place and the remedy", arguments: faultsOfCampaign)
    func campaignFaults(text: String, code: DefinitionError.Code, path: String, sentence: String) throws {
        let error = try Self.fault(.campaign, text)
        #expect(error.code == code)
        #expect(error.path == path)
        #expect(error.description == sentence)
    }

    private static let faultsOfCanvas: [(String, DefinitionError.Code, String, String)] = [
        (
            #"{"name":"n"}"#, .missing, "variations",
            "is missing; it must be an array of at least one variation, since each entry names one"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":100}],"steps":[{"id":"s","name":"s","scheduled":true}]}"#,
            .wrongValue, "steps[0].scheduled",
            "must be false, since only an entry step can be scheduled; set entry to true, or leave it out"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":100}],"steps":[{"id":"s","name":"s"},{"id":"s","name":"t"}]}"#,
            .doubled, "steps[1].id", #"must differ from steps[0].id: both are "s""#
        ),
        (
            """
            {"name":"n","variations":[{"id":"a","name":"v","share":100}],"steps":[{"id":"s","name":"s",\
            "message_variations":[{"id":"m","name":"m"},{"id":"m","name":"n"}]}]}
            """, .doubled, "steps[0].message_variations[1].id",
            #"must differ from steps[0].message_variations[0].id: both are "m""#
        ),
        (
            #"{"name":"n","send_id":"s"}"#, .unknownMember, "send_id",
            "is not a member of a canvas; expected one of id, name, variations, steps, conversions"
        ),
        (
            #"{"name":"n","variations":[{"id":"a","name":"v","share":100}],"steps":[{"id":"s","name":"s","entyr":true}]}"#,
            .unknownMember, "steps[0].entyr", "is not a member of a step; did you mean entry?"
        ),
    ]

    @Test("what is wrong with a canvas is said with its place and the remedy", arguments: faultsOfCanvas)
    func canvasFaults(text: String, code: DefinitionError.Code, path: String, message: String) throws {
        #expect(try Self.fault(.canvas, text) == DefinitionError(code, at: path, message))
    }

    private static let faultsOfGroup: [(String, DefinitionError.Code, String, String)] = [
        (#"{"name":"n"}"#, .missing, "channel", "is missing; it must be one of email, sms"),
        (#"{"name":"n","channel":"push"}"#, .wrongValue, "channel", #"must be one of email, sms, found "push""#),
        (
            #"{"name":"n","channel":"Email"}"#, .wrongValue, "channel",
            #"must be one of email, sms, found "Email"; did you mean email?"#
        ),
        (
            #"{"name":"n","channel":"sms"}"#, .missing, "app_group_id",
            "is missing; it must be a text of 1 to 200 bytes"
        ),
        (
            #"{"name":"n","channel":"email","numbers":["+15550001111"]}"#, .unknownMember, "numbers",
            "belongs to a group of channel sms only"
        ),
        (
            #"{"name":"n","channel":"sms","app_group_id":"a","provider_groups":{}}"#, .unknownMember,
            "provider_groups", "belongs to a group of channel email only"
        ),
        (
            #"{"name":"n","channel":"email","provider_groups":{"sendgrid":"123"}}"#, .wrongType,
            "provider_groups.sendgrid", "must be an array, found a text"
        ),
        (
            #"{"name":"n","channel":"email","provider_groups":{"sendgrid":[123]}}"#, .wrongType,
            "provider_groups.sendgrid[0]", "must be a text of 1 to 200 bytes, found the number 123"
        ),
        (
            #"{"name":"n","channel":"sms","app_group_id":"a","messaging_services":["M","M"]}"#, .doubled,
            "messaging_services[1]", #"must differ from messaging_services[0]: both are "M""#
        ),
        (
            #"{"name":"n","channel":"sms","app_group_id":"a","keywords":{"en":{"stop":["GO AWAY"]}}}"#, .wrongValue,
            "keywords.en.stop[0]", #"must be a single word, found "GO AWAY""#
        ),
        (
            #"{"name":"n","channel":"sms","app_group_id":"a","keywords":{"en":{"stop":["END"]},"de":{"start":["end"]}}}"#,
            .doubled, "keywords.en.stop[0]", #"must mean one thing: "END" stands at keywords.de.start[0] too"#
        ),
        (
            #"{"name":"n","channel":"sms","app_group_id":"a","keywords":{"en":{"stpo":["END"]}}}"#, .unknownMember,
            "keywords.en.stpo", "is not a member of a language's keywords; did you mean stop?"
        ),
    ]

    @Test("what is wrong with a group is said with its place and the remedy", arguments: faultsOfGroup)
    func groupFaults(text: String, code: DefinitionError.Code, path: String, message: String) throws {
        #expect(try Self.fault(.group, text) == DefinitionError(code, at: path, message))
    }

    @Test(
        "numbers are in E.164 form or short codes",
        arguments: [
            ("+15550001111", true), ("+12", true), ("+123456789012345", true), ("123", true), ("12345678", true),
            ("+1234567890123456", false), ("+1", false), ("+0123456", false), ("12", false), ("123456789", false),
            ("ACME", false), ("+1 555", false), ("whatsapp:+15550001111", false),
        ]
    )
    func numbers(number: String, isGood: Bool) throws {
        let text = #"{"name":"n","channel":"sms","app_group_id":"a","numbers":["\#(number)"]}"#
        guard isGood else {
            let error = try Self.fault(.group, text)
            #expect(error.path == "numbers[0]")
            #expect(error.message.hasSuffix("found \"\(number)\""))
            return
        }
        #expect(try SubscriptionGroup(id: "g", reading: JSONValue(parsing: text)).numbers == [number])
    }

    @Test(
        "limits hold at the limit and not one beyond",
        arguments: [
            (.campaign, "variations", DefinitionLimits.variationsMax), (.canvas, "steps", DefinitionLimits.stepsMax),
            (.campaign, "conversions", DefinitionLimits.conversionsMax),
            (.group, "numbers", DefinitionLimits.numbersMax),
            (.group, "messaging_services", DefinitionLimits.messagingServicesMax),
        ] as [(Definition.Kind, String, Int)]
    )
    func limits(kind: Definition.Kind, member: String, countMax: Int) throws {
        func text(_ count: Int) -> String {
            let items = (0..<count).map { index in
                switch member {
                case "variations": #"{"id":"\#(index)","name":"v","share":\#(index == 0 ? 100 : 0)}"#
                case "steps": #"{"id":"\#(index)","name":"s"}"#
                case "conversions": #"{"type":"Starts Session","window":1}"#
                default: "\"\(1_000 + index)\""
                }
            }
            let rest =
                switch kind {
                case .campaign: ""
                case .canvas: #","variations":[{"id":"a","name":"v","share":100}]"#
                case .group: #","channel":"sms","app_group_id":"a""#
                }
            return #"{"name":"n"\#(rest),"\#(member)":[\#(items.joined(separator: ","))]}"#
        }
        _ = try Self.definition(kind, text(countMax))
        let message = "must have at most \(countMax) items, found \(countMax + 1)"
        #expect(try Self.fault(kind, text(countMax + 1)) == DefinitionError(.tooMany, at: member, message))
    }

    @Test("of a long name a message has so many bytes, not so many characters")
    func longName() throws {
        let name = "e" + String(repeating: "\u{301}", count: 200_000)
        let json = JSONValue.object([.init(name, .string("a"))])
        let error = try #require(throws: DefinitionError.self) { try Campaign(id: "c", reading: json) }
        #expect(error.code == .unknownMember)
        #expect(error.description.utf8.count < 400, "\(error.description.utf8.count)")
    }

    @Test("a member that stands twice is refused")
    func doubledMember() throws {
        let json = JSONValue.object([.init("name", .string("a")), .init("name", .string("b"))])
        let error = try #require(throws: DefinitionError.self) { try Campaign(id: "c", reading: json) }
        #expect(error.code == .doubled)
        #expect(error.description == "name stands twice; keep one")
    }
}
