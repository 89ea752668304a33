import Avro
import Testing

@testable import Tracking

/// When a deed is a conversion, and what the field `conversion_behavior` says.
@Suite struct ConversionRuleTests {
    private static let day = Duration.seconds(86_400)
    private static let here = MessageOwner.campaign("c")

    private static func rule(_ text: String) throws -> ConversionRule {
        try ConversionRule(reading: JSONValue(parsing: text))
    }

    @Test(
        "conversion_behavior is a JSON string with type, window and type-specific keys",
        arguments: [
            (
                .init(.makesPurchase(product: nil, minimumPrice: nil), window: .seconds(3_600)),
                #"{"type":"Makes Purchase","window":3600,"product":"any"}"#
            ),
            (
                .init(.makesPurchase(product: "sku", minimumPrice: 9.5), window: day),
                #"{"type":"Makes Purchase","window":86400,"product":"sku","minimum_price":9.5}"#
            ),
            (
                .init(.performsCustomEvent(name: "sign up", filters: []), window: day),
                #"{"type":"Performs Custom Event","window":86400,"custom_event_name":"sign up"}"#
            ),
            (
                .init(
                    .performsCustomEvent(
                        name: "a",
                        filters: [.init("n", .moreThan, .number("2")), .init("m", .exists)]
                    ),
                    window: day
                ),
                """
                {"type":"Performs Custom Event","window":86400,"custom_event_name":"a","filters":[\
                {"property":"n","operator":"more_than","value":2},{"property":"m","operator":"exists"}]}
                """
            ),
            (.init(.startsSession, window: .seconds(1)), #"{"type":"Starts Session","window":1}"#),
            (.init(.opensMessage, window: .seconds(2_592_000)), #"{"type":"Opens Message","window":2592000}"#),
            (.init(.clicksMessage, window: day), #"{"type":"Clicks Message","window":86400}"#),
        ] as [(ConversionRule, String)]
    )
    func behavior(rule: ConversionRule, text: String) throws {
        #expect(rule.behavior == text)
        #expect(try Self.rule(text) == rule)
    }

    @Test("the order in which keys are given changes nothing")
    func keyOrder() throws {
        let text = #"{"product":"any","window":60,"minimum_price":10.0,"type":"Makes Purchase"}"#
        let behavior = #"{"type":"Makes Purchase","window":60,"product":"any","minimum_price":10}"#
        #expect(try Self.rule(text).behavior == behavior)
    }

    @Test("a purchase without a product is one of any")
    func anyProduct() throws {
        let rule = try Self.rule(#"{"type":"Makes Purchase","window":60}"#)
        #expect(rule.kind == .makesPurchase(product: nil, minimumPrice: nil))
    }

    private static let deeds: [(ConversionRule.Kind, Deed, Bool)] = [
        (.performsCustomEvent(name: "a", filters: []), .customEvent(name: "a", properties: .null), true),
        (.performsCustomEvent(name: "a", filters: []), .customEvent(name: "A", properties: .null), false),
        (.performsCustomEvent(name: "a", filters: []), .session, false),
        (.makesPurchase(product: nil, minimumPrice: nil), .purchase(product: "sku", price: 0), true),
        (.makesPurchase(product: "sku", minimumPrice: nil), .purchase(product: "sku", price: -1), true),
        (.makesPurchase(product: "sku", minimumPrice: nil), .purchase(product: "other", price: 9), false),
        (.makesPurchase(product: nil, minimumPrice: 10), .purchase(product: "sku", price: 10), true),
        (.makesPurchase(product: nil, minimumPrice: 10), .purchase(product: "sku", price: 9.99), false),
        (.makesPurchase(product: nil, minimumPrice: nil), .customEvent(name: "purchase", properties: .null), false),
        (.startsSession, .session, true),
        (.startsSession, .opened(here), false),
        (.opensMessage, .opened(here), true),
        (.opensMessage, .opened(.campaign("other")), false),
        // A canvas may have a campaign's id.
        (.opensMessage, .opened(.canvas("c")), false),
        (.opensMessage, .clicked(here), false),
        (.clicksMessage, .clicked(here), true),
        (.clicksMessage, .opened(here), false),
    ]

    @Test("a deed fulfils a rule of its type", arguments: deeds)
    func matching(kind: ConversionRule.Kind, deed: Deed, isMatch: Bool) {
        #expect(ConversionRule(kind, window: Self.day).matches(deed, for: Self.here) == isMatch)
    }

    private static let properties =
        #"{"plan":"pro","count":3,"rate":2.5,"big":9007199254740993,"yes":true,"none":null,"list":["pro"],"text":"3"}"#

    private static let filterRows: [(PropertyFilter, Bool)] = [
        (.init("plan", .equal, .string("pro")), true), (.init("plan", .equal, .string("Pro")), false),
        (.init("plan", .notEqual, .string("free")), true), (.init("plan", .notEqual, .string("pro")), false),
        (.init("absent", .equal, .string("pro")), false), (.init("absent", .notEqual, .string("pro")), true),
        (.init("none", .notEqual, .string("pro")), true), (.init("list", .equal, .string("pro")), false),
        (.init("count", .equal, .number("3")), true), (.init("count", .equal, .number("3.0")), true),
        (.init("count", .equal, .string("3")), false), (.init("text", .equal, .number("3")), false),
        (.init("big", .equal, .number("9007199254740993")), true),
        (.init("big", .equal, .number("9007199254740992")), false),
        (.init("yes", .equal, .boolean(true)), true), (.init("yes", .equal, .boolean(false)), false),
        (.init("count", .moreThan, .number("2")), true), (.init("count", .moreThan, .number("3")), false),
        (.init("count", .lessThan, .number("3.5")), true), (.init("count", .lessThan, .number("3")), false),
        (.init("rate", .moreThan, .number("2.4")), true), (.init("text", .moreThan, .number("2")), false),
        (.init("absent", .lessThan, .number("9")), false), (.init("yes", .moreThan, .number("0")), false),
        (.init("list", .exists), true), (.init("none", .exists), false), (.init("absent", .exists), false),
    ]

    @Test("a filter looks at one property", arguments: filterRows)
    func filter(filter: PropertyFilter, holds: Bool) throws {
        #expect(filter.holds(for: try JSONValue(parsing: Self.properties)) == holds)
    }

    @Test("all filters must hold, and without properties none that asks for one does")
    func allFilters() throws {
        let properties = try JSONValue(parsing: Self.properties)
        let filters = [PropertyFilter("plan", .exists), PropertyFilter("count", .moreThan, .number("5"))]
        let both = ConversionRule(.performsCustomEvent(name: "a", filters: filters), window: Self.day)
        #expect(!both.matches(.customEvent(name: "a", properties: properties), for: Self.here))
        let one = ConversionRule(.performsCustomEvent(name: "a", filters: [filters[0]]), window: Self.day)
        #expect(one.matches(.customEvent(name: "a", properties: properties), for: Self.here))
        #expect(!one.matches(.customEvent(name: "a", properties: .null), for: Self.here))
    }

    @Test(
        "a deed counts from the second of the receipt to the window's last, both included",
        arguments: [
            (1_000, 999, false), (1_000, 1_000, true), (1_000, 1_060, true), (1_000, 1_061, false),
            (.min, .max, false), (.max, .min, false),
        ] as [(Int64, Int64, Bool)]
    )
    func window(receipt: Int64, deed: Int64, isWithin: Bool) {
        let rule = ConversionRule(.startsSession, window: .seconds(60))
        #expect(rule.isWithinWindow(receipt: receipt, deed: deed) == isWithin)
    }

    @Test("index 0 to 3 is conversion A to D")
    func indices() {
        let kinds: [ConversionRule.Kind] = [.startsSession, .opensMessage, .clicksMessage, .startsSession]
        let rules = kinds.map { ConversionRule($0, window: Self.day) }
        let campaign = Campaign(id: "c", name: "n", conversions: rules)
        #expect(campaign.conversions(by: .session) == [0, 3])
        #expect(campaign.conversions(by: .clicked(Self.here)) == [2])
        #expect(campaign.conversions(by: .clicked(.canvas("c"))) == [])
        let canvas = Canvas(id: "c", name: "n", variations: [], conversions: rules)
        #expect(canvas.conversions(by: .opened(.canvas("c"))) == [1])
    }

    private static let faultRows: [(String, DefinitionError.Code, String, String)] = [
        (
            #"{"window":1}"#, .missing, "type",
            """
            is missing; it must be one of Performs Custom Event, Makes Purchase, Starts Session, Opens Message, \
            Clicks Message
            """
        ),
        (
            #"{"type":"Makes Purchse","window":1}"#, .wrongValue, "type",
            """
            must be one of Performs Custom Event, Makes Purchase, Starts Session, Opens Message, Clicks Message, \
            found "Makes Purchse"; did you mean Makes Purchase?
            """
        ),
        (
            #"{"type":"Starts Session"}"#, .missing, "window",
            "is missing; it must be a whole number of seconds from 1 to 2592000"
        ),
        (
            #"{"type":"Starts Session","window":0}"#, .wrongValue, "window",
            "must be a whole number of seconds from 1 to 2592000, found 0"
        ),
        (
            #"{"type":"Starts Session","window":2592001}"#, .wrongValue, "window",
            "must be a whole number of seconds from 1 to 2592000, found 2592001"
        ),
        (
            #"{"type":"Starts Session","window":1.5}"#, .wrongValue, "window",
            "must be a whole number of seconds from 1 to 2592000, found 1.5"
        ),
        (
            #"{"type":"Starts Session","window":1,"product":"any"}"#, .unknownMember, "product",
            "belongs to the type Makes Purchase only"
        ),
        (
            #"{"type":"Makes Purchase","window":1,"filters":[]}"#, .unknownMember, "filters",
            "belongs to the type Performs Custom Event only"
        ),
        (
            #"{"type":"Makes Purchase","window":1,"minimum_price":-0.01}"#, .wrongValue, "minimum_price",
            "must be a number from 0 up, found -0.01"
        ),
        (
            #"{"type":"Performs Custom Event","window":1}"#, .missing, "custom_event_name",
            "is missing; it must be a text of 1 to 1000 bytes"
        ),
        (
            #"{"type":"Performs Custom Event","window":1,"custom_event_name":"a","filters":[{"property":"p","operator":"is"}]}"#,
            .missing, "filters[0].value", "is missing; it must be a text, a number, true or false"
        ),
        (
            #"{"type":"Performs Custom Event","window":1,"custom_event_name":"a","filters":[{"property":"p","operator":"is","value":[]}]}"#,
            .wrongType, "filters[0].value", "must be a text, a number, true or false, found an array"
        ),
        (
            #"{"type":"Performs Custom Event","window":1,"custom_event_name":"a","filters":[{"property":"p","operator":"more_than","value":"3"}]}"#,
            .wrongType, "filters[0].value", "must be a number with this operator, found a text"
        ),
        (
            #"{"type":"Performs Custom Event","window":1,"custom_event_name":"a","filters":[{"property":"p","operator":"less_than","value":1.\#(String(repeating: "0", count: 1_000))}]}"#,
            .wrongValue, "filters[0].value", "must have at most 1000 bytes"
        ),
        (
            #"{"type":"Performs Custom Event","window":1,"custom_event_name":"a","filters":[{"property":"p","operator":"exists","value":1}]}"#,
            .unknownMember, "filters[0].value", "has no meaning with the operator exists; leave it out"
        ),
        (
            #"{"type":"Performs Custom Event","window":1,"custom_event_name":"a","filters":[{"property":"p","operator":"isnt","value":1}]}"#,
            .wrongValue, "filters[0].operator",
            #"must be one of is, is_not, more_than, less_than, exists, found "isnt""#
        ),
    ]

    @Test("what is wrong with a conversion is said with its place and the remedy", arguments: faultRows)
    func faults(text: String, code: DefinitionError.Code, path: String, message: String) throws {
        let error = try #require(throws: DefinitionError.self) { try Self.rule(text) }
        #expect(error == DefinitionError(code, at: path, message))
    }
}
