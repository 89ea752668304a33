import Avro
import Glossary
import Testing

@testable import Intake

/// `POST /v1/currents`: the Custom HTTP envelope.
@Suite struct CurrentsTests {
    private let purchase = """
        {"event_type":"users.behaviors.Purchase","id":"p-1","time":1700000000,\
        "user":{"user_id":"u","external_user_id":"x","device_id":"d","timezone":"Europe/Paris"},\
        "properties":{"product_id":"sku","price":9.5,"currency":"EUR","app_id":"a",\
        "purchase_properties":{"colour":"blue","size":42,"tags":["a",null,1.5,true],"say":"\\"hi\\"\\n"}}}
        """

    @Test("user and properties become flat fields, purchase_properties one JSON string")
    func mapping() async throws {
        let bench = try Bench()
        let answer = await bench.post("{\"events\":[\(purchase)]}", to: .currents)
        #expect(answer.status == 200 && answer.accepted == 1, "\(answer.text)")
        let datum = try #require(try bench.records().first?.datum)
        #expect(datum["external_user_id"] == .string("x"))
        #expect(datum["product_id"] == .string("sku"))
        #expect(datum["user_id"] == .string("u"))
        let properties = #"{"colour":"blue","size":42,"tags":["a",null,1.5,true],"say":"\"hi\"\u000a"}"#
        #expect(datum["properties"] == .string(properties))
    }

    @Test("custom_properties of a custom event likewise")
    func customProperties() async throws {
        let bench = try Bench()
        let event = """
            {"event_type":"users.behaviors.CustomEvent","id":"c","time":1700000000,"user":{"user_id":"u"},\
            "properties":{"name":"watched","app_id":"a","custom_properties":{}}}
            """
        #expect(await bench.post("{\"events\":[\(event)]}", to: .currents).accepted == 1)
        #expect(try bench.records().first?.datum["properties"] == .string("{}"))
    }

    @Test("whole numbers in properties come out as they were sent")
    func integersInProperties() async throws {
        let bench = try Bench()
        let properties = #"{"of":[0,7,-7,10,99,100,-9223372036854775808,9223372036854775807,18446744073709551615]}"#
        let event = """
            {"event_type":"users.behaviors.CustomEvent","id":"c","time":1700000000,"user":{"user_id":"u"},\
            "properties":{"name":"watched","app_id":"a","custom_properties":\(properties)}}
            """
        #expect(await bench.post("{\"events\":[\(event)]}", to: .currents).accepted == 1)
        #expect(try bench.records().first?.datum["properties"] == .string(properties))
    }

    @Test("properties that are null or left out are an empty object, and the other kind is left out")
    func noProperties() async throws {
        for properties in ["", ",\"custom_properties\":null", ",\"purchase_properties\":{\"a\":1}"] {
            let bench = try Bench()
            let event = """
                {"event_type":"users.behaviors.CustomEvent","id":"c","time":1700000000,"user":{"user_id":"u"},\
                "properties":{"name":"watched","app_id":"a"\(properties)}}
                """
            #expect(await bench.post("{\"events\":[\(event)]}", to: .currents).accepted == 1, "\(properties)")
            #expect(try bench.records().first?.datum["properties"] == .string("{}"))
        }
    }

    @Test("an empty body and an empty list are a credential probe", arguments: ["", " \r\n\t ", "{\"events\":[]}"])
    func probe(body: String) async throws {
        let answer = try await Bench().post(body, to: .currents)
        #expect(answer.status == 200 && answer.accepted == 0)
    }

    @Test(
        "an event that cannot be stored becomes a dead letter with its bytes, and the request succeeds",
        arguments: [
            "{\"event_type\":\"users.behaviors.Purchase\",\"id\":\"q\"}",
            "{\"event_type\":\"nobody.knows.This\",\"id\":\"q\", \"user\":{}}",
            "{\"event_type\":\"users.canvas.Entry\",\"time\":\"\\ud800\"}",
            "{\"event_type\":\"users.canvas.Entry\",\"user\":{},\"user\":{}}",
            "{\"event_type\":\"users.canvas.Entry\",\"properties\":null,\"properties\":{}}",
            "{\"event_type\":\"users.canvas.Entry\",\"event_type\":\"users.canvas.Entry\"}",
            "{\"event_type\":\"users.canvas.Entry\",\"zzz\":1,\"properties\":{\"zzz\":2}}",
            "7",
        ]
    )
    func deadLetter(event: String) async throws {
        let bench = try Bench()
        let answer = await bench.post("{\"events\":[\(event), \(purchase)],\"more\":{\"x\":[1,\"}\"]}}", to: .currents)
        #expect(answer.status == 200 && answer.accepted == 1, "\(answer.text)")
        #expect(answer.json["set_aside"]?.integer == 1)
        let letter = try #require(try bench.records().first { $0.type == DeadLetter.typeName })
        #expect(letter.datum["raw"] == .bytes(Array(event.utf8)))
        #expect(letter.datum["source"] == .string("default"))
        let balance = try #require(bench.intake.balances.first)
        #expect(balance.received == 2 && balance.setAside == 1 && balance.rejected == 0 && balance.isBalanced)
    }

    @Test(
        "of a field in user and in properties the one in user counts, in either order, unless it is null",
        arguments: [
            ("\"of user\"", "of user"), ("null", "of properties"), (nil, "of properties"),
        ] as [(String?, String)]
    )
    func fieldInBothParts(inUser: String?, expected: String) async throws {
        let mine = inUser.map { ",\"device_id\":\($0)" } ?? ""
        let parts = [
            "\"user\":{\"user_id\":\"u\"\(mine)}",
            "\"properties\":{\"app_id\":\"a\",\"device_id\":\"of properties\"}",
        ]
        for parts in [parts, parts.reversed()] {
            let bench = try Bench()
            let event = """
                {"event_type":"users.messages.pushnotification.Open","id":"o","time":1700000000,\
                \(parts.joined(separator: ","))}
                """
            let answer = await bench.post("{\"events\":[\(event)]}", to: .currents)
            #expect(answer.accepted == 1, "\(answer.text)")
            #expect(try bench.records().first?.datum["device_id"] == .string(expected))
        }
    }

    @Test("what stands in several parts and is no field of the type is left out, and what the top says counts")
    func unknownInBothParts() async throws {
        let bench = try Bench()
        let event = """
            {"event_type":"users.messages.email.Click","id":"c","time":1700000000,"device_id":"t",\
            "properties":{"device_id":"p","time":1600000000,"email_address":"p@example.com","id":"other"},\
            "user":{"device_id":"u","user_id":"u","email_address":"u@example.com","id":null}}
            """
        let answer = await bench.post("{\"events\":[\(event)]}", to: .currents)
        #expect(answer.accepted == 1, "\(answer.text)")
        let record = try #require(try bench.records().first)
        #expect(record.datum["email_address"] == .string("u@example.com"))
        #expect(record.datum["time"] == .int(1_700_000_000))
        #expect(record.datum["id"] == .string("c"))
    }

    @Test("a key given twice within one part is an error", arguments: ["user", "properties"])
    func doubledWithinPart(part: String) async throws {
        for key in ["device_id", "zzz"] {
            let bench = try Bench()
            let event = """
                {"event_type":"users.messages.pushnotification.Open","id":"o","time":1700000000,\
                "user_id":"u","\(part)":{"\(key)":"1","\(key)":"2"}}
                """
            let answer = await bench.post("{\"events\":[\(event)]}", to: .currents)
            #expect(answer.json["set_aside"]?.integer == 1, "\(answer.text)")
            #expect(try bench.records().first?.datum["code"] == .string("field_doubled"))
        }
    }

    @Test("a number too large for 64 bits or a double stays in purchase_properties as it was sent")
    func oversizedNumber() async throws {
        let bench = try Bench()
        let event = purchase.replacing("42", with: "123456789012345678901234567890,\"far\":[1e400,1.5]")
        #expect(await bench.post("{\"events\":[\(event)]}", to: .currents).accepted == 1)
        guard case .string(let properties)? = try bench.records().first?.datum["properties"] else {
            Issue.record("no properties")
            return
        }
        #expect(properties.contains(#""size":123456789012345678901234567890,"far":[1e400,1.5],"#), "\(properties)")
    }

    @Test("keys written with escapes are the same keys, beside an event that does not parse too")
    func escapedKeys() async throws {
        for bad in ["", "{\"x\":tru},"] {
            let bench = try Bench()
            let event = purchase.replacing("\"user\"", with: "\"\\u0075ser\"")
            let answer = await bench.post("{\"\\u0065vent\\u0073\":[\(bad)\(event)]}", to: .currents)
            #expect(answer.accepted == 1, "\(answer.text)")
        }
    }

    @Test("where a stray quote leaves the envelope open, the answer names the event to look at")
    func strayQuote() async throws {
        let bad = purchase.replacing("\"id\"", with: "\"id")
        let answer = try await Bench().post("{\"events\":[\(purchase),\(bad),\(purchase)]}", to: .currents)
        #expect(answer.status == 400 && answer.errorCode == "not_json")
        let start = 11 + purchase.utf8.count + 1
        #expect(answer.errorMessage.contains("event 1, counted from 0, begins at byte \(start)"), "\(answer.text)")
    }

    @Test("the envelope is lenient even where the source is strict")
    func lenient() async throws {
        let bench = try Bench(strict: true)
        let event = purchase.replacing("Europe/Paris", with: "Nowhere").replacing("\"id\":\"p-1\",", with: "")
        #expect(await bench.post("{\"events\":[\(event)]}", to: .currents).accepted == 1)
    }

    @Test(
        "a body without an array of events is 400",
        arguments: ["[]", "{}", "{\"events\":{}}", "{\"events\":[}", "{\"events\":[],\"events\":[]}", "x"]
    )
    func notAnEnvelope(body: String) async throws {
        #expect(try await Bench().post(body, to: .currents).status == 400)
    }
}
