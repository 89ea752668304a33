import Foundation
import Glossary
import Testing

@Suite("Rules of validity")
struct RuleTests {
    struct Verdicts: CustomTestStringConvertible {
        let rule: FieldRule
        let kept: [String]
        let broken: [String]

        var testDescription: String { rule.name }
    }

    static let verdicts: [Verdicts] = [
        Verdicts(
            rule: .timezone,
            kept: ["Europe/Paris", "America/Argentina/ComodRivadavia", "UTC", "US/Pacific", "EST5EDT"],
            broken: ["", "Europe/Lyon", "europe/paris", "Europe/Paris ", "GMT+25", String(repeating: "a", count: 900)]
        ),
        Verdicts(
            rule: .phone,
            kept: ["+15551234567", "+4915112345678", "+123456789012345", "+290"],
            broken: [
                "", "+", "+1", "15551234567", "+05551234567", "+1 555 1234567", "+1234567890123456", "+1555a234567",
            ]
        ),
        Verdicts(
            rule: .sender,
            kept: ["+15551234567", "123", "72345", "12345678", "Courant", "My Shop 24", "Été à Paris"],
            broken: [
                "", "12", "123456789", "+", "+0123", "TwelveLetter", " Shop", "Shop ", "a\u{7}b", "---", "Laden\u{0}",
            ]
        ),
        Verdicts(
            rule: .adIDType,
            kept: ["ios_idfa", "GOOGLE_AD_ID", "windows_ad_id", "Roku_Ad_Id"],
            broken: ["", "ios_idfv", "ios_idfa ", "ios_idfa\u{0}", "a_very_long_kind_of_id"]
        ),
        Verdicts(
            rule: .subscriptionStatus,
            kept: ["Subscribed", "unsubscribed", "UNSUBSCRIBED"],
            broken: ["", "subscribe", "Opted-In", "none"]
        ),
        Verdicts(rule: .subscriptionStatusOpen, kept: ["Subscribed", "opted-in"], broken: ["gone"]),
        Verdicts(rule: .channel, kept: ["email", "SMS"], broken: ["", "push", "e-mail", "whatsapp"]),
        Verdicts(rule: .channelOpen, kept: ["email", "push", "WhatsApp"], broken: ["pigeon"]),
        Verdicts(rule: .action, kept: ["Subscribed", "unsubscribed", "NONE"], broken: ["", "null", "opt-in"]),
        Verdicts(rule: .actionOpen, kept: ["none"], broken: ["double-opt-in"]),
        Verdicts(rule: .category, kept: ["Opt-In", "opt-out", "HELP"], broken: ["VIP", ""]),
        Verdicts(rule: .platform, kept: ["iOS", "android", "web", "tvos", "Roku", "kindle"], broken: ["fridge"]),
        Verdicts(rule: .buttonActionType, kept: ["URI", "deep_link", "NONE", "CLOSE", "SHARE"], broken: ["OPEN"]),
        Verdicts(
            rule: .jsonObject,
            kept: [
                "{}", " { } ", #"{"type":"Makes Purchase","window":3600,"product":"any"}"#,
                #"{"a":[1,-0.5,2e3,2E-3,true,false,null,"\u00e9\n\"",[],{}],"é":{"b":{}}}"#,
                String(repeating: #"{"a":"#, count: 63) + "{}" + String(repeating: "}", count: 63),
            ],
            broken: [
                "", " ", "[]", "null", "\"{}\"", "{", "}", "{}{}", "{} x", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#,
                #"{"a":01}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#, #"{"a":-}"#, #"{"a":1e}"#, #"{"a":tru}"#,
                #"{"a":truex}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u12"#, "{\"a\":\"\n\"}", #"{a:1}"#,
                #"{'a':1}"#, #"{"a":[1,]}"#, #"{"a":[1}"#, #"{"a":{]}"#, #"{,}"#, #"{"a":1 "b":2}"#, #"{"a":"#, #"{"a"#,
                String(repeating: #"{"a":"#, count: 64) + "{}" + String(repeating: "}", count: 64),
                String(repeating: "{", count: 100_000), String(repeating: #"{"a":["#, count: 100_000),
            ]
        ),
        Verdicts(rule: .canvasStepNameOnEntry, kept: [], broken: ["", "Step 1"]),
    ]

    @Test("a rule for strings takes what is right and turns down what is not", arguments: verdicts)
    func strings(_ verdicts: Verdicts) {
        for text in verdicts.kept { #expect(holds(verdicts.rule, text), "\(text)") }
        for text in verdicts.broken { #expect(!holds(verdicts.rule, text), "\(text.prefix(80))") }
    }

    @Test("every rule for strings has its table")
    func tablesAreComplete() {
        #expect(Set(RuleTests.verdicts.map(\.rule)) == Set(FieldRule.allCases.filter { !$0.isForIntegers }))
    }

    @Test("time has ten digits and fits into 32-bit seconds; milliseconds do not")
    func time() {
        for seconds: Int64 in [1_000_000_000, 1_782_000_000, 9_999_999_999] {
            #expect(FieldRule.tenDigitTime.holds(forInteger: seconds))
        }
        for seconds: Int64 in [0, -1, 999_999_999, 10_000_000_000, 1_782_000_000_000] {
            #expect(!FieldRule.tenDigitTime.holds(forInteger: seconds))
        }
        for seconds: Int64 in [-2_147_483_648, 0, 2_147_483_647] { #expect(Rule.timeIsInRange(seconds)) }
        for seconds: Int64 in [-2_147_483_649, 2_147_483_648, 1_782_000_000_000] {
            #expect(!Rule.timeIsInRange(seconds))
        }
        #expect(Rule.timeOutOfRange.enforcement == .always && Rule.timeOutOfRange.sentence.contains("milliseconds"))
    }

    @Test("the index of a conversion is 0 to 3")
    func conversionIndex() {
        for index: Int64 in 0...3 { #expect(FieldRule.conversionIndex.holds(forInteger: index)) }
        for index: Int64 in [-1, 4, .max, .min] { #expect(!FieldRule.conversionIndex.holds(forInteger: index)) }
        #expect(!holds(.conversionIndex, "1") && !holds(.tenDigitTime, "1782000000"))
        #expect(!FieldRule.phone.holds(forInteger: 15_551_234_567))
    }

    @Test("rules concern the fields that they are meant for, in every type that has them", arguments: ["2021", "v10"])
    func fields(name: String) throws {
        let expected: [String: String] = [
            "time": "time_not_ten_digits", "timezone": "timezone_unknown", "phone_number": "phone_not_e164",
            "to_phone_number": "phone_not_e164", "user_phone_number": "phone_not_e164",
            "from_phone_number": "sender_malformed", "inbound_phone_number": "sender_malformed",
            "ad_id_type": "ad_id_type_unknown", "subscription_status": "subscription_status_unknown",
            "channel": "channel_unknown", "action": "action_unknown", "category": "category_unknown",
            "platform": "platform_unknown", "button_action_type": "button_action_type_unknown",
            "conversion_behavior": "conversion_behavior_not_object",
            "conversion_behavior_index": "conversion_behavior_index_range",
        ]
        for type in try #require(Glossary.standard.edition(name)).types {
            for field in type.fields {
                let isEntryStep = type.name == "users.canvas.Entry" && field.name == "canvas_step_name"
                let code = isEntryStep ? "canvas_step_name_on_entry" : expected[field.name]
                let rule = FieldRule.rule(forField: field.name, type: type)
                #expect(rule?.rule.code == code, "\(type.name) \(field.name)")
                #expect(rule == field.rule)
            }
        }
    }

    @Test("open lists and what is unknown of v10 are counted, closed lists are strict")
    func enforcement() throws {
        let counted: [FieldRule] = [
            .category, .platform, .buttonActionType, .canvasStepNameOnEntry, .channelOpen, .actionOpen,
            .subscriptionStatusOpen,
        ]
        for rule in FieldRule.allCases {
            #expect(rule.rule.enforcement == (counted.contains(rule) ? .counted : .strict), "\(rule.name)")
            #expect(rule.rule.sentence.hasSuffix("."))
        }
        let change = try standardType("users.behaviors.subscription.GlobalStateChange", edition: "v10")
        #expect(FieldRule.rule(forField: "channel", type: change) == .channelOpen)
        #expect(FieldRule.rule(forField: "subscription_status", type: change) == .subscriptionStatusOpen)
        let whatsApp = try standardType("users.messages.whatsapp.InboundReceive", edition: "v10")
        #expect(FieldRule.rule(forField: "action", type: whatsApp) == .actionOpen)
    }

    @Test("time zones that another library knows are known")
    func timeZones() {
        let names = TimeZone.knownTimeZoneIdentifiers
        #expect(names.count > 300)
        for name in names { #expect(holds(.timezone, name), "\(name)") }
        for name in names { #expect(!holds(.timezone, name + "x") && !holds(.timezone, "x" + name)) }
    }

    @Test("what is a JSON object is so for another library too, over 20,000 mutilated texts")
    func jsonObjects() {
        var state: UInt64 = 0x5EED
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let whole = Array(#"{"type":"Makes Purchase","n":[12,-3.5e2,0,{"a":null}],"t":true,"s":"x\"y\\z"}"#.utf8)
        // No commas among the pieces: the other library takes one behind the last element, which JSON forbids.
        let pieces = Array(#"{}[]":0.-eE\ntf "#.utf8)
        var held = 0
        for _ in 0..<20_000 {
            var text = whole
            for _ in 0...draw(3) {
                let position = draw(text.count)
                switch draw(3) {
                case 0: text.remove(at: position)
                case 1: text.insert(pieces[draw(pieces.count)], at: position)
                default: text[position] = pieces[draw(pieces.count)]
                }
            }
            let theirs = (try? JSONSerialization.jsonObject(with: Data(text))) is [String: Any]
            let ours = FieldRule.jsonObject.holds(for: text.span)
            #expect(ours == theirs, "\(String(decoding: text, as: UTF8.self))")
            if ours { held += 1 }
        }
        #expect(held > 1000)
    }
}
