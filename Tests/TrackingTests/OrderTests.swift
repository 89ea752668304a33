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
    }

    @Test(
        "any repetition, and any reordering within overtake, gives the same set of events",
        arguments: Array(UInt64(1)...12)
    )
    func sameEvents(seed: UInt64) async throws {
        let random = SeededRandom(seed: seed)
        let story = Self.story(random)
        let told = try await Self.events(story.free + story.behind, restartsAt: nil)
        var shuffled = Self.shuffled(story.free + Self.some(of: story.free, random), random)
        // A repeat comes after what it repeats, and not before what that follows.
        shuffled += story.behind + Self.some(of: story.behind, random) + Self.some(of: story.free, random)
        let restart = random.next(below: shuffled.count)
        let retold = try await Self.events(shuffled, restartsAt: restart)
        #expect(told.count > 20, "seed \(seed)")
        #expect(Set(told) == Set(retold), "seed \(seed)")
        #expect(told.count == retold.count, "seed \(seed)")
    }

    private static func events(_ requests: [Request], restartsAt restart: Int?) async throws -> [Event] {
        let world = try TrackingWorld()
        let first = restart.map { requests[..<$0] } ?? requests[...]
        try await world.run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            try await running.define(.canvas, "cv-1", Stories.journey)
            try await running.define(.group, "g-sms", Stories.texts)
            let users = (1...9).map { #"{"user_id":"u\#($0)","phones":["\#(Stories.phone("u\($0)"))"]}"# }
            try await running.users(#"{"users":[\#(users.joined(separator: ","))]}"#)
            for request in first { try await tell(request, running) }
        }
        return try await world.run { running in
            for request in requests[first.endIndex...] { try await tell(request, running) }
            // What still waits has waited long enough.
            try await running.pass(.seconds(1_000))
            return try await running.events().filter { $0.type != "courant.DeadLetter" }
        }
    }

    private static func tell(_ request: Request, _ running: TrackingWorld.Running) async throws {
        switch request {
        case .report(let route, let body, let key): _ = try await running.report(route, body, key: key)
        case .provider(let report): try await running.provider([report], name: "twilio")
        }
    }

    private static func story(_ random: SeededRandom) -> Story {
        var story = Story()
        let start = TrackingWorld.start
        for number in 1...9 {
            let user = "u\(number)"
            let sent = start + Int64(random.next(below: 300))
            let time = #""time":\#(sent),"from_phone_number":"+15005550006","#
            let channel = ["email", "sms"][random.next(below: 2)]
            let campaign = random.next(below: 3) > 0
            let canvas = #""canvas_id":"cv-1","canvas_variation_id":"w-1","canvas_step_id":"s-2","#
            let body = Stories.sends(
                [user],
                channel: channel,
                trigger: ["api", "scheduled"][random.next(below: 2)],
                campaign: campaign ? "c-1" : nil,
                more: campaign ? time : time + canvas
            )
            story.free.append(.report(.sends, body, key: "send-\(user)"))
            for (index, what) in ["Delivery", "Open", "Open", "Click"].enumerated() where random.next(below: 4) > 0 {
                var report = Stories.email(what, user, key: "\(user)-\(index)", time: sent + Int64(10 * index))
                if channel == "sms" {
                    guard what == "Delivery" else { continue }
                    report.kind = .happened(type: "users.messages.sms.Delivery")
                    report.address = .phone(Stories.phone(user))
                }
                story.free.append(.provider(report))
            }
            for index in 0..<random.next(below: 4) {
                story.behind.append(deed(index, user, sent + 500 + Int64(index), random))
            }
        }
        return story
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
