import Avro
import Foundation
import Platform
import Telemetry
import Testing

@testable import Tracking

@Suite("what the bodies of reports, users and questions may say")
struct ReportReadingTests {
    enum Body: String, CaseIterable {
        case sends
        case behaviours
        case users
        case campaign
        case question

        func read(_ text: String) throws {
            let json = try JSONValue(parsing: text)
            switch self {
            case .sends: _ = try TrackReport(.sends, reading: json)
            case .behaviours: _ = try TrackReport(.behaviours, reading: json)
            case .users: _ = try TrackReport(usersReading: json)
            case .campaign: _ = try Definition(.campaign, id: "c", reading: json)
            case .question: _ = try AssignmentQuestion(reading: json)
            }
        }

        func fault(_ text: String) throws -> String {
            try #require(throws: DefinitionError.self) { try read(text) }.description
        }
    }

    @Test(
        "a text with U+0000 is refused wherever it stands, by its member",
        arguments: [
            (Body.sends, #"{"recipients":[{"user_id":"vic\u0000tim"}]}"#, "recipients[0].user_id"),
            (.sends, #"{"campaign_id":"\u0000","recipients":[]}"#, "campaign_id"),
            (
                .behaviours, #"{"behaviours":[{"properties":{"a":[{"b":"\u0000"}]}}]}"#,
                "behaviours[0].properties.a[0].b"
            ),
            (.behaviours, #"{"behaviours":[{"properties":{"a\u0000":1}}]}"#, #"behaviours[0].properties.a\u0000"#),
            (.users, #"{"users":[{"user_id":"vic\u0000tim"}]}"#, "users[0].user_id"),
            (.users, #"{"users":[{"user_id":"u","emails":["a@b\u0000"]}]}"#, "users[0].emails[0]"),
            (.campaign, #"{"name":"n\u0000"}"#, "name"),
            (.question, #"{"campaign_id":"c","users":["\u0000"]}"#, "users[0]"),
        ]
    )
    func zero(body: Body, text: String, member: String) throws {
        #expect(try body.fault(text) == "\(member) has the character U+0000, which no text may have")
    }

    @Test("an id in an address has none either")
    func zeroInAddress() throws {
        let error = try #require(throws: DefinitionError.self) {
            try Definition(.campaign, id: "c\0", reading: JSONValue(parsing: #"{"name":"n"}"#))
        }
        #expect(error.path == "id")
    }

    @Test(
        "what a body lacks or has wrong is told in the words of that body",
        arguments: [
            (Body.sends, #"{"channel":"email","trigger":"api"}"#, "recipients is missing; it must be an array"),
            (.behaviours, "{}", "behaviours is missing; it must be an array"),
            (.behaviours, "[]", "the body must be a report of behaviours as an object, found an array"),
            (.users, "{}", "users is missing; it must be an array"),
            (
                .behaviours, #"{"behaviours":[{"type":"purchase","time":"soon"}]}"#,
                "behaviours[0].time must be whole seconds since 1970, found a text"
            ),
            (
                .question, #"{"campaign_id":"c","users":"a"}"#,
                "users must be an array, found a text"
            ),
            (
                .sends, #"{"channel":"in_app_message","trigger":"api","recipients":[]}"#,
                "channel may not be in_app_message, whose sending is not reported; report its impressions to "
                    + "/v1/track/interactions, with the type in_app_impression"
            ),
            (
                .sends, #"{"channel":"email","trigger":"api","recipients":[{"email":"a@b.example"}]}"#,
                "recipients[0].email is not a member of a recipient; did you mean email_address?"
            ),
            (
                .sends, #"{"channel":"email","trigger":"api","campaign":"c","recipients":[]}"#,
                "campaign is not a member of a report of sends; did you mean campaign_id or campaign_name?"
            ),
            (
                .behaviours, #"{"behaviours":[{"type":"custom_event","event_name":"n"}]}"#,
                "behaviours[0].event_name is not a member of an item of behaviours; did you mean name?"
            ),
            (
                .behaviours, #"{"behaviours":[{"colour_of_the_sky":"n"}]}"#,
                "behaviours[0].colour_of_the_sky is not a member of an item of behaviours; expected one of user_id, "
                    + "external_user_id, timezone, email_address, phone_number, device_id, app_id, platform, "
                    + "os_version, device_model or 23 others"
            ),
            (
                .question, #"{"campaing_id":"c","users":["a"]}"#,
                "campaing_id is not a member of a question for variations; did you mean campaign_id?"
            ),
            (
                .question, #"{"campaign_id":"c","canvas_id":"v","users":[]}"#,
                "canvas_id must be left out beside campaign_id"
            ),
            (
                .question, #"{"users":[]}"#,
                "campaign_id is missing; it must be the id of a campaign, or canvas_id that of a canvas"
            ),
            (
                .users, #"{"users":[{"user_id":"u","phones":["0151"]}]}"#,
                "users[0].phones[0] must be a phone number in E.164 form such as +4915112345678, found \"0151\""
            ),
            (
                .users, #"{"users":[{"user_id":"u","emails":["a@b","nomail"]}]}"#,
                "users[0].emails[1] must be an email address such as ann@example.com, found \"nomail\""
            ),
            (
                .users, #"{"users":[{"user_id":"u","timezone":"Mars/Base"}]}"#,
                "users[0].timezone must be a time zone of the IANA database such as Europe/Berlin, found \"Mars/Base\""
            ),
        ]
    )
    func faults(body: Body, text: String, message: String) throws {
        #expect(try body.fault(text) == message)
    }

    @Test(
        "a blank id is refused by its member, whatever it is the id of",
        arguments: [
            (
                TrackRoute.sends, #"{"channel":"email","trigger":"api","recipients":[{"user_id":""}]}"#,
                "recipients[0].user_id"
            ),
            (.sends, #"{"channel":"email","trigger":"api","campaign_id":" ","recipients":[]}"#, "campaign_id"),
            (.pushResults, #"{"results":[{"service":"apns","status":200,"message_id":""}]}"#, "results[0].message_id"),
            (.interactions, #"{"interactions":[{"type":"push_open","app_id":"\t"}]}"#, "interactions[0].app_id"),
            (.entries, #"{"entries":[{"user_id":"u","canvas_id":""}]}"#, "entries[0].canvas_id"),
            (.enrolments, #"{"enrolments":[{},{"external_user_id":""}]}"#, "enrolments[1].external_user_id"),
            (.behaviours, #"{"behaviours":[{"type":"purchase","product_id":""}]}"#, "behaviours[0].product_id"),
            (
                .subscriptions, #"{"subscriptions":[{"user_id":"u","subscription_group_id":""}]}"#,
                "subscriptions[0].subscription_group_id"
            ),
        ]
    )
    func blank(route: TrackRoute, text: String, member: String) throws {
        let error = try #require(throws: DefinitionError.self) {
            try TrackReport(route, reading: JSONValue(parsing: text))
        }
        #expect(error.description == "\(member) must be a text of 1 to 1000 bytes, found a blank one")
        // A name may be blank, and an id of another type is for the glossary to judge, item by item.
        let taken = #"{"entries":[{"user_id":7,"canvas_id":"c","canvas_name":""}]}"#
        #expect(throws: Never.self) { try TrackReport(.entries, reading: JSONValue(parsing: taken)) }
    }

    @Test("a change of subscription belongs to no message")
    func subscriptionMessage() throws {
        let body = #"{"subscriptions":[{"user_id":"u","message_id":"m"}]}"#
        let error = try #require(throws: DefinitionError.self) {
            try TrackReport(.subscriptions, reading: JSONValue(parsing: body))
        }
        #expect(error.path == "subscriptions[0].message_id" && error.code == .unknownMember)
    }

    @Test("a number is shown where another thing is wanted")
    func shownNumber() throws {
        #expect(try Body.behaviours.fault(#"{"behaviours":[{"type":1.5}]}"#).hasSuffix("found the number 1.5"))
    }

    @Test("a member's name of megabytes is cut in the message")
    func longName() throws {
        let fault = try Body.users.fault("{\"\(String(repeating: "x", count: 2 << 20))\":1}")
        #expect(fault.utf8.count < 300)
        #expect(fault.contains("… is not a member of a list of users"))
    }

    @Test("with sends: provider a report says how many messages it remembers, also when it is repeated")
    func context() async throws {
        try await TrackingWorld(sends: .provider).run { running in
            for _ in 0..<2 {
                let answer = try await running.report(.sends, Stories.sends(["u1", "u2"]), key: "k")
                #expect(answer.context == 2)
                #expect(answer.accepted == 0 && answer.duplicates == 0 && answer.rejected.isEmpty)
                #expect(answer.json["context"]?.integer == 2)
            }
        }
        try await TrackingWorld().run { running in
            let answer = try await running.report(.sends, Stories.sends(["u1", "u2"]), key: "k")
            #expect(answer.context == 0 && answer.json["context"] == nil)
        }
    }

    @Test("a webhook's answer tells what waits from what makes no event")
    func waiting() async throws {
        try await TrackingWorld().run { running in
            let now = running.world.now
            let unmapped = ProviderReport(.unmapped(name: "strange"), key: "9", time: now, address: .none)
            let answer = try await running.provider([Stories.email("Delivery", "u1", key: "1", time: now), unmapped])
            #expect(answer.waiting == 1 && answer.accepted == 0)
        }
    }

    @Test("words of providers get series of their own up to a limit, further ones share one")
    func series() {
        let registry = MetricRegistry()
        let metrics = TrackingMetrics(registry)
        for _ in 0..<2 {
            for number in 0..<TrackingMetrics.unmappedMax + 50 {
                metrics.countUnmapped(provider: "sendgrid", event: "word-\(number)")
            }
        }
        let lines = registry.prometheusText().split(separator: "\n").filter {
            $0.hasPrefix("courant_tracking_unmapped_total{")
        }
        #expect(lines.count == TrackingMetrics.unmappedMax + 1)
        #expect(lines.contains { $0.contains(#"event="other""#) && $0.hasSuffix(" 100") })
    }

    @Test("a long word of a provider's is cut before it is a label")
    func longWord() throws {
        let registry = MetricRegistry()
        let word = "e" + String(repeating: "\u{301}", count: 200_000)
        TrackingMetrics(registry).countUnmapped(provider: "sendgrid", event: word)
        let line = try #require(
            registry.prometheusText().split(separator: "\n").first { $0.hasPrefix("courant_tracking_unmapped_total{") }
        )
        #expect(line.utf8.count < 200)
    }

    @Test("a stored definition that cannot be read is named at the start")
    func stored() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "spring", #"{"name":"Spring"}"#)
        }
        let store = try await TrackingStore.open(world.storePath, platform: world.platform)
        let rows = try await store.read { (view) throws(TrackingError) in try view.settledRows(.definitions) }
        let row = try #require(rows.first)
        let text = #"["campaign","spring",{"name":5}]"#
        let change = StateChange(table: .definitions, day: 0, head: row.head, tail: row.tail, value: text)
        let applied = try await store.applied()
        try await store.apply([change], applied: try #require(applied))
        try await store.close()
        let error = try await #require(throws: TrackingError.self) { try await world.run { _ in } }
        #expect(error.message.contains("campaign \"spring\""), "\(error.message)")
        #expect(error.message.contains("name must be a text"), "\(error.message)")
    }
}
