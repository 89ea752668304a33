import Avro
import Glossary
import Telemetry
import Testing

@testable import Intake

/// `POST /v1/events`: the shapes of a body, and a verdict for each event.
@Suite struct EventsTests {
    private let open = Bench.email

    private func open(_ id: String, _ more: String = "") -> String {
        """
        {"id":"\(id)","time":1700000000,"user_id":"u","email_address":"a@example.com",\
        "event_type":"users.messages.email.Open"\(more)}
        """
    }

    @Test("one object, an array and NDJSON are taken alike")
    func shapes() async throws {
        let bench = try Bench()
        #expect(await bench.post(open).accepted == 1)
        #expect(await bench.post("[\(open("a")), \(open("b"))]").accepted == 2)
        #expect(await bench.post("\(open("c"))\r\n\n\(open("d"))", type: "application/x-ndjson").accepted == 2)
        let records = try bench.records()
        #expect(records.map { $0.datum["id"] } == ["e-1", "a", "b", "c", "d"].map { .string($0) })
        #expect(records.allSatisfy { $0.type == "users.messages.email.Open" })
        #expect(await bench.post("[]").status == 200)
        #expect(await bench.post("", type: "application/x-ndjson").status == 200)
    }

    @Test("a field that is not given or null is null in the record")
    func nulls() async throws {
        let bench = try Bench()
        #expect(await bench.post(open("a", ",\"timezone\":null")).status == 200)
        let record = try #require(try bench.records().first)
        #expect(record.datum["timezone"] == .null)
        #expect(record.datum["campaign_id"] == .null)
        #expect(record.datum["time"] == .int(1_700_000_000))
    }

    @Test("an unknown event type gets the known one that was meant, the first five of a request")
    func unknownTypeHint() async throws {
        let bench = try Bench()
        let slip = "{\"id\":\"x\",\"event_type\":\"users.messages.email.Opened\"}"
        let far = "{\"id\":\"x\",\"event_type\":\"weather\"}"
        let answer = await bench.post("[\(far),\([String](repeating: slip, count: 5).joined(separator: ",")),\(far)]")
        let messages = answer.rejected.compactMap { $0["message"]?.string }
        let unknown = "edition 2021 has no event type \"users.messages.email.Opened\""
        let hint = "\(unknown); did you mean users.messages.email.Open?"
        #expect(messages[1..<5].allSatisfy { $0 == hint })
        #expect(messages[0] == "edition 2021 has no event type \"weather\"; GET /v1/glossary lists them")
        #expect(messages[5].hasSuffix("; GET /v1/glossary lists them") && messages[6] == messages[0])
    }

    @Test(
        "what is wrong with an event is said with code, field and id",
        arguments: [
            ("{\"id\":\"x\"}", "event_type_missing", "event_type", "x"),
            ("{\"event_type\":7,\"id\":\"x\"}", "field_wrong_type", "event_type", "x"),
            ("{\"event_type\":\"users.messages.email.Opened\",\"id\":\"x\"}", "event_type_unknown", "event_type", "x"),
            (
                "{\"event_type\":\"users.messages.email.Open\",\"id\":\"x\",\"user_id\":\"u\",\"time\":1700000000}",
                "field_missing", "email_address", "x"
            ),
            (
                "{\"event_type\":\"users.canvas.Entry\",\"id\":\"x\",\"user_id\":\"u\",\"time\":\"1700000000\"}",
                "field_wrong_type", "time", "x"
            ),
            (
                "{\"event_type\":\"users.canvas.Entry\",\"id\":\"x\",\"id\":\"y\",\"user_id\":\"u\"}", "field_doubled",
                "id",
                "x"
            ),
            ("{\"event_type\":\"users.canvas.Entry\",\"id\":5}", "field_wrong_type", "id", nil),
        ] as [(String, String, String, String?)]
    )
    func reasons(event: String, code: String, field: String, id: String?) async throws {
        let bench = try Bench()
        let answer = await bench.post("[\(open),\(event)]")
        #expect(answer.status == 207)
        let rejected = try #require(answer.json["rejected"]?.array?.first)
        #expect(rejected["index"]?.integer == 1)
        #expect(rejected["code"]?.string == code)
        #expect(rejected["field"]?.string == field)
        #expect(rejected["id"]?.string == id)
        #expect((rejected["message"]?.string ?? "").count > 10)
        #expect(bench.journal.kept.count == 1)
    }

    @Test("an item that is no object is rejected, and the others go in")
    func notAnObject() async throws {
        let answer = try await Bench().post("[1,\(open)]")
        #expect(answer.codes == ["not_an_object"])
        #expect(answer.accepted == 1)
    }

    @Test("200 nothing rejected, 207 some, 422 all")
    func statuses() async throws {
        let bench = try Bench()
        #expect(await bench.post("[\(open("a"))]").status == 200)
        #expect(await bench.post("[\(open("b")),{}]").status == 207)
        #expect(await bench.post("[{},{}]").status == 422)
        #expect(await bench.post("{}").status == 422)
        // A duplicate counts as in.
        #expect(await bench.post("[\(open("a"))]").status == 200)
    }

    @Test("accepted leaves duplicates out, within one request too")
    func duplicates() async throws {
        let bench = try Bench()
        let answer = await bench.post("[\(open("a")),\(open("a")),\(open("b"))]")
        #expect(answer.accepted == 2 && answer.duplicates == 1)
        let again = await bench.post("[\(open("b")),\(open("c"))]")
        #expect(again.accepted == 1 && again.duplicates == 1)
        let balance = try #require(bench.intake.balances.first)
        #expect(balance.received == 5 && balance.accepted == 3 && balance.duplicates == 2 && balance.isBalanced)
    }

    @Test("the same id is no repeat in another event type")
    func identityHoldsTheType() async throws {
        let bench = try Bench()
        let click = open("a").replacing("email.Open", with: "email.Click")
        #expect(await bench.post("[\(open("a")),\(click)]").accepted == 2)
    }

    @Test(
        "what simdjson refuses in one event costs the others nothing",
        arguments: [
            "{\"event_type\":\"users.canvas.Entry\",\"x\":\"\\ud800\"}",
            "{\"event_type\":\"users.canvas.Entry\",\"x\":1e400,\"y\":0123456789012345678901}",
            "{\"event_type\":\"users.canvas.Entry\",\"x\":01}",
            "{\"event_type\":\"users.canvas.Entry\",\"x\":\"\u{1}\"}",
            "{\"event_type\":\"users.canvas.Entry\",\"x\":tru}",
        ]
    )
    func oneBadEvent(event: String) async throws {
        for type in ["application/json", "application/x-ndjson"] {
            let bench = try Bench()
            let body =
                type == "application/json"
                ? "[\(open("a")),\(event),\(open("b"))]" : "\(open("a"))\n\(event)\n\(open("b"))"
            let answer = await bench.post(body, type: type)
            #expect(answer.accepted == 2, "\(type): \(answer.text)")
            #expect(answer.codes == ["malformed_json"])
            #expect(answer.json["rejected"]?.array?.first?["index"]?.integer == 1)
        }
    }

    @Test("a bad UTF-8 byte in one event costs the others nothing")
    func badUTF8() async throws {
        let bench = try Bench()
        var body = Array("[\(open("a")),{\"event_type\":\"".utf8)
        body.append(0xFF)
        body.append(contentsOf: "\"},\(open("b"))]".utf8)
        let answer = await bench.post(body)
        #expect(answer.accepted == 2 && answer.codes == ["malformed_json"])
    }

    @Test("in NDJSON a stray quote costs only its own line")
    func strayQuote() async throws {
        let bench = try Bench()
        let bad = open("b").replacing("\"id\"", with: "\"id")
        let answer = await bench.post("\(open("a"))\n\(bad)\n\(open("c"))", type: "application/x-ndjson")
        #expect(answer.accepted == 2 && answer.codes == ["malformed_json"])
        #expect(answer.rejected.first?["index"]?.integer == 1)
    }

    @Test("an array that a stray quote leaves open is 400 and says which event to look at")
    func arrayAstray() async throws {
        let bench = try Bench()
        let body = "[\(open("a")),\(open("b").replacing("\"id\"", with: "\"id")),\(open("c"))]"
        let answer = await bench.post(body)
        #expect(answer.status == 400 && answer.errorCode == "not_json" && bench.journal.kept.isEmpty)
        let start = 1 + open("a").utf8.count + 1
        #expect(answer.errorMessage.contains("event 1, counted from 0, begins at byte \(start)"), "\(answer.text)")
    }

    @Test("one object that does not parse gets its verdict like one of many", arguments: ["\\ud800", "\u{1}", "\\q"])
    func onlyObject(text: String) async throws {
        let bench = try Bench()
        let answer = await bench.post(open("a", ",\"timezone\":\"\(text)\""))
        #expect(answer.status == 422 && answer.codes == ["malformed_json"], "\(answer.text)")
        #expect(bench.intake.balances.first?.rejected == 1)
    }

    @Test("a byte order mark before the events is passed over")
    func byteOrderMark() async throws {
        let bench = try Bench()
        #expect(await bench.post("\u{FEFF}\(open("a"))").accepted == 1)
        #expect(await bench.post("\u{FEFF}\(open("b"))\n\(open("c"))", type: "application/x-ndjson").accepted == 2)
        #expect(await bench.post("\u{FEFF}{\"events\":[]}", to: .currents).status == 200)
        #expect(await bench.post("\u{FEFF}").errorCode == "not_json")
    }

    @Test("lines that only parse together are not NDJSON")
    func mergedLines() async throws {
        let bench = try Bench()
        let answer = await bench.post("\(open("a"))\(open("b"))\n", type: "application/x-ndjson")
        #expect(answer.accepted == 0 && answer.codes == ["malformed_json"])
        let split = open("c").replacing(",\"time\"", with: ",\n\"time\"")
        let other = await bench.post("\(split)\n\(open("d"))", type: "application/x-ndjson")
        #expect(other.accepted == 1 && other.codes == ["malformed_json", "malformed_json"])
    }

    @Test("as many events as lines are not NDJSON either where they do not stand one to a line")
    func unevenLines() async throws {
        let bench = try Bench()
        let split = open("c").replacing(",\"time\"", with: ",\n\"time\"")
        let body = "\(open("a"))\(open("b"))\n\(split)\n"
        let answer = await bench.post(body, type: "application/x-ndjson")
        #expect(answer.accepted == 0 && answer.codes == Array(repeating: "malformed_json", count: 3), "\(answer.text)")
        let crossed = "\(split)\(open("d"))\n"
        let other = await bench.post(crossed, type: "application/x-ndjson")
        #expect(other.accepted == 0 && other.codes == ["malformed_json", "malformed_json"], "\(other.text)")
        let indented = " \t\(open("e")) \r\n\n  \r\n\t\(open("f"))"
        #expect(await bench.post(indented, type: "application/x-ndjson").accepted == 2)
    }

    @Test(
        "a body that is not JSON is answered 400 and nothing of it goes in",
        arguments: ["", "   ", "{", "[", "nonsense", "[{\"a\":1}", "{\"a\":\"", "[1,]2", "{}{}", "]"]
    )
    func notJSON(body: String) async throws {
        let bench = try Bench()
        let answer = await bench.post(body)
        #expect(answer.status == 400, "\(answer.text)")
        #expect(answer.errorCode == "not_json")
        #expect(bench.journal.kept.isEmpty)
    }

    @Test("event_type may stand anywhere")
    func typeAnywhere() async throws {
        let bench = try Bench()
        let event = open("a").replacing("\"event_type\":\"users.messages.email.Open\"", with: "\"timezone\":null")
        let name = "\"event_type\":\"users.messages.email.Open\""
        for (id, body) in [
            ("first", event.replacing("{", with: "{\(name),")), ("last", event.replacing("}", with: ",\(name)}")),
        ] {
            #expect(await bench.post(body.replacing("\"a\"", with: "\"\(id)\"")).accepted == 1)
        }
    }

    @Test("statement 17: InboundReceived, the name on the page, is stored as InboundReceive, and both are one event")
    func alias() async throws {
        let bench = try Bench()
        let event = """
            {"id":"a","user_id":"u","time":1700000000,"user_phone_number":"+15551234567","inbound_phone_number":"12345",\
            "action":"none","message_body":"hi","app_group_id":"g","event_type":"users.messages.sms.InboundReceived"}
            """
        let answer = await bench.post(event)
        #expect(answer.accepted == 1, "\(answer.text)")
        #expect(try bench.records().first?.type == "users.messages.sms.InboundReceive")
        let canonical = event.replacing("InboundReceived", with: "InboundReceive")
        #expect(await bench.post(canonical).duplicates == 1)
    }

    @Test("unknown fields are counted and left out, or rejected if the source says so")
    func unknownFields() async throws {
        let lenient = try Bench()
        let taken = await lenient.post(open("a", ",\"zzz\":{\"deep\":[1]},\"yyy\":1"))
        #expect(taken.accepted == 1)
        let leftOut = #"[{"field":"zzz","events":1},{"field":"yyy","events":1}]"#
        #expect(taken.text == #"{"accepted":1,"duplicates":0,"left_out":\#(leftOut),"rejected":[]}"#)
        #expect(await lenient.post(open("c")).text == #"{"accepted":1,"duplicates":0,"rejected":[]}"#)
        let many = (0..<30).map { ",\"\(String(repeating: "n", count: 100 + $0))\":1" }.joined()
        let cut = await lenient.post("[\(open("d", many)),\(open("e", many))]").json["left_out"]?.array ?? []
        #expect(cut.count == 20 && cut.allSatisfy { $0["events"] == .number("2") })
        #expect(cut.allSatisfy { ($0["field"]?.string ?? "").utf8.count <= 80 })
        let strict = try Bench(strict: false, unknown: .reject)
        let answer = await strict.post(open("a", ",\"zzz\":1"))
        #expect(answer.codes == ["field_unknown"] && strict.journal.kept.isEmpty)
        #expect(await lenient.post(open("b", ",\"zzz\":1,\"zzz\":2")).codes == ["field_doubled"])
    }

    @Test(
        "an unknown field given twice is found among any number, and each is counted by its name, however long that is",
        arguments: [1, 15, 16, 17, 31, 33, 64, 65, 400],
        ["own_", "own_and_longer_", "own_\(String(repeating: "and_longer_", count: 6))"]
    )
    func doubledUnknown(count: Int, stem: String) async throws {
        let bench = try Bench()
        let others = (0..<count).map { ",\"\(stem)\($0)\":1" }.joined()
        for doubled in [0, count - 1] {
            let answer = await bench.post(open("a", others + ",\"\(stem)\(doubled)\":2"))
            #expect(answer.codes == ["field_doubled"], "\(answer.text)")
        }
        #expect(await bench.post("[\(open("b", others)),\(open("c", others))]").accepted == 2)
        let counts = bench.metrics.prometheusText().split(separator: "\n")
            .filter { $0.hasPrefix("courant_intake_unknown_fields_total{") && $0.contains("\"\(stem)") }
        #expect(counts.count == count && counts.allSatisfy { $0.hasSuffix("} 2") }, "\(counts)")
    }

    @Test("numbers keep to their type's range")
    func numbers() async throws {
        let bench = try Bench(strict: false, edition: "v10")
        func purchase(_ price: String) -> String {
            """
            {"event_type":"users.behaviors.Purchase","id":"p-\(price.count)","user_id":"u","time":1700000000,\
            "product_id":"p","price":\(price),"currency":"EUR","properties":"{}"}
            """
        }
        #expect(await bench.post(purchase("12.5")).accepted == 1)
        #expect(await bench.post(purchase("12")).accepted == 1)
        #expect(await bench.post(purchase("1e300")).codes == ["number_out_of_range"])
        #expect(await bench.post(purchase("\"12\"")).codes == ["field_wrong_type"])
    }
}
