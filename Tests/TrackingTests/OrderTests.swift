import Avro
import Platform
import PlatformTesting
import Testing

@testable import Tracking

@Suite("in whatever order, and however often")
struct OrderTests {
    /// One request, and whether it must stay behind the others of its user.
    private enum Request: Sendable {
        case report(TrackRoute, String, key: String)
        case provider(ProviderReport)
    }

    private struct Story {
        /// May come in any order.
        var free: [Request] = []
        /// What users do, subscribe to and write: comes after what it follows, in its own order.
        var behind: [Request] = []
        var messages = 0
    }

    private static let sale = """
        {"name":"Sale","conversions":[{"type":"Opens Message","window":400},{"type":"Clicks Message","window":200},
        {"type":"Makes Purchase","window":3600,"product":"any"}]}
        """
    private static let tour = """
        {"name":"Tour","variations":[{"id":"w-1","name":"One","share":100}],
        "steps":[{"id":"s-1","name":"Hello","entry":true},{"id":"s-2","name":"Again"},{"id":"s-3","name":"Last"}],
        "conversions":[{"type":"Opens Message","window":300},{"type":"Clicks Message","window":900}]}
        """
    /// All that is told comes within `overtake`.
    private static let passedMax: Int64 = 800

    @Test(
        "any repetition, and any reordering within overtake, gives the same set of events",
        arguments: Array(UInt64(1)...12),
        TrackingSource.Sends.allCases
    )
    func sameEvents(seed: UInt64, sends: TrackingSource.Sends) async throws {
        let random = SeededRandom(seed: seed)
        let story = Self.story(random)
        let told = try await Self.events(story.free + story.behind, sends, restartsAt: nil, random)
        var shuffled = Self.shuffled(story.free + Self.some(of: story.free, random), random)
        // A repeat comes after what it repeats, and not before what that follows.
        shuffled += story.behind + Self.some(of: story.behind, random) + Self.some(of: story.free, random)
        let restart = random.next(below: shuffled.count)
        let retold = try await Self.events(shuffled, sends, restartsAt: restart, random)
        #expect(told.count > 20, "seed \(seed)")
        #expect(told.contains { $0.type.hasSuffix(".Conversion") }, "seed \(seed)")
        let (lacking, surplus) = (Set(told).subtracting(retold), Set(retold).subtracting(told))
        #expect(lacking.isEmpty && surplus.isEmpty, "seed \(seed)")
        #expect(told.count == retold.count, "seed \(seed)")
        let made = told.count { $0.type.hasSuffix(".Send") }
        #expect(made == story.messages, "seed \(seed)")
    }

    private static func events(
        _ requests: [Request],
        _ sends: TrackingSource.Sends,
        restartsAt restart: Int?,
        _ random: SeededRandom
    ) async throws -> [Event] {
        let world = try TrackingWorld(sends: sends)
        let first = restart.map { requests[..<$0] } ?? requests[...]
        var left = passedMax
        func tell(_ request: Request, _ running: TrackingWorld.Running) async throws {
            if random.next(below: 8) == 0, left > 0 {
                let passed = min(left, Int64(1 + random.next(below: 40)))
                left -= passed
                world.clock.advance(by: .seconds(passed))
            }
            switch request {
            case .report(let route, let body, let key): _ = try await running.report(route, body, key: key)
            case .provider(let report):
                // Half of them come under another source than that of the report.
                let source = report.key.utf8.reduce(0) { $0 &+ Int($1) }.isMultiple(of: 2) ? "default" : "other"
                try await running.provider([report], name: "twilio", source: source)
            }
        }
        try await world.run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            try await running.define(.campaign, "c-2", Self.sale)
            try await running.define(.canvas, "cv-1", Self.tour)
            try await running.define(.group, "g-sms", Stories.texts)
            let users = (1...people).map { #"{"user_id":"u\#($0)","phones":["\#(Stories.phone("u\($0)"))"]}"# }
            try await running.users(#"{"users":[\#(users.joined(separator: ","))]}"#)
            for request in first { try await tell(request, running) }
        }
        return try await world.run { running in
            for request in requests[first.endIndex...] { try await tell(request, running) }
            // What still waits for its message has waited long enough, and then what that converts.
            for _ in 0..<2 { try await running.pass(.seconds(1_000)) }
            return try await running.events().filter { $0.type != "courant.DeadLetter" }
        }
    }

    private static let people = 6

    private static func story(_ random: SeededRandom) -> Story {
        var story = Story()
        for number in 1...people {
            let user = "u\(number)"
            let entered = TrackingWorld.start + Int64(random.next(below: 50))
            let entry = """
                {"entries":[{"user_id":"\(user)","canvas_id":"cv-1","canvas_variation_id":"w-1","time":\(entered)}]}
                """
            if random.next(below: 2) == 0 { story.free.append(.report(.entries, entry, key: "entry-\(user)")) }
            for index in 0...random.next(below: 4) { send(Message(user, index, random), random, &story) }
            for index in 0..<random.next(below: 4) {
                story.behind.append(deed(index, user, TrackingWorld.start + 900 + Int64(index), random))
            }
        }
        return story
    }

    /// A message to a user; several of one campaign go to the same user.
    private struct Message {
        let user: String
        let name: String
        let channel: String
        let owner: String
        let sent: Int64

        init(_ user: String, _ index: Int, _ random: SeededRandom) {
            self.user = user
            name = "\(user)-\(index)"
            channel = ["email", "email", "push", "sms"][random.next(below: 4)]
            let step = "s-\(1 + random.next(below: 3))"
            owner =
                [
                    #""campaign_id":"c-1","message_variation_id":"v-a","#, #""campaign_id":"c-2","#,
                    #""campaign_id":"c-2","#,
                    #""canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"\#(step)","#,
                ][random.next(below: 4)]
            // Of two in one second the later in the order of taking-in counts as the latest.
            sent = TrackingWorld.start + Int64(60 * index + random.next(below: 60))
        }

        func report(_ random: SeededRandom) -> String {
            """
            {"channel":"\(channel)","trigger":"\(["api", "scheduled"][random.next(below: 2)])",\(owner)"time":\(sent),
            "from_phone_number":"+15005550006","app_id":"a","platform":"ios",
            "recipients":[{"user_id":"\(user)","email_address":"\(user)@example.com",
            "phone_number":"\(Stories.phone(user))","provider_message_id":"p-\(name)"}]}
            """
        }

        /// Custom arguments: none, our id beside the provider's, or the user.
        func argue(_ report: inout ProviderReport, _ random: SeededRandom) {
            switch random.next(below: 4) {
            case 0: report.messageID = id
            case 1: report.metadata = ["user_id": user]
            default: break
            }
        }

        /// What the report of the send will answer.
        var id: String {
            let day = StateDay(seconds: TrackingWorld.start)
            return TrackingIDs.messageID(day: day, "default", "sends send-\(name)", "0")
        }
    }

    private static func send(_ message: Message, _ random: SeededRandom, _ story: inout Story) {
        story.free.append(.report(.sends, message.report(random), key: "send-\(message.name)"))
        story.messages += 1
        for copy in 0...random.next(below: 3) { story.free.append(sent(message, copy, random)) }
        let whats = message.channel == "sms" ? ["Delivery"] : ["Delivery", "Open", "Click"]
        for what in whats where message.channel != "push" {
            for index in 0..<(what == "Delivery" ? 1 : random.next(below: 5)) {
                // Few different times: some happen in the same second.
                let time = message.sent + Int64(60 * random.next(below: 8))
                let key = "\(message.name)-\(what)-\(index)"
                var report = Stories.email(what, message.user, key: key, time: time)
                report.providerMessageID = "p-\(message.name)"
                if message.channel == "sms" {
                    report.kind = .happened(type: "users.messages.sms.Delivery")
                    report.address = .phone(Stories.phone(message.user))
                }
                message.argue(&report, random)
                story.free.append(.provider(report))
            }
        }
        for index in 0..<(message.channel == "push" ? random.next(below: 5) : 0) {
            let body = """
                {"interactions":[{"type":"push_open","message_id":"\(message.id)","app_id":"app-\(index)",
                "time":\(message.sent + Int64(60 * random.next(below: 8)))}]}
                """
            story.free.append(.report(.interactions, body, key: "\(message.name)-open-\(index)"))
        }
    }

    /// What the provider, or the push service's answer, says of the sending: a service's SMS is accepted first, and
    /// then queued with the number that it goes from.
    private static func sent(_ message: Message, _ copy: Int, _ random: SeededRandom) -> Request {
        if message.channel == "push" {
            let body = """
                {"results":[{"service":"fcm","status":200,"message_id":"\(message.id)","app_id":"a","platform":"ios",
                "time":\(message.sent)}]}
                """
            return .report(.pushResults, body, key: "\(message.name)-sent-\(copy)")
        }
        var report = Stories.email("Send", message.user, key: "\(message.name)-sent-\(copy)", time: message.sent)
        report.kind = .sent(type: "\(Stories.email).Send")
        report.providerMessageID = "p-\(message.name)"
        if message.channel == "sms" {
            report.kind = .sent(type: "\(Stories.sms).Send")
            report.address = .phone(Stories.phone(message.user))
            if copy > 0 { report.fields = [.init("from_phone_number", .string("+15005550006"))] }
        }
        message.argue(&report, random)
        return .provider(report)
    }

    private static func deed(_ index: Int, _ user: String, _ time: Int64, _ random: SeededRandom) -> Request {
        let key = "\(user)-\(index)"
        switch random.next(below: 4) {
        case 0:
            let message = InboundMessage(
                from: Stories.phone(user),
                to: "+15005550006",
                body: ["STOP", "START", "hello"][random.next(below: 3)]
            )
            return .provider(
                ProviderReport(.inbound(message), key: key, time: time, address: .phone(Stories.phone(user)))
            )
        case 1:
            let status = ["Subscribed", "Unsubscribed"][random.next(below: 2)]
            let body = """
                {"subscriptions":[{"user_id":"\(user)","subscription_group_id":"g-sms","time":\(time),
                "subscription_status":"\(status)"}]}
                """
            return .report(.subscriptions, body, key: key)
        default:
            let body = """
                {"behaviours":[{"type":"purchase","user_id":"\(user)","app_id":"a","time":\(time),"product_id":"p",
                "price":\(index + 1),"currency":"EUR"}]}
                """
            return .report(.behaviours, body, key: key)
        }
    }

    private static func some(of requests: [Request], _ random: SeededRandom) -> [Request] {
        requests.filter { _ in random.next(below: 2) == 0 }
    }

    private static func shuffled(_ requests: [Request], _ random: SeededRandom) -> [Request] {
        var requests = requests
        for index in requests.indices.reversed() { requests.swapAt(index, random.next(below: index + 1)) }
        return requests
    }
}
