import Glossary
import Samples
import Testing

/// What a message's events have in common: the user, and the campaign or the canvas step.
private struct Thread: Hashable {
    let user: String
    let origin: String
    let kind: String
}

@Suite("Made-up events hang together")
struct CoherenceTests {
    private let sample: [SampleEvent]

    init() throws {
        sample = try events(50_000, seed: 77)
    }

    private func named(_ name: String) -> [SampleEvent] {
        sample.filter { $0.type.name == "users." + name }
    }

    private func origin(of event: SampleEvent) -> String {
        event.text(of: "campaign_id") ?? event.text(of: "canvas_step_id") ?? "none"
    }

    private func time(of event: SampleEvent) -> Int64 {
        guard case .int(let time)? = event.value(of: "time") else { return -1 }
        return time
    }

    private static let followers: [(String, String)] = [
        ("messages.email.Delivery", "messages.email.Send"), ("messages.email.Bounce", "messages.email.Send"),
        ("messages.email.SoftBounce", "messages.email.Send"), ("messages.email.Open", "messages.email.Delivery"),
        ("messages.email.Click", "messages.email.Open"), ("messages.email.MarkAsSpam", "messages.email.Open"),
        ("messages.email.Unsubscribe", "messages.email.Open"),
        ("messages.pushnotification.Open", "messages.pushnotification.Send"),
        ("messages.pushnotification.Bounce", "messages.pushnotification.Send"),
        ("messages.pushnotification.IosForeground", "messages.pushnotification.Send"),
        ("messages.sms.CarrierSend", "messages.sms.Send"), ("messages.sms.Delivery", "messages.sms.CarrierSend"),
        ("messages.sms.DeliveryFailure", "messages.sms.CarrierSend"), ("messages.sms.Rejection", "messages.sms.Send"),
        ("messages.inappmessage.Click", "messages.inappmessage.Impression"),
        ("messages.contentcard.Impression", "messages.contentcard.Send"),
        ("messages.contentcard.Click", "messages.contentcard.Impression"),
        ("messages.contentcard.Dismiss", "messages.contentcard.Impression"),
        ("messages.newsfeedcard.Click", "messages.newsfeedcard.Impression"),
    ]

    @Test("what follows comes after what it follows, of the same user, message and transmission")
    func follows() throws {
        var seen: [Thread: Set<String>] = [:]
        let leaders = Dictionary(
            uniqueKeysWithValues: CoherenceTests.followers.map { ("users." + $0.0, "users." + $0.1) }
        )
        var checked: Set<String> = []
        for event in sample {
            let user = try #require(event.text(of: "user_id"))
            if let leader = leaders[event.type.name] {
                let dispatches = seen[Thread(user: user, origin: origin(of: event), kind: leader)]
                #expect(dispatches != nil, "\(event.type.name)")
                if let dispatch = event.text(of: "dispatch_id") { #expect(dispatches?.contains(dispatch) == true) }
                checked.insert(event.type.name)
            }
            let thread = Thread(user: user, origin: origin(of: event), kind: event.type.name)
            seen[thread, default: []].insert(event.text(of: "dispatch_id") ?? "")
        }
        #expect(checked.count == CoherenceTests.followers.count)
    }

    @Test("a canvas message follows the user's entry into that canvas and variation")
    func canvasEntries() throws {
        var entered: Set<String> = []
        var messages = 0
        for event in sample {
            guard let canvas = event.text(of: "canvas_id") else { continue }
            #expect(event.value(of: "campaign_id") == nil)
            let user = try #require(event.text(of: "user_id"))
            let key = "\(user) \(canvas) \(try #require(event.text(of: "canvas_variation_id")))"
            if event.type.name == "users.canvas.Entry" {
                entered.insert(key)
            } else {
                // A reply carries the canvas for each user who shares the phone, also for who is in no canvas.
                let hasEntered = entered.contains(key) || event.type.recordName == "InboundReceive"
                #expect(hasEntered, "\(event.type.name)")
                messages += 1
            }
        }
        #expect(messages > 1000)
    }

    @Test("statement 8: a scheduled campaign shares a dispatch id, a triggered one and a canvas give one to each user")
    func dispatchIDs() throws {
        var usersByDispatch: [String: Set<String>] = [:]
        var originsByDispatch: [String: Set<String>] = [:]
        var canvasDispatches: Set<String> = []
        for event in sample where event.type.recordName == "Send" {
            guard let dispatch = event.text(of: "dispatch_id") else { continue }
            usersByDispatch[dispatch, default: []].insert(try #require(event.text(of: "user_id")))
            originsByDispatch[dispatch, default: []].insert(origin(of: event))
            if event.text(of: "canvas_id") != nil { canvasDispatches.insert(dispatch) }
        }
        #expect(originsByDispatch.values.allSatisfy { $0.count == 1 })
        #expect(usersByDispatch.values.contains { $0.count > 10 })
        #expect(usersByDispatch.values.count { $0.count == 1 } > 1000)
        #expect(canvasDispatches.count > 100)
        for dispatch in canvasDispatches { #expect(usersByDispatch[dispatch]?.count == 1) }
        let clicks = named("messages.email.Click")
        for click in clicks {
            #expect((click.value(of: "dispatch_id") != nil) == (click.value(of: "campaign_id") != nil))
        }
        #expect(
            clicks.contains { $0.value(of: "canvas_id") != nil }
                && clicks.contains { $0.value(of: "campaign_id") != nil }
        )
    }

    @Test("statement 10: opens and clicks repeat, each an event of its own")
    func repeats() {
        for name in ["messages.email.Open", "messages.email.Click"] {
            var counts: [Thread: Int] = [:]
            for event in named(name) {
                let thread = Thread(
                    user: event.text(of: "user_id") ?? "",
                    origin: origin(of: event),
                    kind: event.text(of: "dispatch_id") ?? ""
                )
                counts[thread, default: 0] += 1
            }
            #expect(counts.values.contains { $0 > 1 })
        }
    }

    @Test("statement 12: an Unsubscribe by link is followed by a change of state, and no email goes out until a return")
    func unsubscribes() throws {
        var left: Set<String> = []
        var clicked: Set<String> = []
        var changes = 0
        for event in sample {
            let user = try #require(event.text(of: "user_id"))
            switch event.type.name {
            case "users.messages.email.Unsubscribe": clicked.insert(user)
            case "users.behaviors.subscriptiongroup.StateChange" where event.text(of: "channel") == "email":
                #expect(event.value(of: "email_address") != nil && event.value(of: "phone_number") == nil)
                if event.text(of: "subscription_status") == "Unsubscribed" {
                    #expect(clicked.contains(user))
                    left.insert(user)
                    changes += 1
                } else {
                    #expect(left.remove(user) != nil)
                }
            case "users.messages.email.Send": #expect(!left.contains(user))
            default: break
            }
        }
        #expect(changes > 50)
    }

    @Test("statement 14: a reply comes within four hours and carries what it answers, for each user of the phone")
    func replies() throws {
        var lastSends: [String: SampleEvent] = [:]
        var answered = 0
        var usersByMessage: [String: Set<String>] = [:]
        for event in sample {
            let group = event.text(of: "subscription_group_id") ?? ""
            if event.type.name == "users.messages.sms.Send" {
                lastSends[try #require(event.text(of: "to_phone_number")) + group] = event
            }
            guard event.type.name == "users.messages.sms.InboundReceive" else { continue }
            let phone = try #require(event.text(of: "user_phone_number"))
            usersByMessage["\(phone) \(time(of: event))", default: []].insert(try #require(event.text(of: "user_id")))
            let send = lastSends[phone + group]
            if let send, time(of: event) - time(of: send) <= 14_400 {
                #expect(event.text(of: "campaign_id") == send.text(of: "campaign_id"))
                #expect(event.text(of: "canvas_id") == send.text(of: "canvas_id"))
                answered += 1
            } else {
                #expect(event.value(of: "campaign_id") == nil && event.value(of: "canvas_id") == nil)
            }
        }
        #expect(answered > 200)
        #expect(usersByMessage.values.contains { $0.count == 2 })
    }

    @Test("a STOP is answered by a change of state and a message of the category Opt-Out")
    func stops() {
        let stops = named("messages.sms.InboundReceive").filter { $0.text(of: "action") == "unsubscribed" }
        #expect(stops.count > 20)
        for stop in stops.dropLast(3) {
            let user = stop.text(of: "user_id")
            let change = named("behaviors.subscriptiongroup.StateChange").contains {
                $0.text(of: "user_id") == user && $0.text(of: "channel") == "sms" && time(of: $0) == time(of: stop) + 1
            }
            #expect(change)
            let answer = named("messages.sms.Send").contains {
                $0.text(of: "to_phone_number") == stop.text(of: "user_phone_number")
                    && $0.text(of: "category") == "Opt-Out" && time(of: $0) == time(of: stop) + 2
            }
            #expect(answer)
        }
    }

    @Test("statement 16: who is enrolled in control is sent nothing, and an entry names no step")
    func control() {
        let enrolments = named("campaigns.EnrollInControl")
        let sent = Set(named("messages.email.Send").compactMap { $0.text(of: "message_variation_id") })
        #expect(enrolments.count > 100)
        for enrolment in enrolments { #expect(!sent.contains(enrolment.text(of: "message_variation_id") ?? "")) }
        let entries = named("canvas.Entry")
        #expect(entries.allSatisfy { $0.value(of: "canvas_step_name") == nil && $0.value(of: "canvas_step_id") != nil })
        #expect(entries.contains { $0.value(of: "in_control_group") == .boolean(true) })
    }

    @Test("conversions come after a message or an enrolment of their campaign, or an entry into their canvas")
    func conversions() throws {
        var touched: Set<String> = []
        var count = 0
        for event in sample {
            let user = try #require(event.text(of: "user_id"))
            guard let plan = event.text(of: "campaign_id") ?? event.text(of: "canvas_id") else { continue }
            if event.type.name.hasSuffix(".Conversion") {
                #expect(touched.contains(user + plan))
                count += 1
            } else {
                touched.insert(user + plan)
            }
        }
        #expect(count > 300)
    }
}
