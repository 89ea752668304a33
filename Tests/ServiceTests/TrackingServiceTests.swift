import Foundation
import Platform
import Providers
import Testing
import Tracking

@testable import Service

@Suite("tracking over HTTP")
struct TrackingServiceTests {
    private static let campaign = """
        {"name":"Spring","variations":[{"id":"a","name":"A","share":100}],
        "conversions":[{"type":"Makes Purchase","window":3600,"product":"any"}]}
        """
    private static let send = """
        {"channel":"email","trigger":"scheduled","campaign_id":"spring","message_variation_id":"a",
        "recipients":[{"user_id":"u-1","email_address":"kim@example.net"}]}
        """

    @Test("from a definition over a send, a signed webhook and a purchase to the files of seven event types")
    func story() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let signer = SendGridSample()
        let settings = settings(in: folder) { configuration in
            configuration.publicURL = "https://events.example.com"
            configuration.tracking.sources["default"] = SourceTrackingPart(
                sendGrid: SendGridConfiguration(publicKeys: [signer.publicKey])
            )
        }
        try await withService(settings) { service async throws in
            let base = "\(service.url)/v1"
            #expect(try await ask("PUT", "\(base)/campaigns/spring", body: Self.campaign).status == 200)
            let key = ["Idempotency-Key: batch-1"]
            let sent = try await ask("POST", "\(base)/track/sends", headers: key, body: Self.send)
            #expect(sent.status == 200, "\(sent.body)")
            let message = try #require(sent["messages", "0", "message_id"] as? String)
            let now = SystemClock().now()
            let body = SendGridSample.body(at: now, arguments: [("message_id", message)])
            let request = try signer.request(
                url: "https://events.example.com/v1/webhooks/sendgrid/default",
                body: body,
                at: now
            )
            let headers = request.headers.map { "\($0.name): \($0.value)" }
            let text = String(decoding: body, as: UTF8.self)
            let webhook = "\(base)/webhooks/sendgrid/default"
            for _ in 0..<2 {
                #expect(try await ask("POST", webhook, headers: headers, body: text).status == 200)
            }
            let forged = try await ask("POST", webhook, headers: headers, body: text + " ")
            #expect(forged.status == 403)
            let order = """
                {"behaviours":[{"type":"purchase","user_id":"u-1","product_id":"p","price":1,"currency":"EUR"}]}
                """
            let bought = try await ask(
                "POST",
                "\(base)/track/behaviours",
                headers: ["Idempotency-Key: o-1"],
                body: order
            )
            #expect(bought["accepted"] as? Int == 2, "\(bought.body)")
            #expect(try await ask("POST", "\(base)/connectors/local/flush").status == 200)
            let types = Set(
                folder.avroFiles().compactMap { $0.firstMatch(of: /event_type=([^\/]+)/)?.1 }.map(String.init)
            )
            #expect(
                types == [
                    "users.messages.email.Send", "users.messages.email.Delivery", "users.messages.email.Open",
                    "users.messages.email.Click", "users.behaviors.Purchase", "users.campaigns.Conversion",
                ]
            )
            let books = try await ask("GET", "\(base)/connectors")
            let source = try #require(books["sources", "0"] as? [String: Any])
            let counts = ["received", "accepted", "duplicates", "rejected", "set_aside"].map { source[$0] as? Int }
            #expect(counts == [9, 6, 3, 0, 0])
        }
    }

    @Test("a repeated report is answered with the same ids, however it is written; a report without a key is refused")
    func keys() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let url = "\(service.url)/v1/track/sends"
            let headers = ["Idempotency-Key: batch-1"]
            let first = try await ask("POST", url, headers: headers, body: Self.send)
            let second = try await ask("POST", url, headers: headers, body: Self.send)
            #expect(first["messages", "0", "message_id"] as? String == second["messages", "0", "message_id"] as? String)
            #expect(second["duplicates"] as? Int == 1)
            // As a client writes it that serialises anew: members in another order, other white space.
            let anew = """
                { "recipients": [{"email_address": "kim@example.net", "user_id": "u-1"}],
                  "message_variation_id": "a", "campaign_id": "spring", "trigger": "scheduled", "channel": "email" }
                """
            let third = try await ask("POST", url, headers: headers, body: anew)
            #expect(third.status == 200 && third["duplicates"] as? Int == 1, "\(third.body)")
            #expect(first["messages", "0", "message_id"] as? String == third["messages", "0", "message_id"] as? String)
            #expect(try await ask("POST", url, body: Self.send).code == "idempotency_key_missing")
            let long = ["Idempotency-Key: \(String(repeating: "k", count: 201))"]
            #expect(try await ask("POST", url, headers: long, body: Self.send).code == "idempotency_key_too_long")
            let nulls = anew.replacing(#""channel""#, with: #""send_id": null, "channel""#)
            #expect(try await ask("POST", url, headers: headers, body: nulls)["duplicates"] as? Int == 1)
            let other = Self.send.replacing("u-1", with: "u-2")
            let refused = try await ask("POST", url, headers: headers, body: other)
            #expect(refused.status == 422)
            #expect(refused.body.contains("if this is a repeat of it, send it exactly as before"), "\(refused.body)")
        }
    }

    @Test("a deleted user is found by no address any more, and a deletion may be repeated")
    func deletion() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let settings = settings(in: folder) { configuration in
            configuration.tracking.sources["default"] = SourceTrackingPart(
                sendGrid: SendGridConfiguration(publicKeys: [], isUnverified: true)
            )
        }
        try await withService(settings) { service async throws in
            let base = "\(service.url)/v1"
            let users = #"{"users":[{"user_id":"a/b é","emails":["kim@example.net"]}]}"#
            #expect(try await ask("PUT", "\(base)/users", body: users).status == 200)
            for users in [1, 0] {
                let deleted = try await ask("DELETE", "\(base)/users/a%2Fb%20%C3%A9")
                #expect(deleted.status == 200 && deleted["users"] as? Int == users, "\(deleted.body)")
            }
            let open = #"[{"email":"kim@example.net","timestamp":1782000000,"event":"open","sg_event_id":"e"}]"#
            #expect(try await ask("POST", "\(base)/webhooks/sendgrid/default", body: open).status == 200)
            let metrics = try await ask("GET", "\(service.adminURL)/metrics").body
            #expect(metrics.contains(#"courant_intake_derived_users_total{source="default"} 1"#))
        }
    }

    @Test("definitions come from a folder too, the log says how many, and a mistake there is named with its file")
    func definitions() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let campaigns = folder.file("definitions/campaigns")
        try FileManager.default.createDirectory(atPath: campaigns, withIntermediateDirectories: true)
        let yaml = """
            name: Spring
            variations:
              - {id: a, name: "A", share: 60}
              - {id: b, name: "On", share: 40, control: true}
            """
        try yaml.write(toFile: "\(campaigns)/spring.yaml", atomically: true, encoding: .utf8)
        let settings = settings(in: folder) { $0.tracking.definitions = folder.file("definitions") }
        let log = LogLines()
        try FileManager.default.createDirectory(
            atPath: folder.file("definitions/campaing"),
            withIntermediateDirectories: true
        )
        try await withService(settings, log: log) { service async throws in
            let loaded = log.all.filter { $0.contains("The folder of definitions is loaded.") }
            #expect(
                loaded.count == 1 && loaded[0].contains("1 campaign, 0 canvases, 0 subscription groups"),
                "\(loaded)"
            )
            let strange = log.all.filter { $0.contains("is not read") }
            #expect(strange.count == 1 && strange[0].contains("did you mean campaigns?"), "\(strange)")
            let found = try await ask("GET", "\(service.url)/v1/campaigns/spring")
            #expect(found["variations", "1", "name"] as? String == "On")
            #expect(found["variations", "1", "control"] as? Bool == true)
        }
        try "nam: x".write(toFile: "\(campaigns)/summer.yaml", atomically: true, encoding: .utf8)
        await #expect {
            try await withService(settings) { _ in }
        } throws: { error in
            "\(error)".contains("summer.yaml") && "\(error)".contains("did you mean name?")
        }
    }

    @Test("tracking's state that is missing beside its journal is told, not made anew")
    func missing() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            _ = try await ask("PUT", "\(service.url)/v1/campaigns/spring", body: Self.campaign)
        }
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: folder.file("data/tracking.db\(suffix)"))
        }
        await #expect {
            try await withService(settings(in: folder)) { _ in }
        } throws: { error in
            "\(error)".contains("tracking.db")
        }
        // An empty file says that the operator wants it; the journal still has the definition.
        _ = FileManager.default.createFile(atPath: folder.file("data/tracking.db"), contents: nil)
        try await withService(settings(in: folder)) { service async throws in
            #expect(try await ask("GET", "\(service.url)/v1/campaigns/spring").status == 200)
        }
    }

    @Test(
        "what is wrong with a webhook's settings is named",
        arguments: [
            ("sources: {a: {webhooks: {sendgrid: {}}}}", "sources.a.webhooks.sendgrid: expected 1 to 16"),
            (
                "sources: {a: {webhooks: {sendgrid: {public_keys: [x]}}}}",
                "sources.a.webhooks.sendgrid.public_keys[0]: expected a P-256 key"
            ),
            (
                "sources: {a: {webhooks: {sendgrid: {public_keys: [x], unverified: true}}}}",
                "sources.a.webhooks.sendgrid."
            ),
            ("sources: {a: {webhooks: {twilio: {auth_tokens: [x]}}}}", "needs publicURL"),
            ("sources: {a: {webhooks: {ses: {topics: [mail]}}}}", "is no ARN"),
            ("sources: {a: {webhooks: {mailgun: {}}}}", "is not a key of sources.a.webhooks"),
            ("sources: {a: {sends: maybe}}", "expected one of reported, provider"),
            ("tracking: {overtake: soon}", "tracking.overtake: expected a duration up to 30d such as 15m"),
            ("tracking: {keep: 99999999999w}", "tracking.keep: expected a duration from 1d to 3650d such as 30d"),
            ("tracking: {overtake: 15000000000000w}", "tracking.overtake: expected a duration up to 30d"),
            (
                "tracking: {definitions: /nowhere/definitions}",
                "c.yaml:1: tracking.definitions: there is no such folder"
            ),
        ]
    )
    func mistakes(yaml: String, message: String) throws {
        do {
            _ = try Configuration.read(yaml, file: "c.yaml")
            Issue.record("taken: \(yaml)")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }

    @Test("a value of the environment that is missing is told once")
    func unset() throws {
        let yaml = """
            publicURL: https://events.example.com
            sources: {a: {webhooks: {twilio: {auth_tokens: ["${NO_SUCH_TOKEN}"]}}}}
            """
        let error = try #require(throws: ConfigurationError.self) { try Configuration.read(yaml, file: "c.yaml") }
        #expect(error.problems.count == 1, "\(error)")
    }
}
