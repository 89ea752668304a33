package import Glossary

/// A stream of made-up events that hang together: a delivery follows its send by seconds, an open a delivery, a
/// click an open; users enter a canvas before its messages; replies come within four hours.
///
/// Events come in the order of their time, about one for each second of the stream's own time. The same seed,
/// edition and start give the same events. Each of the 32 message-engagement types that the edition has is among
/// the first 2,000 events: stories are dealt from a deck that holds each of them, and in the first half hour what
/// follows does not keep one waiting for long.
package struct SampleStream: Sendable {
    private static let shortWaits: Int64 = 1800
    private static let shortWaitMax: Int64 = 200

    let world: SampleWorld
    private let plans: [EventPlan?]
    private let start: Int64
    var random: SampleRandom
    private var queue = HappeningQueue()
    private var order: UInt64 = 0
    private var deck = Card.deck
    private var dealt = 0
    private var nextArrival: Int64

    /// For each user a bit for email and one for each group of text messages that the user has left.
    var left: [UInt8]
    /// For each user the number of addresses that bounced for good.
    var mailboxes: [UInt8]
    /// For each phone and group of text messages the last message that went there.
    var lastTexts: [(time: Int64, message: SampleMessage)?]

    /// A stream of the edition's message-engagement events, from that second on.
    package init(seed: UInt64, edition: Edition, startingAt start: Int64) {
        world = SampleWorld(seed: seed, users: 5000, campaigns: 36, canvases: 10)
        plans = StoryEvent.allCases.map { edition.type(named: $0.typeName).map(EventPlan.init(type:)) }
        precondition(plans.contains { $0 != nil }, "edition \(edition.name) has no message-engagement types")
        self.start = start
        random = SampleRandom(seed: seed)
        nextArrival = start
        left = Array(repeating: 0, count: world.users.count)
        mailboxes = Array(repeating: 0, count: world.users.count)
        lastTexts = Array(repeating: nil, count: world.users.count * world.textGroups.count)
    }

    /// The next event.
    package mutating func next() -> SampleEvent {
        while true {
            guard let first = queue.first, first.time < nextArrival, let happening = queue.pop() else {
                deal()
                continue
            }
            switch happening.action {
            case .begin(let card): begin(card, happening.message, at: happening.time)
            case .emit(let event):
                note(event, happening)
                guard let plan = plans[Int(event.rawValue)] else { continue }
                return plan.make(
                    Scene(
                        world: world,
                        event: event,
                        message: happening.message,
                        time: happening.time,
                        high: random.next(),
                        low: random.next(),
                        isWhole: false
                    )
                )
            }
        }
    }

    /// One event of any type of any edition, with every field that may stand beside the others.
    package static func one(of type: EventType, seed: UInt64) -> SampleEvent {
        let world = SampleWorld(seed: seed, users: 50, campaigns: SampleChannel.allCases.count, canvases: 1)
        let plan = EventPlan(type: type)
        var random = SampleRandom(seed: seed ^ 0x0E)
        let needsCampaign = type.field(named: "campaign_id")?.isRequired ?? false
        let needsCanvas = type.field(named: "canvas_id")?.isRequired ?? false
        let hasCampaign = type.field(named: "campaign_id") != nil
        // User 0 has an iOS device whose app collects the advertising id.
        var message = SampleMessage(user: 0, seed: random.next())
        message.origin = needsCampaign || !needsCanvas && hasCampaign && seed % 2 == 0 ? .campaign : .canvas
        (message.dispatchHigh, message.dispatchLow) = (random.next(), random.next())
        switch plan.event {
        case .stateChange: message.detail = seed % 2 == 0 ? .unsubscribedFromEmail : .unsubscribedFromText
        case .textInbound: message.detail = seed % 2 == 0 ? .replyPlain : .replyStop
        case .controlEnrollment: message.detail = .inControl
        default: break
        }
        let time = 1_782_000_000 + Int64(random.below(1_000_000))
        return plan.make(
            Scene(
                world: world,
                event: plan.event,
                message: message,
                time: time,
                high: random.next(),
                low: random.next(),
                isWhole: true
            )
        )
    }
}

// MARK: - Dealing stories

extension SampleStream {
    private mutating func deal() {
        let now = nextArrival
        nextArrival += random.number(in: 1...5)
        let position = dealt % deck.count
        if position == 0 { shuffle() }
        dealt += 1
        let card = deck[position]
        var message = SampleMessage(user: Int32(random.below(world.users.count)), seed: random.next())
        message.variation = UInt8(random.below(2))
        if card == .pushForeground { message.user = Int32(SampleUser.withIOS(near: Int(message.user))) }
        message.mailbox = mailboxes[Int(message.user)]
        switch card {
        case .canvasEntered, .canvasConverted, .canvasControl:
            message.origin = .canvas
            message.plan = Int32(random.below(world.canvases.count))
        case .textHelp: message.textGroup = UInt8(random.below(world.textGroups.count))
        default:
            guard let channel = card.channel else { break }
            message.origin = .campaign
            message.plan = Int32(world.campaign(random.below(world.campaigns.count), of: channel))
            if channel == .text { message.textGroup = UInt8(Int(message.plan) / 6 % world.textGroups.count) }
        }
        if let leaving = card.channel.flatMap({ mark(of: $0, message) }), left[Int(message.user)] & leaving != 0 {
            // The user comes back first; then the story begins.
            message.detail = card.channel == .email ? .subscribedToEmail : .subscribedToText
            var comingBack = message
            comingBack.origin = .none
            emit(.stateChange, comingBack, at: now)
            message.detail = .none
            push(.begin(card), message, at: now + 60)
        } else {
            begin(card, message, at: now)
        }
    }

    private mutating func shuffle() {
        for index in stride(from: deck.count - 1, to: 0, by: -1) {
            deck.swapAt(index, random.below(index + 1))
        }
    }

    /// The bit of `left` that stands for the channel.
    func mark(of channel: SampleChannel, _ message: SampleMessage) -> UInt8? {
        switch channel {
        case .email: 1
        case .text: 2 << message.textGroup
        case .push, .inApp, .contentCard, .webhook: nil
        }
    }

    /// Remembers what later stories depend on.
    private mutating func note(_ event: StoryEvent, _ happening: Happening) {
        let message = happening.message
        let user = Int(message.user)
        switch event {
        case .textSend:
            let owner = world.phoneOwner(of: user)
            lastTexts[owner * world.textGroups.count + Int(message.textGroup)] = (happening.time, message)
        case .emailBounce: mailboxes[user] &+= 1
        case .stateChange:
            switch message.detail {
            case .subscribedToEmail: left[user] &= ~1
            case .unsubscribedFromEmail: left[user] |= 1
            case .subscribedToText: left[user] &= ~(2 << message.textGroup)
            case .unsubscribedFromText: left[user] |= 2 << message.textGroup
            default: break
            }
        default: break
        }
    }

    mutating func push(_ action: Happening.Action, _ message: SampleMessage, at time: Int64) {
        queue.push(Happening(time: time, order: order, action: action, message: message))
        order += 1
    }

    mutating func emit(_ event: StoryEvent, _ message: SampleMessage, at time: Int64) {
        push(.emit(event), message, at: time)
    }

    /// How long until the next thing happens: within the range, or in one case of ten up to `seldom`.
    mutating func wait(_ range: ClosedRange<Int64>, seldom: Int64? = nil, from now: Int64) -> Int64 {
        if now < start + SampleStream.shortWaits {
            let upper = min(range.upperBound, SampleStream.shortWaitMax)
            return random.number(in: range.lowerBound...max(range.lowerBound, upper))
        }
        if let seldom, random.chance(percent: 10) { return random.number(in: range.upperBound...seldom) }
        return random.number(in: range)
    }
}
