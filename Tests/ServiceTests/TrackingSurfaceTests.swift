import Foundation
import Intake
import Platform
import Providers
import Testing
import Tracking

@testable import Service

@Suite("what tracking tells people")
struct TrackingSurfaceTests {
    private static let unverified = SourceTrackingPart(
        sendGrid: SendGridConfiguration(publicKeys: [], isUnverified: true)
    )

    private func withUnverified(
        log: LogLines = LogLines(),
        _ body: @escaping @Sendable (TestFolder, String) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let settings = settings(in: folder) { $0.tracking.sources["default"] = Self.unverified }
        try await withService(settings, log: log) { service async throws in
            try await body(folder, "\(service.url)/v1")
        }
    }

    @Test("the worked example of the guide can be followed to its end")
    func example() async throws {
        try await withUnverified { _, base async throws in
            let campaign = """
                {"name": "Spring launch",
                "variations": [{"id": "a", "name": "A", "share": 90},
                               {"id": "c", "name": "Control", "share": 10, "control": true}],
                "conversions": [{"type": "Makes Purchase", "window": 86400, "product": "any"}]}
                """
            #expect(try await ask("PUT", "\(base)/campaigns/spring", body: campaign).status == 200)
            let question = #"{"campaign_id": "spring", "users": ["u-1", "u-2"]}"#
            #expect(try await ask("POST", "\(base)/track/assign", body: question).status == 200)
            let send = """
                {"channel": "email", "trigger": "scheduled", "dispatch_key": "spring-2026-03-01",
                "campaign_id": "spring", "message_variation_id": "a",
                "recipients": [{"user_id": "u-1", "email_address": "ann@example.com"}]}
                """
            let sent = try await ask("POST", "\(base)/track/sends", headers: ["Idempotency-Key: b-7"], body: send)
            let message = try #require(sent["messages", "0", "message_id"] as? String)
            let sample = "\(base)/webhooks/sendgrid/default/sample?message_id=\(message)&to=ann%40example.com"
            let taken = try await ask("POST", sample)
            #expect(taken["accepted"] as? Int == 3 && taken["facts"] as? Int == 4, "\(taken.body)")
            #expect(taken["key"] as? String == "unverified" && taken["waiting"] as? Int == 0)
            #expect((taken["body"] as? String)?.contains("ann@example.com") == true)
            let order = """
                {"behaviours": [{"type": "purchase", "user_id": "u-1", "product_id": "shoe", "price": 49.9,
                "currency": "EUR", "properties": {}}]}
                """
            let key = ["Idempotency-Key: order-991"]
            let bought = try await ask("POST", "\(base)/track/behaviours", headers: key, body: order)
            #expect(bought["accepted"] as? Int == 2, "\(bought.body)")
        }
    }

    @Test("definitions and users of the guide and of openapi.yaml are taken as they stand there")
    func definitions() async throws {
        try await withUnverified { _, base async throws in
            let bodies = [
                (
                    "canvases/welcome",
                    """
                    {"name": "Welcome", "variations": [{"id": "v1", "name": "V1", "share": 100}],
                    "steps": [{"id": "hello", "name": "Hello", "entry": true, "scheduled": true},
                              {"id": "tips", "name": "Tips"}],
                    "conversions": [{"type": "Performs Custom Event", "window": 259200,
                                     "custom_event_name": "signed_up",
                                     "filters": [{"property": "plan", "operator": "is_not", "value": "free"},
                                                 {"property": "seats", "operator": "more_than", "value": 4}]}]}
                    """
                ),
                (
                    "subscription-groups/news",
                    #"{"name": "News", "channel": "email", "provider_groups": {"sendgrid": ["12345"]}}"#
                ),
                (
                    "subscription-groups/alerts",
                    """
                    {"name": "Alerts", "channel": "sms", "app_group_id": "app-1", "numbers": ["+15005550006"],
                    "keywords": {"en": {"stop": ["STOP", "ENOUGH"], "start": ["START"], "help": ["HELP"]}}}
                    """
                ),
                (
                    "users",
                    """
                    {"users": [{"user_id": "u-1", "external_user_id": "cust-1", "timezone": "Europe/Berlin",
                    "phones": ["+4915112345678"], "emails": ["ann@example.com"]}]}
                    """
                ),
            ]
            for (place, body) in bodies {
                let answer = try await ask("PUT", "\(base)/\(place)", body: body)
                #expect(answer.status == 200, "\(place): \(answer.body)")
            }
        }
    }

    @Test("a name that there is not is told with those that there are")
    func names() async throws {
        try await withUnverified { _, base async throws in
            func message(_ method: String, _ place: String) async throws -> String {
                let answer = try await ask(method, "\(base)/\(place)")
                #expect(answer.status == 404)
                return answer["error", "message"] as? String ?? ""
            }
            for place in ["webhooks/sendgird/default", "webhooks/sendgird/default/sample"] {
                #expect(
                    try await message("POST", place)
                        == "There is no provider \"sendgird\"; did you mean sendgrid? There are sendgrid, ses, twilio."
                )
            }
            #expect(
                try await message("POST", "webhooks/sendgrid/shop")
                    == "Here is no webhook of sendgrid for a source \"shop\": look at the address, or configure "
                    + "sources.NAME.webhooks.sendgrid."
            )
            #expect(
                try await message("POST", "webhooks/ses/default")
                    == "Here is no webhook of ses for a source \"default\": look at the address, or configure "
                    + "sources.NAME.webhooks.ses."
            )
            #expect(try await message("GET", "campaigns/spring") == "There is no campaign \"spring\"; there are none.")
            for number in 0..<12 {
                let body = #"{"name":"G","channel":"email"}"#
                #expect(try await ask("PUT", "\(base)/subscription-groups/g-\(10 + number)", body: body).status == 200)
            }
            #expect(
                try await message("DELETE", "subscription-groups/other") == "There is no subscription group \"other\"; "
                    + "there are \((10..<20).map { "g-\($0)" }.joined(separator: ", ")) and 2 more."
            )
        }
    }

    @Test("bodies that are no UTF-8 are refused, as events are")
    func encoding() async throws {
        try await withUnverified { folder, base async throws in
            let file = folder.file("body.json")
            try Data(Array(#"{"name":"a"#.utf8) + [0xFF] + Array(#"b"}"#.utf8)).write(to: URL(filePath: file))
            for place in [("PUT", "campaigns/c"), ("PUT", "users"), ("POST", "track/sends"), ("POST", "track/assign")] {
                let answer = try await ask(
                    place.0,
                    "\(base)/\(place.1)",
                    headers: ["Idempotency-Key: k"],
                    options: ["--data-binary", "@\(file)"]
                )
                #expect(
                    answer.status == 400 && answer.body.contains("The body is not UTF-8."),
                    "\(place) \(answer.body)"
                )
            }
        }
    }

    @Test("a refused webhook is counted by provider, source and reason; a flood of them leaves few lines in the log")
    func refused() async throws {
        let (folder, log) = (try TestFolder(), LogLines())
        defer { folder.remove() }
        let settings = settings(in: folder) { configuration in
            configuration.tracking.sources["default"] = SourceTrackingPart(
                sendGrid: SendGridConfiguration(publicKeys: [SendGridSample().publicKey])
            )
        }
        try await withService(settings, log: log) { service async throws in
            let url = "\(service.url)/v1/webhooks/sendgrid/default"
            #expect(try await ask("POST", url, body: "[]").status == 403)
            let request = "POST /v1/webhooks/sendgrid/default HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
            let flood = String(repeating: request + "\r\n[]", count: 98) + request + "Connection: close\r\n\r\n[]"
            let (answer, _) = try await talk(to: service, flood)
            #expect(answer.components(separatedBy: "HTTP/1.1 403 ").count == 100)
            let metrics = try await ask("GET", "\(service.adminURL)/metrics").body
            let line = #"courant_providers_refused_total{provider="sendgrid",source="default",code="unsigned"} 100"#
            #expect(metrics.contains(line), "\(metrics)")
            // The configured key is SendGrid's: the sample says that it was not tried.
            let sample = try await ask("POST", "\(url)/sample?message_id=nobody")
            #expect(sample["key"] as? String == "made" && sample["waiting"] as? Int == 3, "\(sample.body)")
        }
        let lines = log.all.filter { $0.contains("A webhook was refused.") }.count
        #expect((1...(LogPace.linesMax * 2)).contains(lines), "\(lines)")
    }

    @Test("a webhook's dead letter is translated again, and says why it still cannot be")
    func letters() async throws {
        try await withUnverified { _, base async throws in
            let url = "\(base)/webhooks/sendgrid/default"
            #expect(try await ask("POST", url, body: #"[{"event":"open"}]"#).status == 200)
            let list = try await ask("GET", "\(base)/dead-letters?bytes=true")
            #expect(list["dead_letters", "0", "code"] as? String == "webhook_strange")
            #expect(list["dead_letters", "0", "message"] as? String == "sendgrid: `open` without `email`")
            let id = try #require(list["dead_letters", "0", "id"] as? String)
            let again = try await ask("POST", "\(base)/dead-letters/\(id)/replay")
            #expect(again["outcome"] as? String == "refused")
            let message = again["message"] as? String ?? ""
            #expect(message.contains("still cannot be translated: `open` without `email`"), "\(message)")
        }
    }

    @Test("a reload reads the folder of definitions again, and a mistake there changes nothing")
    func reload() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let campaigns = folder.file("definitions/campaigns")
        try FileManager.default.createDirectory(atPath: campaigns, withIntermediateDirectories: true)
        let file = folder.file("courant.yaml")
        try "tracking: {definitions: ./definitions}".write(toFile: file, atomically: true, encoding: .utf8)
        let reread = rereading(file, in: folder)
        try await withService(try reread(), reread: reread) { service async throws in
            let spring = "\(campaigns)/spring.yaml"
            try "name: Spring".write(toFile: spring, atomically: true, encoding: .utf8)
            let reloaded = try await ask("POST", "\(service.url)/v1/config/reload")
            #expect(reloaded["definitions"] as? Int == 1, "\(reloaded.body)")
            #expect(try await ask("GET", "\(service.url)/v1/campaigns/spring")["name"] as? String == "Spring")
            try "nam: Summer".write(toFile: spring, atomically: true, encoding: .utf8)
            let refused = try await ask("POST", "\(service.url)/v1/config/reload")
            #expect(refused.status == 422 && refused.body.contains("spring.yaml:1"), "\(refused.body)")
            #expect(try await ask("GET", "\(service.url)/v1/campaigns/spring")["name"] as? String == "Spring")
        }
    }

    @Test("the start names the source that takes what comes without a token, where there are several")
    func withoutToken() async throws {
        for names in [["shop", "app"], ["default"]] {
            let folder = try TestFolder()
            defer { folder.remove() }
            let log = LogLines()
            let settings = settings(in: folder) { configuration in
                configuration.sources = names.map { .init(name: $0) }
            }
            try await withService(settings, log: log) { _ in }
            let ready = log.all.filter { $0.contains("The service is ready.") }
            #expect(ready.count == 1)
            #expect(ready[0].contains("service.source_without_token=shop") == (names.count > 1), "\(ready)")
        }
    }
}
