import Glossary
import Testing

@Suite("Reading a glossary's text")
struct ParserTests {
    private static let head = """
        describe id user -- The id.
        describe time user rule ten-digit-time -- The time.
        describe tag event -- A tag.
        edition 1
        type a.B
        title B
        section s
        occurs Now.
        field id string
        field time int

        """

    private func fault(_ text: String) -> GlossaryError? {
        do {
            _ = try Glossary(parsing: text)
            return nil
        } catch {
            return error
        }
    }

    @Test("a field or an edition is added by adding lines")
    func grows() throws {
        let text =
            ParserTests.head + "field tag array<string?>? personal page 7 -- Tags of its own.\r\n"
            + "\tchannels In-App Messages, Web\n  alias a.Bee\n# a comment\nedition v2\ntype a.B\ntitle B\nsection s\n"
            + "occurs Then.\nfield id string\nfield time long rule none\nfield tag string"
        let glossary = try Glossary(parsing: text)
        #expect(glossary.editions.map(\.name) == ["1", "v2"])
        let type = try #require(glossary.edition("1")?.type(named: "a.Bee"))
        let tag = try #require(type.field(named: "tag"))
        #expect(tag.type == .stringArray(nullableItems: true) && !tag.isRequired && tag.isPersonal && tag.page == 7)
        #expect(tag.description == "Tags of its own." && type.channels.map(\.slug) == ["in-app-messages", "web"])
        let newer = try #require(glossary.edition("v2")?.type(named: "a.B"))
        #expect(newer.field(named: "tag")?.description == "A tag.")
        #expect(newer.field(named: "time")?.rule == nil && type.field(named: "time")?.rule == .tenDigitTime)
        #expect(glossary.edition("v2")?.type(named: "a.Bee") == nil && glossary.edition("3") == nil)
    }

    @Test(
        "a fault names its line and what was expected",
        arguments: [
            ("fields tag string", 11, "no word of the format"),
            ("field tag text", 11, "expected string, int"),
            ("field tag", 11, "expected `field NAME TYPE"),
            ("field colour string", 11, "describe colour GROUP"),
            ("field tag string page x", 11, "expected a number"),
            ("field tag string page", 11, "expected a number"),
            ("field tag string secret", 11, "not expected here"),
            ("field tag string rule", 11, "expected a rule"),
            ("field tag string rule postcode", 11, "is no rule"),
            ("field tag string rule ten-digit-time", 11, "does not suit"),
            ("field tag boolean rule phone", 11, "does not suit"),
            ("field time int", 11, "twice"),
            ("title C", 11, "twice"),
            ("title", 11, "expected a text"),
            ("channels a,,b", 11, "commas"),
            ("channels a, a", 11, "different tags"),
            ("alias a.B", 11, "twice in this edition"),
            ("alias nodots", 11, "at least two names"),
            ("rule be-nice", 11, "no rule of a type"),
            ("describe id user -- Again.", 11, "described twice"),
            ("describe new someone -- Text.", 11, "expected user, tracking or event"),
            ("describe 1st user -- Text.", 11, "no name of a field"),
            ("describe new user", 11, "expected `describe"),
            ("describe new user --", 11, "expected `describe"),
            ("edition 1", 11, "stands twice"),
            ("edition", 11, "expected `edition NAME`"),
            ("edition a b", 11, "expected `edition NAME`"),
            ("edition 2", 11, "has no types"),
            ("type a.B", 11, "twice in this edition"),
            ("type courant.DeadLetter", 11, "kept for the system"),
            ("type a.1", 11, "no name of a type"),
            ("type a..b", 11, "no name of a type"),
            ("type a.C", 11, "has no title"),
            ("type a.C\ntitle C\nsection s", 11, "has no occurs"),
            ("type a.C\ntitle C\nsection s\noccurs Now.\nfield id string?\nfield time int", 11, "`field id string`"),
            ("type a.C\ntitle C\nsection s\noccurs Now.\nfield id string", 11, "`field time int`"),
            (String(repeating: "x", count: 5000), 11, "at most 4096 bytes"),
        ]
    )
    func faults(line: String, number: Int, words: String) throws {
        let found = fault(ParserTests.head + line)
        let fault = try #require(found)
        #expect(fault.line == number)
        #expect(fault.message.contains(words), "\(fault)")
    }

    @Test("what stands in no edition or type is a fault")
    func misplaced() {
        for text in ["type a.B", "field id string", "title B", ""] { #expect(fault(text) != nil, "\(text)") }
    }

    @Test("limits hold: 250 fields in a type, 4,096 types in an edition")
    func limits() throws {
        var text = (0..<249).map { "describe f\($0) event -- Text.\n" }.joined() + ParserTests.head
        text += (0..<248).map { "field f\($0) string\n" }.joined()
        #expect(fault(text) == nil)
        #expect(fault(text + "field f248 string")?.code == .tooLarge)
        let types = (0..<4096).map {
            "type a.T\($0)\ntitle T\nsection s\noccurs Now.\nfield id string\nfield time int\n"
        }
        #expect(fault(ParserTests.head + types.dropLast().joined()) == nil)
        #expect(fault(ParserTests.head + types.joined())?.code == .tooLarge)
    }

    @Test("mutilated texts give a glossary or a fault with a line, never a trap", arguments: [1, 2, 3, 4] as [UInt64])
    func mutilated(seed: UInt64) throws {
        var state = seed
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let whole = Array((ParserTests.head + "field tag array<string>? personal page 3 -- Own.\nchannels A, B\n").utf8)
        for _ in 0..<1000 {
            var text = whole
            for _ in 0...draw(4) {
                let position = draw(text.count)
                switch draw(4) {
                case 0: text.removeSubrange(position..<min(text.count, position + draw(20)))
                case 1: text.insert(UInt8(draw(256)), at: position)
                case 2: text.insert(contentsOf: text[draw(position + 1)...].prefix(30), at: position)
                default: text[position] = UInt8(draw(256))
                }
                if text.isEmpty { text = whole }
            }
            let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
            if let fault = fault(String(decoding: text, as: UTF8.self)) {
                #expect(1...lines ~= fault.line && !fault.message.isEmpty)
            }
        }
    }
}
