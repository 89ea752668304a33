import Delivery
import Foundation
import Glossary
import Intake
import Platform
import Testing

@testable import Service

@Suite struct RouteTests {
    @Test("an unknown address is 404, a wrong method 405 with what is allowed, all in one shape")
    func unrouted() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let nothing = try await ask("GET", "\(service.url)/v2/nothing")
            #expect(nothing.status == 404)
            #expect(nothing.code == "not_found")
            #expect(nothing.headers["content-type"] == "application/json")
            for (method, place, meant) in [
                ("POST", "/v1/track/send", "; did you mean /v1/track/sends?"),
                ("POST", "/v1/track/behaviors", "; did you mean /v1/track/behaviours?"),
                ("GET", "/v1/user/u-1", "; did you mean /v1/users/{id}?"), ("GET", "/v1/something", "."),
                ("POST", "/v1/track/send/\(String(repeating: "s", count: 4_000))", "."),
            ] {
                let answer = try await ask(method, "\(service.url)\(place)")
                #expect(answer.status == 404)
                #expect(answer["error", "message"] as? String == "There is nothing at this address\(meant)", "\(place)")
            }
            let wrong = try await ask("GET", "\(service.url)/v1/events")
            #expect(wrong.status == 405)
            #expect(wrong.code == "method_not_allowed")
            #expect(wrong.headers["allow"] == "POST")
            let flush = try await ask("DELETE", "\(service.url)/v1/connectors/local/flush")
            #expect(flush.status == 405)
            let tokens = try await ask("PUT", "\(service.url)/v1/tokens")
            #expect(tokens.headers["allow"] == "GET, POST")
            #expect(try await ask("HEAD", "\(service.url)/healthz").status == 200)
            let parameter = try await ask("GET", "\(service.url)/v1/glossary?chanel=email")
            #expect(parameter.status == 400)
            #expect(parameter.code == "parameter_unknown")
            #expect(parameter.body.contains("did you mean channel?"))
        }
    }

    @Test("the glossary is found by text and tags, in both editions, as JSON, Avro and JSON Schema")
    func glossary() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let url = "\(service.url)/v1/glossary"
            #expect((try await ask("GET", url)["types"] as? [Any])?.count == 42)
            #expect((try await ask("GET", "\(url)?edition=v10")["types"] as? [Any])?.count == 94)
            let clicks = try await ask("GET", "\(url)?channel=email&action=Clicks")
            let expected = Glossary.standard.edition("2021")?
                .types(matching: Filter(channels: ["email"], actions: ["Clicks"])).map(\.name)
            #expect((clicks["types"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == expected)
            #expect(expected?.isEmpty == false)
            let text = try await ask("GET", "\(url)?q=hard+bounce")
            #expect(text.status == 200)
            let type = try await ask("GET", "\(url)/users.messages.sms.InboundReceived")
            #expect(type["name"] as? String == "users.messages.sms.InboundReceive")
            let avro = try await ask("GET", "\(url)/users.messages.email.Click?format=avro")
            #expect(avro["type"] as? String == "record")
            #expect(avro["name"] as? String == "Click")
            let schema = try await ask("GET", "\(url)/users.messages.email.Click?format=json-schema")
            #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
            let unknown = try await ask("GET", "\(url)/users.messages.emial.Click")
            #expect(unknown.status == 404)
            #expect(unknown.body.contains("users.messages.email.Click"))
            #expect(try await ask("GET", "\(url)?edition=1999").status == 400)
            #expect(try await ask("GET", "\(url)/users.messages.email.Click?format=xml").status == 400)
        }
    }

    @Test("metrics show sources, types, connectors, routes and both histograms")
    func metrics() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let one = try event("a")
        try await withService(settings(in: folder)) { service async throws in
            _ = try await ask("POST", "\(service.url)/v1/events", body: one)
            _ = try await ask("POST", "\(service.url)/v1/connectors/local/flush")
            let answer = try await ask("GET", "\(service.url)/metrics")
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            for line in [
                "courant_intake_accepted_total{source=\"default\",event_type=\"users.messages.email.Click\"} 1",
                "courant_intake_received_total{source=\"default\"} 1",
                "courant_service_requests_total{route=\"/v1/events\",method=\"POST\",status=\"200\"} 1",
                "courant_service_ready 1",
                "courant_service_disk_has_room 1",
            ] {
                #expect(answer.body.contains(line + "\n"), "\(line)")
            }
            for name in [
                "courant_service_request_seconds_bucket", "courant_intake_acknowledgement_seconds_bucket",
                "courant_journal_disk_bytes", "courant_journal_duplicate_window_seconds", "courant_delivery_",
                "courant_service_disk_free_bytes", "courant_journal_sync_seconds",
            ] {
                #expect(answer.body.contains(name), "\(name)")
            }
        }
    }

    @Test("in every scrape each connector's balance holds, by event type, while events come and land")
    func balanceMetrics() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let types = ["users.messages.email.Click", "users.messages.email.Open"]
        let batches = try (0..<40).map { batch in
            try (0..<25).map { try event("\(batch)-\($0)", type: types[$0 % 2]) }.joined(separator: "\n")
        }
        let configuration = settings(in: folder) {
            $0.connectors[0].roll.events = 20
            var second = $0.connectors[0]
            second.name = "second"
            second.filter = Filter(events: ["users.messages.email.Open"])
            second.destination = LocalDestinationPart(path: folder.file("second"))
            $0.connectors.append(second)
        }
        try await withService(configuration) { service async throws in
            var landed: [String: Double] = [:]
            for batch in batches {
                let ndjson = ["Content-Type: application/x-ndjson"]
                _ = try await ask("POST", "\(service.url)/v1/events", headers: ndjson, body: batch)
                landed = try Self.expectBalanced(try await ask("GET", "\(service.url)/metrics").body)
            }
            for name in ["local", "second"] {
                _ = try await ask("POST", "\(service.url)/v1/connectors/\(name)/flush")
            }
            let text = try await ask("GET", "\(service.url)/metrics").body
            landed = try Self.expectBalanced(text)
            let expected = ["local \(types[0])": 520.0, "local \(types[1])": 480.0, "second \(types[1])": 480.0]
            #expect(landed == expected)
            for line in [
                "courant_delivery_lag_records{connector=\"second\"} 0",
                "courant_delivery_oldest_pending_seconds{connector=\"second\"} 0",
                "courant_delivery_state{connector=\"second\",state=\"running\"} 1",
                "courant_delivery_state{connector=\"second\",state=\"paused\"} 0",
                "# TYPE courant_delivery_landed_records_total counter",
                "# TYPE courant_delivery_pending_records gauge",
            ] {
                #expect(text.contains(line + "\n"), "\(line)")
            }
        }
    }

    /// Checks carried = landed + pending + set aside + lost in a scrape; answers what has landed.
    private static func expectBalanced(_ text: String) throws -> [String: Double] {
        var terms: [String: [String: Double]] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("courant_delivery_") {
            guard let found = line.wholeMatch(of: #/(\w+)\{connector="(\w+)",event_type="([\w.]+)"\} (\d+)/#) else {
                continue
            }
            terms["\(found.2) \(found.3)", default: [:]][String(found.1)] = Double(found.4)
        }
        var landed: [String: Double] = [:]
        for (key, values) in terms {
            func term(_ name: String) throws -> Double { try #require(values["courant_delivery_\(name)"], "\(name)") }
            landed[key] = try term("landed_records_total")
            let sum = try term("landed_records_total") + term("pending_records")
            let rest = try term("set_aside_records_total") + term("lost_records_total")
            #expect(try term("carried_records") == sum + rest, "\(key): \(values)")
        }
        return landed
    }

    @Test("a connector is flushed, paused and resumed; a paused one answers 409, an unknown one 404")
    func connectors() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let one = try event("a")
        try await withService(settings(in: folder)) { service async throws in
            let url = "\(service.url)/v1/connectors/local"
            #expect(try await ask("POST", "\(url)/pause")["state"] as? String == "paused")
            #expect(try await ask("POST", "\(service.url)/v1/events", body: one).status == 200)
            let refused = try await ask("POST", "\(url)/flush")
            #expect(refused.status == 409)
            #expect(refused.code == "connector_paused")
            #expect(try await ask("POST", "\(url)/resume")["state"] as? String == "running")
            #expect(try await ask("POST", "\(url)/flush?timeout=30s").status == 200)
            let status = try await ask("GET", url)
            #expect(status["balance", "landed"] as? Int == 1)
            #expect(status["partitions", "0", "scanned"] as? Int == 1)
            let unknown = try await ask("POST", "\(service.url)/v1/connectors/lake/flush")
            #expect(unknown.status == 404)
            #expect(unknown.body.contains("there are local"))
            #expect(try await ask("POST", "\(url)/flush?timeout=soon").status == 400)
            for verb in ["pause", "resume", "flush"] {
                let parameter = try await ask("POST", "\(url)/\(verb)?untill=noon")
                #expect(parameter.status == 400)
                #expect(parameter.code == "parameter_unknown")
                #expect(verb == "flush" ? parameter.body.contains("untill") : parameter.body.contains("no parameters"))
                let body = try await ask("POST", "\(url)/\(verb)", body: #"{"timeout":"1s"}"#)
                #expect(body.status == 400)
                #expect(body.code == "body_unexpected")
            }
            #expect(try await ask("GET", url)["state"] as? String == "running")
            #expect(try await ask("POST", "\(url)/flush?timeout=0s").status == 200)
        }
    }

    @Test("a flush whose time is up answers 504 with what is pending")
    func flushTimeout() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let blocked = folder.file("blocked")
        let configuration = settings(in: folder) {
            $0.connectors[0].destination = LocalDestinationPart(path: blocked + "/files")
        }
        let one = try event("a")
        try await withService(configuration) { service async throws in
            // A file where the folder should be: nothing can be written there. The connector may still make the folder.
            var isBlocked = false
            for _ in 0..<1_000 where !isBlocked {
                try? FileManager.default.removeItem(atPath: blocked)
                isBlocked = FileManager.default.createFile(atPath: blocked, contents: nil)
            }
            #expect(isBlocked)
            #expect(try await ask("POST", "\(service.url)/v1/events", body: one).status == 200)
            let late = try await ask("POST", "\(service.url)/v1/connectors/local/flush?timeout=500ms")
            #expect(late.status == 504)
            #expect(late.code == "flush_timeout")
            #expect(late["pending", "planned_records"] as? Int == 1)
            #expect(late["pending", "planned_files"] as? Int == 1)
        }
    }

    @Test("the status page has journal, disk and both balances")
    func status() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) {
            $0.publicURL = "https://events.example.com"
            $0.journal.partitions = 3
        }
        try await withService(configuration) { service async throws in
            let status = try await ask("GET", "\(service.url)/v1/status")
            #expect(status["phase"] as? String == "ready")
            #expect(status["url"] as? String == "https://events.example.com")
            #expect((status["journal", "partitions"] as? [Any])?.count == 3)
            #expect(status["disk", "has_room"] as? Bool == true)
            #expect((status["sources"] as? [Any])?.count == 1)
            #expect((status["connectors"] as? [Any])?.count == 1)
        }
    }

    @Test("a body over the limit is refused whether its length is announced or not; 100-continue is answered")
    func bodies() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.intake.bodyBytesMax = 200_000 }
        let one = try event("a")
        try await withService(configuration) { service async throws in
            let url = "\(service.url)/v1/events"
            let large = "[\(one)" + String(repeating: " ", count: 200_000) + "]"
            let announced = try await ask("POST", url, body: large)
            #expect(announced.status == 413)
            #expect(announced.code == "body_too_large")
            let chunked = try await ask("POST", url, headers: ["Transfer-Encoding: chunked"], body: large)
            #expect(chunked.status == 413)
            let fits = "[\(one)" + String(repeating: " ", count: 150_000) + "]"
            let started = SystemClock().uptime()
            let waited = try await ask(
                "POST",
                url,
                headers: ["Expect: 100-continue"],
                body: fits,
                options: ["--expect100-timeout", "10"]
            )
            #expect(waited.status == 200)
            #expect(SystemClock().uptime() - started < .seconds(8))
            #expect(try await ask("POST", url, headers: ["Content-Type: text/plain"], body: one).status == 415)
            #expect(try await ask("POST", url, body: "{").status == 400)
        }
    }

    @Test("more bytes than the service works on at once are answered 503 with Retry-After")
    func budget() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) {
            $0.intake.bodyBytesMax = 1 << 20
            $0.intake.inFlightBytesMax = 1000
        }
        try await withService(configuration) { service async throws in
            let answer = try await ask("POST", "\(service.url)/v1/events", body: String(repeating: " ", count: 2000))
            #expect(answer.status == 503)
            #expect(answer.code == "busy")
            #expect(answer.headers["retry-after"] == "1")
        }
    }

    /// Follows until a line with `text` has come, and answers that line.
    static func follow(_ url: String, until text: String) async throws -> String {
        let script = """
            trap 'kill $follower 2>/dev/null' EXIT
            exec 3< <(exec curl -sS -N --max-time 60 "$0" 2>&1); follower=$!
            while read -r line <&3; do case "$line" in *"$1"*) echo "$line"; exit;; *) last=$line;; esac; done
            echo "$last"
            """
        return try await run("/bin/bash", ["-c", script, url, text])
    }

    @Test("tail shows what is accepted, only the types that were asked for, until the client goes")
    func tail() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let log = LogLines()
        try await withService(settings(in: folder), log: log) { service async throws in
            let url = "\(service.url)/v1/tail?events=users.messages.email.Click"
            let line = try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask { try await Self.follow(url, until: "event_type") }
                group.addTask {
                    // Following begins some time after it was asked for: events go on coming until one is seen.
                    var number = 0
                    while !Task.isCancelled {
                        number += 1
                        let send = try event("s-\(number)", type: "users.messages.email.Send")
                        let click = try event("c-\(number)")
                        let answer = try await ask("POST", "\(service.url)/v1/events", body: "[\(send),\(click)]")
                        // What the end of the test cuts off has no answer.
                        #expect(answer.status == 200 || Task.isCancelled)
                        try await SystemClock().sleep(for: .milliseconds(100))
                    }
                    return nil
                }
                let line = try await group.next() ?? nil
                group.cancelAll()
                return line
            }
            #expect(
                line?.hasPrefix("{\"event_type\":\"users.messages.email.Click\",") == true,
                "\(line ?? "") \(log.all)"
            )
            #expect(line?.contains("\"id\":\"c-") == true)
            #expect(line?.contains("null") == false)
            #expect(try await ask("GET", "\(service.url)/v1/tail?events=nothing").status == 400)
        }
    }

    @Test("a follower does not hold up the end of the service")
    func tailAtStop() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let clock = SystemClock()
        let patient = settings(in: folder) { $0.shutdownTimeout = .seconds(60) }
        let stopped = try await withService(patient) { service async throws in
            async let lines = run("/usr/bin/curl", ["-s", "-N", "--max-time", "60", "\(service.url)/v1/tail"])
            // Until the follower has been let in: it is a request that has not been answered to its end.
            try await clock.sleep(for: .milliseconds(1500))
            let stopped = clock.uptime()
            await service.stop()
            _ = try await lines
            return stopped
        }
        // The service would wait a minute for any other request.
        #expect(clock.uptime() - stopped < .seconds(40))
    }
}
