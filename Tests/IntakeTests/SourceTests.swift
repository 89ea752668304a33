import Avro
import Glossary
import Journal
import Telemetry
import Testing

@testable import Intake

/// What depends on the source: strictness, ids, limits.
@Suite struct SourceTests {
    private func entry(_ id: String?, _ more: String = "") -> String {
        let id = id.map { "\"id\":\"\($0)\"," } ?? ""
        return """
            {"event_type":"users.canvas.Entry",\(id)"user_id":"u","time":1700000000,"canvas_id":"c",\
            "canvas_variation_id":"v","in_control_group":false\(more)}
            """
    }

    @Test("a strict source rejects on a broken rule; a lenient one stores the event and counts it")
    func strictness() async throws {
        let event = entry("a", ",\"timezone\":\"Mars/Olympus\"")
        let strict = try Bench(strict: true)
        let refused = await strict.post(event)
        #expect(refused.status == 422 && refused.codes == ["timezone_unknown"])
        let metrics = try Bench(strict: false)
        #expect(await metrics.post(event).accepted == 1)
        #expect(try metrics.records().first?.datum["timezone"] == .string("Mars/Olympus"))
    }

    @Test("broken rules, unknown fields and derived users are counted in repeats too, and the metrics say so")
    func countsOfRepeats() async throws {
        let bench = try Bench(strict: false)
        let event = entry("a", ",\"timezone\":\"Mars/Olympus\",\"zzz\":1,\"external_user_id\":\"x\"")
            .replacing("\"user_id\":\"u\",", with: "")
        #expect(await bench.post(event).accepted == 1)
        #expect(await bench.post(event).duplicates == 1)
        let lines = bench.metrics.prometheusText().split(separator: "\n")
        for name in ["rules_broken", "unknown_fields", "derived_users"] {
            let about = lines.filter { $0.contains("courant_intake_\(name)_total") }
            #expect(about.contains { $0.hasPrefix("# HELP") && $0.contains("repeats among them") }, "\(about)")
            #expect(about.last?.hasSuffix("} 2") == true, "\(about)")
        }
    }

    @Test("an open list's unknown values are stored in a strict source too")
    func counted() async throws {
        let bench = try Bench(strict: true)
        let answer = await bench.post(entry("a", ",\"canvas_step_name\":\"Welcome\""))
        #expect(answer.accepted == 1, "\(answer.text)")
        #expect(try bench.records().first?.datum["canvas_step_name"] == .string("Welcome"))
    }

    @Test("on email Click a strict source takes dispatch_id only with a campaign_id")
    func dispatch() async throws {
        func click(_ more: String) -> String {
            """
            {"event_type":"users.messages.email.Click","id":"a","user_id":"u","time":1700000000,\
            "email_address":"a@example.com","dispatch_id":"d"\(more)}
            """
        }
        #expect(try await Bench(strict: true).post(click("")).codes == ["dispatch_id_without_campaign"])
        #expect(
            try await Bench(strict: true).post(click(",\"campaign_id\":\"\"")).codes == ["dispatch_id_without_campaign"]
        )
        #expect(try await Bench(strict: true).post(click(",\"campaign_id\":\"c\"")).accepted == 1)
        #expect(try await Bench(strict: false).post(click("")).accepted == 1)
    }

    @Test("an event without id is an error in a strict source")
    func idMissing() async throws {
        let bench = try Bench(strict: true)
        #expect(await bench.post("[\(entry(nil)),\(entry(""))]").codes == ["id_missing", "id_missing"])
    }

    @Test("in a lenient source the id comes from the Idempotency-Key, so that a repeat is recognised")
    func idFromKey() async throws {
        let bench = try Bench()
        #expect(await bench.post("[\(entry(nil)),\(entry(nil))]", key: "k").accepted == 2)
        #expect(await bench.post("[\(entry(nil)),\(entry(nil))]", key: "k").duplicates == 2)
        #expect(await bench.post("[\(entry(nil))]", key: "other").accepted == 1)
        let ids = try bench.records().compactMap { $0.datum["id"] }
        #expect(Set(ids).count == 3)
        guard case .string(let first) = ids.first else {
            Issue.record("no id")
            return
        }
        #expect(first.count == 36 && Array(first)[14] == "5")
    }

    @Test("an empty Idempotency-Key names nothing")
    func emptyKey() async throws {
        let bench = try Bench()
        #expect(await bench.post(entry(nil), key: "").accepted == 1)
        #expect(await bench.post(entry(nil), key: "").accepted == 1)
    }

    @Test("a body larger than the in-flight limit is let through when it is alone")
    func inFlight() async throws {
        let bench = try Bench([SourceSettings(name: "default", inFlightBytesMax: 10)])
        // One body alone is let through, or it could never be sent.
        #expect(await bench.post(entry("a")).accepted == 1)
    }

    @Test("without Idempotency-Key an event without id doubles when repeated")
    func idFromNothing() async throws {
        let bench = try Bench()
        #expect(await bench.post(entry(nil)).accepted == 1)
        #expect(await bench.post(entry(nil)).accepted == 1)
        let ids = try bench.records().compactMap { $0.datum["id"] }
        guard case .string(let first) = ids.first else {
            Issue.record("no id")
            return
        }
        #expect(Array(first)[14] == "7" && Set(ids).count == 2)
    }

    @Test("user_id is derived from external_user_id, the same each time, unless the source is strict")
    func derivedUser() async throws {
        func event(_ id: String) -> String {
            entry(id, ",\"external_user_id\":\"cust-1\"").replacing("\"user_id\":\"u\",", with: "")
        }
        let bench = try Bench()
        #expect(await bench.post("[\(event("a")),\(event("b"))]").accepted == 2)
        let users = try bench.records().compactMap { $0.datum["user_id"] }
        guard case .string(let user) = users.first else {
            Issue.record("no user")
            return
        }
        #expect(users.count == 2 && Set(users).count == 1)
        let blank = event("c").replacing("{", with: "{\"user_id\":\"\",")
        #expect(await bench.post(blank).accepted == 1)
        #expect(try bench.records().compactMap { $0.datum["user_id"] }.last == .string(user))
        #expect(user.count == 24 && user.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        let strict = try await Bench(strict: true).post("[\(event("a")),\(blank)]")
        #expect(strict.codes == ["field_missing", "field_missing"])
    }

    @Test("a format that the source does not take is 403, an unknown source too")
    func formats() async throws {
        let bench = try Bench([SourceSettings(name: "default", formats: [.events])])
        #expect(await bench.post("{\"events\":[]}", to: .currents).status == 403)
        #expect(await bench.post(Array("{}".utf8), source: "nobody").errorCode == "source_unknown")
    }

    @Test("a content type that is not taken is 415", arguments: ["application/x-www-form-urlencoded", "text/csv"])
    func contentType(type: String) async throws {
        let events = try await Bench().post(entry("a"), type: type)
        #expect(events.status == 415)
        #expect(events.errorMessage.contains("application/json and application/x-ndjson are"))
        #expect(events.errorMessage.contains("-H 'Content-Type: application/json'") == type.hasSuffix("urlencoded"))
        let currents = try await Bench().post("", to: .currents, type: type)
        #expect(currents.status == 415 && currents.errorMessage.contains("application/json is"))
    }

    @Test("past its rate a source is answered 429 and told when to come back")
    func rate() async throws {
        let bench = try Bench([SourceSettings(name: "default", eventsPerSecondMax: 1)])
        #expect(await bench.post("[\(entry("a")),\(entry("b")),\(entry("c"))]").accepted == 3)
        let answer = await bench.post(entry("d"))
        #expect(answer.status == 429 && (answer.retryAfter ?? 0) >= 1)
    }

    @Test("503 while starting or stopping, with Retry-After and the reason")
    func unavailable() async throws {
        let bench = try Bench()
        let states: [(Intake.Availability, String)] = [
            (.starting, "starting"), (.stopping, "stopping"),
        ]
        for (state, code) in states {
            bench.intake.become(state)
            let answer = await bench.post(entry("a"))
            #expect(answer.status == 503 && answer.retryAfter != nil && answer.errorCode == code)
        }
        bench.intake.become(.ready)
        #expect(await bench.post(entry("a")).accepted == 1)
    }

    @Test("503 when the disk is full or the journal has closed, and nothing is counted")
    func journalUnavailable() async throws {
        let full = try Bench()
        for (refusal, code) in [
            (JournalRefusal.full, "storage_full"), (.behind, "journal_behind"), (.closed, "journal_unavailable"),
        ] {
            full.journal.refuse(refusal)
            let refused = await full.post(entry("a"))
            #expect(refused.status == 503 && refused.retryAfter != nil && refused.errorCode == code)
            #expect(refused.text.contains(refusal.message))
        }
        let closed = try Bench()
        closed.journal.stop()
        let answer = await closed.post(entry("a"))
        #expect(answer.status == 503 && answer.retryAfter != nil && answer.errorCode == "journal_unavailable")
        #expect(full.intake.balances.first?.received == 0 && closed.intake.balances.first?.received == 0)
    }

    @Test("where one partition refuses, the answer says how many events are in all the same, and so do the books")
    func onePartitionRefuses() async throws {
        let bench = try Bench([SourceSettings(name: "default")], partitions: 3)
        let late = entry("late").replacing("1700000000", with: "1e400")
        let events = "[" + ((0..<100).map { entry("id-\($0)") } + [late]).joined(separator: ",") + "]"
        bench.journal.stop(1)
        let answer = await bench.post(events)
        let durable = bench.journal.kept.count
        #expect((2..<101).contains(durable))
        #expect(answer.status == 503 && answer.retryAfter != nil && answer.errorCode == "journal_unavailable")
        #expect(answer.errorMessage.contains("of 101 events to be stored \(durable) are durable"), "\(answer.text)")
        var balance = try #require(bench.intake.balances.first)
        #expect(balance.accepted == durable - 1 && balance.setAside == 1 && balance.received == durable)
        // What the sender is told to do brings the rest in, and nothing twice but the dead letter: it has no identity.
        bench.journal.resume()
        let again = await bench.post(events)
        #expect(again.accepted == 100 - (durable - 1) && again.duplicates == durable - 1, "\(again.text)")
        balance = try #require(bench.intake.balances.first)
        #expect(balance.accepted == 100 && balance.isBalanced)
    }

    @Test("a source with too many bytes on their way is answered 429, the service 503, both with Retry-After")
    func busy() async throws {
        for (bench, status, code) in [
            (try Bench([SourceSettings(name: "default", inFlightBytesMax: 10)]), 429, "source_busy"),
            (try Bench(inFlightBytesMax: 10), 503, "busy"),
        ] {
            bench.journal.hold()
            async let first = bench.post(entry("a"))
            await bench.journal.waitUntilHeld()
            let answer = await bench.post(entry("b"))
            #expect(answer.status == status && answer.errorCode == code && answer.retryAfter != nil)
            bench.journal.letGo()
            #expect(await first.accepted == 1)
            #expect(await bench.post(entry("b")).accepted == 1)
        }
    }

    @Test("a record that the journal cannot hold is 413 before any partition has a part of its request")
    func recordTooLarge() async throws {
        let bench = try Bench(partitions: 3, recordBytesMax: 1000)
        let large = entry("large", ",\"canvas_name\":\"\(String(repeating: "x", count: 1000))\"")
        let events = (0..<50).map { entry("id-\($0)") } + [large]
        let answer = await bench.post("[\(events.joined(separator: ","))]")
        #expect(answer.status == 413 && answer.errorCode == "event_too_large")
        #expect(bench.journal.handedOver == 0 && bench.journal.kept.isEmpty)
        #expect(bench.intake.balances.first?.received == 0)
    }

    @Test("records of a request spread over the partitions by identity and keep their order in each")
    func partitions() async throws {
        let bench = try Bench([SourceSettings(name: "default")], partitions: 3)
        let events = (0..<300).map { entry("id-\($0)") }
        #expect(await bench.post("[\(events.joined(separator: ","))]").accepted == 300)
        #expect(await bench.post("[\(events.joined(separator: ","))]").duplicates == 300)
        let kept = bench.journal.kept
        #expect(Set(kept.map(\.partition)) == [0, 1, 2])
        let records = try bench.records()
        for partition in 0..<3 {
            let numbers = zip(kept, records).filter { $0.0.partition == partition }.compactMap { pair -> Int? in
                guard case .string(let id) = pair.1.datum["id"] else { return nil }
                return Int(id.dropFirst(3))
            }
            #expect(numbers == numbers.sorted() && !numbers.isEmpty)
        }
    }
}
