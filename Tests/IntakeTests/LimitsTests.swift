import Avro
import CSimdjson
import Glossary
import Testing

@testable import Intake

/// Sizes, times and encodings: what is set aside, what is refused whole.
@Suite struct LimitsTests {
    private func entry(_ id: String, bytes: Int) -> String {
        let head = """
            {"event_type":"users.canvas.Entry","id":"\(id)","user_id":"u","time":1700000000,"canvas_id":"c",\
            "canvas_variation_id":"v","in_control_group":false,"canvas_name":"
            """
        return head + String(repeating: "x", count: bytes - head.utf8.count - 2) + "\"}"
    }

    @Test("statement 6: an event of 900,000 bytes is taken, one of 900,001 set aside with its bytes and reported")
    func size() async throws {
        for strict in [false, true] {
            let bench = try Bench(strict: strict)
            #expect(await bench.post(entry("fits", bytes: 900_000)).accepted == 1)
            let large = entry("large", bytes: 900_001)
            let answer = await bench.post("[\(entry("a", bytes: 400)),\(large),\(entry("b", bytes: 400))]")
            #expect(answer.status == 207 && answer.accepted == 2)
            #expect(answer.codes == ["size_over_limit"])
            #expect(answer.rejected.first?["id"]?.string == "large")
            let letters = try bench.records().filter { $0.type == DeadLetter.typeName }
            #expect(letters.map { $0.datum["raw"] } == [.bytes(Array(large.utf8))])
            let balance = try #require(bench.intake.balances.first)
            #expect(balance.setAside == 1 && balance.rejected == 0 && balance.isBalanced)
        }
    }

    @Test("of many rejected events the first thousand are told about, the others by their places", arguments: [0, 1])
    func manyRejected(more: Int) async throws {
        let bench = try Bench()
        let good = entry("good", bytes: 300)
        let answer = await bench.post(
            "[\(good),\(Array(repeating: "{}", count: 1_000 + 500 * more).joined(separator: ","))]"
        )
        #expect(answer.status == 207 && answer.accepted == 1 && answer.rejected.count == 1_000)
        #expect(answer.rejected.last?["index"] == .number("1000"))
        let others = answer.json["also_rejected"]?.array
        #expect(others == (more == 0 ? nil : (1_001...1_500).map { .number("\($0)") }))
    }

    @Test(
        "of a sender's texts an answer has so many bytes each, not so many characters",
        arguments: ["i", "\u{301}", "\\u0001"]
    )
    func quotedTexts(letter: String) async throws {
        let bench = try Bench(strict: true, unknown: .reject)
        let long = "e" + String(repeating: letter, count: 50_000)
        let faults = [
            "{\"event_type\":\"\(long)\",\"id\":\"\(long)\"}",
            "{\"event_type\":\"users.canvas.Entry\",\"id\":\"\(long)\",\"\(long)\":1}",
        ]
        for fault in faults {
            let answer = await bench.post(fault)
            let rejected = try #require(answer.rejected.first)
            let id = try #require(rejected["id"]?.string)
            #expect(id.utf8.count <= 80 && id.utf8.first == UInt8(ascii: "e") && id.hasSuffix("…"))
            #expect(rejected["index"]?.integer == 0)
            #expect(rejected["field"]?.string?.utf8.count ?? 0 <= 80)
            #expect(answer.body.count < 2_000, "\(answer.body.count)")
        }
    }

    @Test("an answer about events has a bound, whatever they are, and a brief form that names the same places")
    func largestAnswer() async throws {
        let bench = try Bench(strict: true, unknown: .reject)
        let text = String(repeating: "\\u0001", count: 80)
        let event = "{\"event_type\":\"users.canvas.Entry\",\"id\":\"\(text)\",\"\(text)\":1}"
        let many = Array(repeating: event, count: 1_500) + Array(repeating: "{}", count: 98_000)
        let body = "[\(many.joined(separator: ","))]"
        let request = IntakeRequest(source: "default", format: .events, body: Body(Array(body.utf8)))
        let answer = await bench.intake.answer(request)
        #expect(answer.status == 422)
        #expect(answer.body.count < 1_800_000, "\(answer.body.count)")
        let whole = Answer(status: 422, retryAfter: nil, body: answer.body)
        let brief = Answer(status: 422, retryAfter: nil, body: try #require(answer.brief))
        for told in [whole, brief] {
            let places = told.rejected.map { $0["index"] } + (told.json["also_rejected"]?.array ?? [])
            #expect(places == (0..<99_500).map { .number("\($0)") })
        }
        #expect((500...999).contains(whole.rejected.count) && brief.rejected.isEmpty)
        #expect(brief.json["accepted"]?.integer == 0 && brief.json["duplicates"]?.integer == 0)
        let small = IntakeRequest(source: "default", format: .events, body: Body(Array("[{},{}]".utf8)))
        #expect(await bench.intake.answer(small).brief == nil)
    }

    @Test("a body of more than an event's limit whose events are small goes in whole", arguments: [false, true])
    func manySmall(lines: Bool) async throws {
        let bench = try Bench()
        let events = (0..<3_000).map { entry("id-\($0)", bytes: 500) }
        let body = lines ? events.joined(separator: "\n") : "[" + events.joined(separator: " , ") + "]"
        let answer = await bench.post(body, type: lines ? "application/x-ndjson" : "application/json")
        #expect(answer.accepted == 3_000, "\(answer.text.prefix(300))")
    }

    @Test("an event ends where its own bracket closes, whatever its texts hold and wherever in a word they stand")
    func endsOfEvents() async throws {
        let texts = [#"\"}],[{"#, #"\\"#, #"}]"#, #"{["#, #"\\\"}"#, "é}]{", #"}\\"#, ""]
        var names: [String] = []
        var events: [String] = []
        for (index, text) in texts.enumerated() {
            for before in 0..<17 {
                for behind in [0, 3, 8] {
                    let name = String(repeating: "x", count: before) + text + String(repeating: "y", count: behind)
                    names.append(name)
                    events.append(
                        """
                        {"event_type":"users.canvas.Entry","id":"\(index)-\(before)-\(behind)","user_id":"u",\
                        "time":1700000000,"canvas_id":"c","canvas_variation_id":"v","in_control_group":false,\
                        "canvas_name":"\(name)"}
                        """
                    )
                }
            }
        }
        // One that does not parse: then each event is looked for by itself.
        events.insert("{\"id\":nothing}", at: 100)
        let bench = try Bench()
        let answer = await bench.post("[" + events.joined(separator: ", ") + "]")
        #expect(answer.accepted == names.count, "\(answer.text.prefix(300))")
        #expect(answer.codes == [Rejection.Code.malformed])
        #expect(answer.rejected.first?["index"]?.integer == 100)
        let plain = names.map { $0.replacing(#"\""#, with: "\"").replacing(#"\\"#, with: #"\"#) }
        #expect(try bench.records().map { $0.datum["canvas_name"] } == plain.map { .string($0) })
    }

    @Test("lines of a large body are taken like those of small ones, wherever they end", arguments: ["\n", "\r\n \n"])
    func manyLines(end: String) async throws {
        let lines = "application/x-ndjson"
        // Some 2 MB: three pieces.
        let good = (0..<4_000).map { entry("id-\($0)", bytes: 400 + $0 % 150) }
        let small = try Bench()
        for start in stride(from: 0, to: good.count, by: 500) {
            _ = await small.post(good[start..<start + 500].joined(separator: end), type: lines)
        }
        let wanted = small.journal.kept.map(\.datum)
        #expect(wanted.count == 4_000)
        for bad in [nil, 0, 1_900, 3_999] as [Int?] {
            let bench = try Bench()
            var events = good
            if let bad { events[bad] = "{" }
            let answer = await bench.post(events.joined(separator: end), type: lines)
            #expect(answer.rejected.map { $0["index"]?.integer } == (bad.map { [Int64($0)] } ?? []))
            var expected = wanted
            if let bad { expected.remove(at: bad) }
            #expect(bench.journal.kept.map(\.datum) == expected)
        }
    }

    @Test("time outside 32-bit seconds is set aside in every source; milliseconds are named as the likely mistake")
    func time() async throws {
        for strict in [false, true] {
            let bench = try Bench(strict: strict)
            let event = entry("a", bytes: 400).replacing("1700000000", with: "1700000000123")
            let answer = await bench.post("[\(event)]")
            #expect(answer.status == 422 && answer.codes == ["time_out_of_range"])
            #expect(answer.text.contains("milliseconds"))
            let letter = try #require(try bench.records().first)
            #expect(letter.type == DeadLetter.typeName)
            #expect(letter.datum["raw"] == .bytes(Array(event.utf8)))
            #expect(letter.datum["code"] == .string("time_out_of_range"))
        }
    }

    @Test(
        "a time that cannot be stored is set aside whatever else is wrong with the event, in whatever order",
        arguments: [
            "\"id\":\"a\",\"canvas_id\":\"c\",\"time\":1700000000123",
            "\"canvas_id\":\"c\",\"user_id\":\"u\",\"time\":1.7e12",
            "\"id\":\"a\",\"user_id\":\"u\",\"zzz\":1,\"time\":18446744073709551615",
            "\"id\":\"a\",\"user_id\":7,\"canvas_id\":false,\"time\":-99999999999",
            "\"id\":\"a\",\"id\":\"a\",\"user_id\":\"u\",\"time\":123456789012345678901234567890",
        ]
    )
    func timeBesideOtherFaults(fields: String) async throws {
        for strict in [false, true] {
            let bench = try Bench(strict: strict, unknown: .reject)
            let event = "{\"event_type\":\"users.canvas.Entry\",\(fields)}"
            let answer = await bench.post("[\(event)]")
            #expect(answer.codes == ["time_out_of_range"], "\(answer.text)")
            let letter = try #require(try bench.records().first)
            #expect(letter.datum["raw"] == .bytes(Array(event.utf8)))
            let balance = try #require(bench.intake.balances.first)
            #expect(balance.setAside == 1 && balance.rejected == 0 && balance.isBalanced)
            // A time of another kind is a fault like any other.
            let text = event.replacing(/"time":[^,}]+/, with: "\"time\":\"1700000000123\"")
            #expect(await bench.post("[\(text)]").codes != ["time_out_of_range"])
            #expect(bench.intake.balances.first?.rejected == 1)
        }
    }

    @Test("the largest and smallest 32-bit times are stored, those beside them set aside")
    func timeEdges() async throws {
        let bench = try Bench()
        for (time, isStored) in [
            ("2147483647", true), ("2147483648", false), ("-2147483648", true), ("-2147483649", false),
            ("18446744073709551615", false),
        ] {
            let event = entry("t\(time)", bytes: 400).replacing("1700000000", with: time)
            #expect(await bench.post(event).accepted == (isStored ? 1 : 0), "\(time)")
        }
    }

    @Test(
        "a time outside 32-bit seconds is set aside with its bytes however it is written",
        arguments: [
            "123456789012345678901234567890", "-9223372036854775809", "1e400", "-1e400", "1.7e12", "1700000000123.5",
            "2147483647.5", "1700000000123",
        ]
    )
    func timeAsSent(time: String) async throws {
        let event = entry("a", bytes: 400).replacing("1700000000", with: time)
        for body in [event, "[\(event)]", "{\"events\":[\(event)]}"] {
            let bench = try Bench()
            let isEnvelope = body.hasPrefix("{\"events\"")
            let answer = await bench.post(body, to: isEnvelope ? .currents : .events)
            #expect(answer.status == (isEnvelope ? 200 : 422), "\(answer.text)")
            let letter = try #require(try bench.records().first)
            #expect(letter.type == DeadLetter.typeName)
            #expect(letter.datum["code"] == .string("time_out_of_range"))
            #expect(letter.datum["raw"] == .bytes(Array(event.utf8)))
            guard !isEnvelope else { continue }
            #expect(answer.codes == ["time_out_of_range"])
            #expect(answer.rejected.first?["id"]?.string == "a")
            #expect(answer.rejected.first?["field"]?.string == "time")
            #expect(answer.text.contains("milliseconds") == (time.hasPrefix("1.7e12") || time.hasPrefix("1700")))
        }
    }

    @Test("a whole number is an integer however it is written; one with a fraction is not")
    func wholeNumbers() async throws {
        let bench = try Bench()
        for (id, time) in [("a", "1700000000.0"), ("b", "1.7e9"), ("c", "17e8"), ("d", "1700000000")] {
            let event = entry(id, bytes: 400).replacing("1700000000", with: time)
            #expect(await bench.post(event).accepted == 1, "\(time)")
        }
        #expect(try bench.records().map { $0.datum["time"] } == Array(repeating: .int(1_700_000_000), count: 4))
        for time in ["1.5", "1700000000.25"] {
            let answer = await bench.post(entry("e", bytes: 400).replacing("1700000000", with: time))
            #expect(answer.codes == ["field_wrong_type"], "\(time): \(answer.text)")
            #expect(answer.rejected.first?["field"]?.string == "time")
        }
        let strict = entry("f", bytes: 400).replacing("1700000000", with: "1.7e8")
        #expect(try await Bench(strict: true).post(strict).codes == ["time_not_ten_digits"])
    }

    @Test("a number too large names its field, and in a field that is not stored it spoils nothing")
    func oversizedNumbers() async throws {
        let bench = try Bench()
        for number in ["123456789012345678901234567890", "1e400", "-1.5E+999"] {
            func posted(_ old: String, _ new: String) async -> Answer {
                await bench.post(entry("a\(number)", bytes: 400).replacing(old, with: new))
            }
            let text = await posted("\"c\"", number)
            #expect(text.codes == ["field_wrong_type"], "\(text.text)")
            #expect(text.rejected.first?["field"]?.string == "canvas_id")
            #expect(text.rejected.first?["message"]?.string == "canvas_id is a string, not a number")
            let flag = await posted("false", number)
            #expect(flag.codes == ["field_wrong_type"] && flag.rejected.first?["field"]?.string == "in_control_group")
            let more = "\"zzz\":[\(number),\"\(number)\"],\"yyy\":{\"\\\"\":\(number)}"
            let unknown = await posted("false", "false,\(more)")
            #expect(unknown.accepted == 1, "\(unknown.text)")
        }
        let purchase = """
            {"event_type":"users.behaviors.Purchase","id":"p","user_id":"u","time":1700000000,"app_id":"a",\
            "product_id":"p","price":1e400,"currency":"EUR","properties":"{}"}
            """
        let price = await bench.post(purchase)
        #expect(price.codes == ["number_out_of_range"] && price.rejected.first?["field"]?.string == "price")
        #expect(price.text.contains("1e400"))
    }

    @Test("an event too large is reported with its id, wherever that stands and however it is written")
    func idOfTooLarge() async throws {
        let rest = String(repeating: "x", count: 900_000)
        for (event, id) in [
            ("{\"a\":{\"id\":\"no\"},\"b\":\"\(rest)\",\"id\":\"y\\u0065s\"}", "yes"),
            ("{ \"i\\u0064\" : \"yes\" , \"b\":\"\(rest)\"}", "yes"), ("{\"id\":7,\"b\":\"\(rest)\"}", nil),
            ("{\"b\":\"\(rest)\"}", nil),
        ] as [(String, String?)] {
            let answer = try await Bench().post("[\(event)]")
            #expect(answer.codes == ["size_over_limit"])
            #expect(answer.rejected.first?["id"]?.string == id)
        }
    }

    @Test("a strict source wants ten digits of time")
    func tenDigits() async throws {
        let event = entry("a", bytes: 400).replacing("1700000000", with: "170000000")
        #expect(try await Bench(strict: true).post(event).codes == ["time_not_ten_digits"])
        #expect(try await Bench(strict: false).post(event).accepted == 1)
    }

    // MARK: - Encodings

    @Test(
        "gzip, deflate (with zlib's header or bare) and zstd are undone",
        arguments: ["gzip", "deflate", "raw", "zstd"]
    )
    func encodings(encoding: String) async throws {
        let bench = try Bench()
        let events = "[" + (0..<200).map { entry("id-\($0)", bytes: 500) }.joined(separator: ",") + "]"
        let body = Packing.pack(Array(events.utf8), encoding)
        let header = encoding == "raw" ? "deflate" : encoding
        #expect(await bench.post(body, encoding: header).accepted == 200)
        // Every cut is an error of the sender's, and never a crash. So is many a flip: where a checksum is behind the
        // body, all but those in its head that mean nothing.
        for cut in stride(from: 0, to: body.count, by: max(1, body.count / 50)) {
            let answer = await bench.post(Array(body[0..<cut]), encoding: header)
            let isNothing = cut == 0 && encoding != "zstd"
            #expect(answer.status == 400 && answer.errorCode == (isNothing ? "not_json" : "encoding_broken"), "\(cut)")
            var flipped = body
            flipped[cut] ^= 0x10
            let other = await bench.post(flipped, encoding: header)
            switch encoding {
            case "gzip", "deflate": #expect(other.errorCode == "encoding_broken" || other.duplicates == 200, "\(cut)")
            default: #expect([400, 413, 422, 207, 200].contains(other.status), "\(cut): \(other.text.prefix(200))")
            }
        }
        #expect(bench.intake.balances.first?.isBalanced == true)
    }

    @Test("a zstd body may ask for a window of 8 MiB, and an eighth more is refused whatever is in it")
    func zstdWindow() async throws {
        let bench = try Bench()
        let event = Array(entry("a", bytes: 400).utf8)
        // A frame of one block that is not compressed; its second byte is the window's exponent and its eighths.
        func frame(window: UInt8) -> [UInt8] {
            let block = event.count << 3 | 1
            return [0x28, 0xB5, 0x2F, 0xFD, 0, window, UInt8(block & 0xFF), UInt8(block >> 8), 0] + event
        }
        #expect(await bench.post(frame(window: (23 - 10) << 3), encoding: "zstd").accepted == 1)
        for window in [(23 - 10) << 3 | 1, (24 - 10) << 3, (31 - 10) << 3] as [UInt8] {
            let answer = await bench.post(frame(window: window), encoding: "zstd")
            #expect(answer.status == 400 && answer.errorCode == "encoding_broken", "\(window): \(answer.text)")
        }
    }

    @Test("a body that swells past the limit is 413, however small it came", arguments: ["gzip", "deflate", "zstd"])
    func bombs(encoding: String) async throws {
        let bench = try Bench()
        let bomb = Packing.pack([UInt8](repeating: 0x20, count: 64 << 20), encoding)
        #expect(bomb.count < 200_000)
        let swollen = await bench.post(bomb, encoding: encoding)
        #expect(swollen.status == 413 && swollen.errorCode == "body_too_large")
        #expect(await bench.post([UInt8](repeating: 0x20, count: (8 << 20) + 1)).status == 413)
        #expect(await bench.post(entry("a", bytes: 400).utf8, encoding: "br").errorCode == "encoding_unsupported")
    }

    @Test("bytes are taken from the budget while a body swells, not after", arguments: ["gzip", "deflate", "zstd"])
    func budget(encoding: String) throws {
        let bomb = Packing.pack([UInt8](repeating: 0x20, count: 8 << 20), encoding)
        let service = ByteBudget(bytesMax: 1 << 20)
        let source = ByteBudget(bytesMax: 64 << 20)
        // Somebody else is at work: alone, a body is let through.
        #expect(service.take(1, holding: 0))
        var held = InFlight(service: service, source: source)
        // Decompressed first, it would be answered 413.
        let error = #expect(throws: BodyError.self) {
            _ = try BodyDecoder.decode(Body(bomb), encoding: encoding, max: 4 << 20, holding: &held)
        }
        #expect(error?.status == 503 && error?.code == "busy" && error?.retryAfter == 1)
        held.release()
        #expect(service.bytes == 1 && source.bytes == 0)
    }

    @Test("a decompressed body holds its own bytes of the budget, and gives them back")
    func held() throws {
        for encoding in ["gzip", "deflate", "zstd"] {
            let service = ByteBudget(bytesMax: 1 << 20)
            let source = ByteBudget(bytesMax: 1 << 20)
            var held = InFlight(service: service, source: source)
            let packed = Packing.pack([UInt8](repeating: 0x20, count: 100_000), encoding)
            let body = try BodyDecoder.decode(Body(packed), encoding: encoding, max: 1 << 20, holding: &held)
            #expect(body.count == 100_000 && service.bytes == 100_000 && source.bytes == 100_000)
            held.release()
            #expect(service.bytes == 0 && source.bytes == 0)
        }
    }

    @Test("no memory for a parser is 503, and the sender may try again")
    func memoryShort() {
        let pool = LanePool(kept: 1) { () throws(BodyError) in unsafe try Lane(partitions: 1) { nil } }
        let error = #expect(throws: BodyError.self) { try pool.withLane { _ in } }
        #expect(error?.status == 503 && error?.code == "memory_short" && error?.retryAfter == 1)
        // A parser that finds no memory while it parses says so by its code.
        for code in Int32(0)..<40 {
            let message = unsafe String(cString: courant_json_error(code))
            #expect(courant_json_is_memory_short(code) == message.contains("memory"), "\(message)")
        }
    }

    @Test("gzip members behind one another are one body")
    func members() async throws {
        let bench = try Bench()
        let one = Packing.pack(Array("[\(entry("a", bytes: 300)),".utf8), "gzip")
        let two = Packing.pack(Array("\(entry("b", bytes: 300))]".utf8), "gzip")
        #expect(await bench.post(one + two, encoding: "gzip").accepted == 2)
    }

    @Test("a body of more events than the limit is 413, however few bytes it has", arguments: [true, false])
    func tooManyEvents(lines: Bool) async throws {
        let bench = try Bench()
        let many = repeatElement("5", count: 100_001).joined(separator: lines ? "\n" : ",")
        let answer = await bench.post(
            lines ? many : "[\(many)]",
            type: lines ? "application/x-ndjson" : "application/json"
        )
        #expect(answer.status == 413 && answer.errorCode == "too_many_events", "\(answer.text.prefix(200))")
        #expect(await bench.post("{\"events\":[\(many)]}", to: .currents).status == (lines ? 400 : 413))
    }

    @Test("no body is larger than the journal can hold as one dead letter")
    func boundedBySegment() {
        var settings = IntakeSettings()
        settings.decompressedBytesMax = 1 << 30
        let bounded = settings.bounded(bySegment: 8 << 20)
        #expect(bounded.decompressedBytesMax == (4 << 20) - (64 << 10))
        #expect(bounded.bodyBytesMax == bounded.decompressedBytesMax)
        #expect(IntakeSettings().bounded(bySegment: 64 << 20) == IntakeSettings())
    }
}
