import Avro
import Intake
import Platform
import Testing

@testable import Tracking

/// What happened, from which a sentence of the glossary is shown: told to tracking as senders, apps and providers do.
///
/// Whatever providers tell, they tell twice.
enum Scenario: String, Sendable, CaseIterable {
    case email
    case push
    case inApp
    case cards
    case sms
    case webhook
    case canvas
    case campaign
    case behaviours
    /// Providers that could not deliver at first, and users who press the spam button, in the providers' own words.
    case providers
    /// Nobody reports it to tracking; it is sent as the event that it is.
    case posted

    static let agent = "Mozilla/5.0 (X11; Linux)"
    static let device =
        #""device_id":"d-1","app_id":"a-1","platform":"ios","os_version":"17.6","device_model":"Phone","#
    static let ads = #""ad_id":"ad-1","ad_id_type":"ios_idfa","ad_tracking_enabled":true,"#
    static let ours = "+15005550006"
    static let start = TrackingWorld.start

    /// The events that come of it.
    func events() async throws -> [Event] {
        try await TrackingWorld().run { running in
            try await define(running)
            switch self {
            case .email: try await email(running)
            case .push: try await push(running)
            case .inApp: try await inApp(running)
            case .cards: try await cards(running)
            case .sms: try await sms(running)
            case .webhook: try await send("webhook", "api", ["u1"], Self.spring, "w", running)
            case .canvas: try await canvas(running)
            case .campaign: try await campaign(running)
            case .behaviours: try await behaviours(running)
            case .providers: try await providers(running)
            case .posted: try await posted(running)
            }
            for _ in 0..<2 { try await running.pass(.seconds(1_000)) }
            return try await running.events()
        }
    }

    private func define(_ running: TrackingWorld.Running) async throws {
        try await running.define(
            .campaign,
            "c-1",
            """
            {"name":"Spring","send_id":"spring-1","variations":[{"id":"v-a","name":"A","share":90},
            {"id":"v-0","name":"Control","share":10,"control":true}],
            "conversions":[{"type":"Makes Purchase","window":3600,"product":"any"},
            {"type":"Performs Custom Event","window":3600,"custom_event_name":"signed_up"},
            {"type":"Starts Session","window":3600},{"type":"Clicks Message","window":3600}]}
            """
        )
        try await running.define(.canvas, "cv-1", Stories.journey)
        try await running.define(.group, "g-sms", Stories.texts)
        let news = #"{"name":"News","channel":"email","provider_groups":{"sendgrid":["7001"]}}"#
        try await running.define(.group, "g-news", news)
        let users = (1...6).map { number in
            // Two share a number.
            let phone = Stories.phone(number == 2 ? "u1" : "u\(number)")
            return """
                {"user_id":"u\(number)","external_user_id":"x\(number)","timezone":"Europe/Paris",
                "emails":["u\(number)@example.com"],"phones":["\(phone)"]}
                """
        }
        try await running.users(#"{"users":[\#(users.joined(separator: ","))]}"#)
    }

    // MARK: - Reports

    static let spring = #""campaign_id":"c-1","message_variation_id":"v-a","#

    static func step(_ id: String) -> String {
        #""canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"\#(id)","#
    }

    /// Reports one message to each user; the provider knows it as `PREFIX-USER`.
    @discardableResult
    func send(
        _ channel: String,
        _ trigger: String,
        _ users: [String],
        _ message: String,
        _ prefix: String,
        _ running: TrackingWorld.Running
    ) async throws -> TrackAnswer {
        let recipients = users.map { user in
            """
            {"user_id":"\(user)","email_address":"\(user)@example.com","phone_number":"\(Stories.phone(user))",
            "provider_message_id":"\(prefix)-\(user)"}
            """
        }
        let body = """
            {"channel":"\(channel)","trigger":"\(trigger)",\(message)"time":\(Self.start),
            "recipients":[\(recipients.joined(separator: ","))]}
            """
        let answer = try await running.report(.sends, body, key: prefix)
        #expect(answer.rejected.isEmpty, "\(answer)")
        return answer
    }

    private func tell(
        _ type: String,
        _ message: String,
        at seconds: Int64 = 60,
        key: String = "",
        _ fields: [(String, String)],
        _ running: TrackingWorld.Running
    ) async throws {
        let report = ProviderReport(
            .happened(type: "users.messages.\(type)"),
            key: "\(type) \(message) \(seconds) \(key)",
            time: Self.start + seconds,
            address: .none,
            providerMessageID: message,
            fields: fields.map { JSONValue.Member($0.0, .string($0.1)) }
        )
        for _ in 0..<2 { try await running.provider([report]) }
    }

    private func report(
        _ route: TrackRoute,
        _ name: String,
        _ items: [String],
        _ running: TrackingWorld.Running
    ) async throws {
        let answer = try await running.report(route, #"{"\#(name)":[\#(items.joined(separator: ","))]}"#, key: "r")
        #expect(answer.rejected.isEmpty, "\(answer)")
    }

    // MARK: - Channels

    private func email(_ running: TrackingWorld.Running) async throws {
        let pool = #""ip_pool":"bulk","#
        try await send("email", "scheduled", ["u1", "u2", "u3", "u4"], Self.spring + pool, "a", running)
        try await send("email", "api", ["u1", "u2"], Self.spring + #""send_id":"own","#, "b", running)
        try await send("email", "action", ["u1", "u2"], Self.spring, "f", running)
        try await send("email", "scheduled", ["u1", "u2"], Self.step("s-2"), "c", running)
        try await send("email", "scheduled", ["u1", "u2"], Self.step("s-1"), "d", running)
        try await send("email", "api", ["u5"], "", "e", running)
        let (ip, agent) = (("sending_ip", "192.0.2.7"), ("user_agent", Self.agent))
        let reason = ("bounce_reason", "550 no such user")
        try await tell("email.Delivery", "a-u1", [ip], running)
        try await tell("email.Open", "a-u1", key: "1", [agent], running)
        try await tell("email.Open", "a-u1", key: "2", [agent], running)
        for (key, page) in [("1", "a"), ("2", "a"), ("3", "b")] {
            try await tell("email.Click", "a-u1", key: key, [agent, ("url", "https://shop.example/\(page)")], running)
        }
        try await tell("email.Click", "c-u1", [agent, ("url", "https://shop.example/c")], running)
        try await tell("email.MarkAsSpam", "a-u1", [agent], running)
        try await tell("email.Unsubscribe", "a-u1", [], running)
        try await tell("email.Bounce", "a-u2", [reason, ip], running)
        try await tell("email.SoftBounce", "a-u3", [("bounce_reason", "452 mailbox full"), ip], running)
        // A drop: nothing was attempted, and nobody said from which pool.
        try await tell("email.Bounce", "e-u5", [("bounce_reason", "Bounced Address")], running)
        let left = ProviderReport(
            .group(id: "7001", isSubscribed: false),
            key: "left",
            time: Self.start + 90,
            address: .email("u4@example.com"),
            providerMessageID: "a-u4"
        )
        for _ in 0..<2 { try await running.provider([left]) }
    }

    private func push(_ running: TrackingWorld.Running) async throws {
        let message = Self.spring + Self.ads + #""device_id":"d-1","app_id":"a-1","platform":"ios","#
        let answer = try await sendPush(["u1", "u2"], message, "p", running)
        let later = Self.step("s-2") + #""canvas_step_message_variation_id":"m-2","app_id":"a-1","platform":"ios","#
        let step = try await sendPush(["u3"], later, "q", running)
        let (first, second) = (answer.messages[0].messageID, answer.messages[1].messageID)
        let plain = #""type":"push_open","os_version":"17.6","device_model":"Phone","#
        try await report(
            .interactions,
            "interactions",
            [
                #"{\#(plain)"message_id":"\#(first)","time":\#(Self.start + 5)}"#,
                #"{\#(plain)"message_id":"\#(first)","button_action_type":"CLOSE","button_string":"b-1"}"#,
                #"{"type":"push_foreground","message_id":"\#(first)"}"#,
                #"{"type":"push_open","message_id":"\#(step.messages[0].messageID)"}"#,
            ],
            running
        )
        try await report(
            .pushResults,
            "results",
            [
                #"{"service":"apns","status":200,"app_id":"a-1","platform":"ios","message_id":"\#(first)"}"#,
                #"{"service":"apns","status":410,"reason":"Unregistered","app_id":"a-2","message_id":"\#(second)"}"#,
                #"{"service":"apns","status":503,"reason":"Shutdown","app_id":"a-1","message_id":"\#(second)"}"#,
            ],
            running
        )
    }

    private func sendPush(
        _ users: [String],
        _ message: String,
        _ prefix: String,
        _ running: TrackingWorld.Running
    ) async throws -> TrackAnswer {
        // Devices and advertising ids are each recipient's own.
        let own = ["device_id", "ad_id", "ad_id_type", "ad_tracking_enabled"]
        let members = try JSONValue(parsing: "{\(message.dropLast())}")
        guard case .object(let all) = members else { return TrackAnswer() }
        let device = all.filter { own.contains($0.key) }.map { JSONValue.object([$0]).text.dropFirst().dropLast() }
        let shared = all.filter { !own.contains($0.key) }.map { JSONValue.object([$0]).text.dropFirst().dropLast() }
        let recipients = users.map { user in
            "{" + ([#""user_id":"\#(user)""#] + device.map(String.init)).joined(separator: ",") + "}"
        }
        let body = """
            {"channel":"push","trigger":"scheduled",\(shared.joined(separator: ",")),
            "recipients":[\(recipients.joined(separator: ","))]}
            """
        let answer = try await running.report(.sends, body, key: prefix)
        #expect(answer.rejected.isEmpty, "\(answer)")
        return answer
    }

    private func inApp(_ running: TrackingWorld.Running) async throws {
        let common =
            #""user_id":"u1","card_id":"card-1",\#(Self.spring)\#(Self.device)\#(Self.ads)"time":\#(Self.start)"#
        try await report(
            .interactions,
            "interactions",
            [
                #"{"type":"in_app_impression",\#(common)}"#,
                #"{"type":"in_app_click","button_id":"0",\#(common)}"#,
            ],
            running
        )
    }

    private func cards(_ running: TrackingWorld.Running) async throws {
        let card = #""content_card_id":"cc-1","#
        let answer = try await send("content_card", "api", ["u1"], Self.spring + card, "k", running)
        let message = #""message_id":"\#(answer.messages[0].messageID)",\#(Self.device)\#(Self.ads)"#
        let kinds = ["impression", "click", "dismiss"]
        let feed = #""user_id":"u2","card_id":"n-1",\#(Self.device.dropLast())"#
        try await report(
            .interactions,
            "interactions",
            kinds.map { #"{"type":"content_card_\#($0)",\#(message.dropLast())}"# }
                + ["impression", "click"].map { #"{"type":"news_feed_card_\#($0)",\#(feed)}"# },
            running
        )
    }

    private func sms(_ running: TrackingWorld.Running) async throws {
        let common = #""subscription_group_id":"g-sms","from_phone_number":"\#(Self.ours)","#
        try await send("sms", "scheduled", ["u1", "u3", "u4"], Self.spring + common, "s", running)
        try await send("sms", "api", ["u5"], common + #""category":"Opt-In","#, "r", running)
        try await tell("sms.CarrierSend", "s-u1", [("from_phone_number", Self.ours)], running)
        try await tell("sms.Delivery", "s-u1", [("from_phone_number", Self.ours)], running)
        let why = [("error", "Unknown destination handset"), ("provider_error_code", "30005")]
        try await tell("sms.Rejection", "s-u3", why + [("from_phone_number", Self.ours)], running)
        try await tell("sms.DeliveryFailure", "s-u4", why, running)
        for (key, user, body, seconds) in [
            ("1", "u1", "What sizes?", Int64(14_400)), ("2", "u1", "too late", 14_401), ("3", "u6", "sToP ", 50),
            ("4", "u6", "Start", 60), ("5", "u6", "please stop it", 70),
        ] {
            let message = InboundMessage(from: Stories.phone(user), to: Self.ours, body: body)
            let report = ProviderReport(.inbound(message), key: key, time: Self.start + seconds, address: .none)
            for _ in 0..<2 { try await running.provider([report], name: "twilio") }
        }
    }

    // MARK: - Canvases, campaigns, behaviours

    private func canvas(_ running: TrackingWorld.Running) async throws {
        let entries = [("u1", "w-1"), ("u2", "w-2")].map { user, variation in
            """
            {"user_id":"\(user)","canvas_id":"cv-1","canvas_variation_id":"\(variation)","canvas_step_id":"s-1",
            "time":\(Self.start)}
            """
        }
        try await report(.entries, "entries", entries, running)
        try await send("email", "scheduled", ["u1"], Self.step("s-1"), "d", running)
        try await send("email", "api", ["u1"], Self.step("s-2"), "c", running)
        try await report(.behaviours, "behaviours", [Self.signUp("u1"), Self.signUp("u3")], running)
    }

    static func signUp(_ user: String) -> String {
        """
        {"type":"custom_event","user_id":"\(user)","app_id":"a-1","name":"signed_up","time":\(start + 100),
        "properties":{"plan":"pro"}}
        """
    }

    private func campaign(_ running: TrackingWorld.Running) async throws {
        try await send("email", "scheduled", ["u1"], Self.spring, "a", running)
        let enrolled = #"{"user_id":"u2","campaign_id":"c-1","message_variation_id":"v-0","time":\#(Self.start)}"#
        try await report(.enrolments, "enrolments", [enrolled], running)
        try await tell("email.Click", "a-u1", at: 40, [("url", "https://shop.example/")], running)
        let session =
            #"{"type":"session_start","user_id":"u1","app_id":"a-1","session_id":"s","time":\#(Self.start + 5)}"#
        let bought = { (user: String, seconds: Int64) in
            """
            {"type":"purchase","user_id":"\(user)","app_id":"a-1","time":\(Self.start + seconds),"product_id":"p-1",
            "price":9.5,"currency":"EUR"}
            """
        }
        let deeds = [
            bought("u1", 3_601), bought("u1", 3_600), bought("u2", 7), bought("u3", 7), session, Self.signUp("u1"),
        ]
        try await report(.behaviours, "behaviours", deeds, running)
    }

    private func behaviours(_ running: TrackingWorld.Running) async throws {
        let common = #""user_id":"u1",\#(Self.device)"time":\#(Self.start)"#
        let session = common + #","session_id":"s-1""#
        let price = #""price":9.5,"currency":"EUR""#
        try await report(
            .behaviours,
            "behaviours",
            [
                Self.signUp("u1"),
                #"{"type":"purchase",\#(common),"product_id":"p-1",\#(price),"properties":{"size":"M"}}"#,
                #"{"type":"location",\#(common),"latitude":48.85,"longitude":2.35}"#,
                #"{"type":"install","user_id":"u1","source":"a network","time":\#(Self.start)}"#,
                #"{"type":"uninstall","user_id":"u1","app_id":"a-1","device_id":"d-1","time":\#(Self.start)}"#,
                #"{"type":"first_session",\#(session)}"#, #"{"type":"session_start",\#(session)}"#,
                #"{"type":"session_end",\#(session),"duration":61}"#, #"{"type":"news_feed_impression",\#(common)}"#,
            ],
            running
        )
    }

    private func posted(_ running: TrackingWorld.Running) async throws {
        let event = """
            [{"event_type":"users.RandomBucketNumberUpdate","id":"e-1","user_id":"u1","time":\(Self.start),
            "random_bucket_number":42,"prev_random_bucket_number":7}]
            """
        let made = try running.intake.make(Array(event.utf8), for: "default", keepsRejected: false)
        #expect(made.rejections.isEmpty)
        _ = try await running.intake.append([made], change: nil)
    }
}

/// What each scenario came to: each is played once, for all sentences that it shows.
actor Stage {
    static let shared = Stage()

    private var played: [Scenario: [Event]] = [:]

    func events(of scenario: Scenario) async throws -> [Event] {
        if let events = played[scenario] { return events }
        let events = try await scenario.events()
        played[scenario] = events
        return events
    }
}
