extension SampleStream {
    mutating func begin(_ card: Card, _ message: SampleMessage, at now: Int64) {
        switch card {
        case .canvasEntered, .canvasConverted, .canvasControl: tellCanvas(card, message, at: now)
        case .canvasStep: tellStep(message, at: now)
        case .controlEnrolled:
            var message = message
            message.detail = .inControl
            emit(.controlEnrollment, message, at: now)
            if random.chance(percent: 20) {
                emit(.campaignConversion, message, at: now + wait(60...3600, from: now))
            }
        case .textHelp:
            var message = message
            message.detail = .replyHelp
            tellReply(message, at: now)
        case .reply: tellReply(message, at: now)
        case .newsSeen, .newsClicked:
            emit(.newsImpression, message, at: now)
            if card == .newsClicked { emit(.newsClick, message, at: now + wait(2...40, from: now)) }
        default: tellMessage(card, message, at: now)
        }
    }

    /// A message of a campaign or a canvas, with all that follows from it.
    private mutating func tellMessage(_ card: Card, _ message: SampleMessage, at now: Int64) {
        let message = dispatched(message, at: now)
        switch card.channel {
        case .email: tellEmail(card, message, at: now)
        case .push: tellPush(card, message, at: now)
        case .text: tellText(card, message, at: now)
        case .inApp:
            emit(.inAppImpression, message, at: now)
            if card == .inAppClicked { emit(.inAppClick, message, at: now + wait(2...30, from: now)) }
        case .contentCard: tellCard(card, message, at: now)
        case .webhook, nil: emit(.webhookSend, message, at: now)
        }
    }

    /// The message with its dispatch id: recipients of one run of a scheduled campaign share it, all others get
    /// one of their own.
    private mutating func dispatched(_ message: SampleMessage, at now: Int64) -> SampleMessage {
        var message = message
        message.mailbox = mailboxes[Int(message.user)]
        if message.origin == .campaign, world.campaigns[Int(message.plan)].isScheduled {
            // Scheduled campaigns run by the hour.
            let run = SampleRandom.mix(world.seed ^ UInt64(message.plan) &<< 40 ^ UInt64(bitPattern: now / 3600))
            (message.dispatchHigh, message.dispatchLow) = (run | 1, SampleRandom.mix(run))
        } else {
            (message.dispatchHigh, message.dispatchLow) = (random.next() | 1, random.next())
        }
        return message
    }

    private mutating func tellEmail(_ card: Card, _ message: SampleMessage, at now: Int64) {
        emit(.emailSend, message, at: now)
        if card == .emailBounced { return emit(.emailBounce, message, at: now + wait(1...20, from: now)) }
        if card == .emailSoftBounced {
            return emit(.emailSoftBounce, message, at: now + wait(60...900, seldom: 20_000, from: now))
        }
        var time = now + wait(1...25, from: now)
        emit(.emailDelivery, message, at: time)
        if card == .emailDelivered { return }
        time += wait(20...1200, seldom: 28_800, from: now)
        emit(.emailOpen, message, at: time)
        switch card {
        case .emailClicked, .emailConverted:
            time += wait(4...90, from: now)
            emit(.emailClick, message, at: time)
            if random.chance(percent: 30) { emit(.emailClick, message, at: time + wait(5...120, from: now)) }
            if card == .emailConverted {
                emit(.campaignConversion, message, at: time + wait(60...900, seldom: 72_000, from: now))
            }
        case .emailSpam: emit(.emailSpam, message, at: time + wait(3...60, from: now))
        case .emailUnsubscribed:
            time += wait(3...60, from: now)
            emit(.emailUnsubscribe, message, at: time)
            var change = message
            change.detail = .unsubscribedFromEmail
            emit(.stateChange, change, at: time + 1)
        default:
            if random.chance(percent: 25) { emit(.emailOpen, message, at: time + wait(30...3600, from: now)) }
        }
    }

    private mutating func tellPush(_ card: Card, _ message: SampleMessage, at now: Int64) {
        emit(.pushSend, message, at: now)
        switch card {
        case .pushOpened: emit(.pushOpen, message, at: now + wait(5...1800, seldom: 28_800, from: now))
        case .pushForeground: emit(.pushForeground, message, at: now + wait(1...3, from: now))
        case .pushBounced: emit(.pushBounce, message, at: now + wait(1...3, from: now))
        default: break
        }
    }

    private mutating func tellCard(_ card: Card, _ message: SampleMessage, at now: Int64) {
        emit(.cardSend, message, at: now)
        if card == .cardSent { return }
        let time = now + wait(60...3600, seldom: 80_000, from: now)
        emit(.cardImpression, message, at: time)
        if card == .cardClicked { emit(.cardClick, message, at: time + wait(2...30, from: now)) }
        if card == .cardDismissed { emit(.cardDismiss, message, at: time + wait(2...30, from: now)) }
    }

    private mutating func tellText(_ card: Card, _ message: SampleMessage, at now: Int64) {
        emit(.textSend, message, at: now)
        if card == .textRejected { return emit(.textRejection, message, at: now + wait(1...5, from: now)) }
        let handed = now + wait(0...2, from: now)
        emit(.textCarrierSend, message, at: handed)
        if card == .textFailed { return emit(.textFailure, message, at: handed + wait(5...300, from: now)) }
        let delivered = handed + wait(1...10, from: now)
        emit(.textDelivery, message, at: delivered)
        guard card == .textReplied || card == .textStopped else { return }
        var reply = message
        reply.detail = card == .textStopped ? .replyStop : .replyPlain
        push(.begin(.reply), reply, at: delivered + wait(15...900, seldom: 13_000, from: now))
    }

    /// An inbound message: one event for each user who shares the phone, credited to the last message that went
    /// there within four hours; a keyword changes the subscription and is answered.
    private mutating func tellReply(_ message: SampleMessage, at now: Int64) {
        let owner = world.phoneOwner(of: Int(message.user))
        var reply = SampleMessage(user: message.user, seed: message.seed)
        if let last = lastTexts[owner * world.textGroups.count + Int(message.textGroup)], now - last.time <= 14_400 {
            reply = last.message
            (reply.user, reply.seed) = (message.user, message.seed)
        }
        reply.textGroup = message.textGroup
        reply.detail = message.detail
        for user in world.users(sharingPhoneOf: owner) {
            reply.user = Int32(user)
            emit(.textInbound, reply, at: now)
        }
        if message.detail == .replyPlain { return }
        var answer = SampleMessage(user: message.user, seed: random.next())
        answer.textGroup = message.textGroup
        answer.detail = message.detail == .replyStop ? .answerToStop : .answerToHelp
        if message.detail == .replyStop {
            reply.detail = .unsubscribedFromText
            for user in world.users(sharingPhoneOf: owner) {
                reply.user = Int32(user)
                emit(.stateChange, reply, at: now + 1)
            }
        }
        tellText(.textDelivered, dispatched(answer, at: now), at: now + 2)
    }

    private mutating func tellCanvas(_ card: Card, _ message: SampleMessage, at now: Int64) {
        var message = message
        if card == .canvasControl { message.detail = .inControl }
        emit(.canvasEntry, message, at: now)
        if card == .canvasControl { return }
        let steps = world.canvases[Int(message.plan)].steps
        var time = now + wait(5...60, from: now)
        if card == .canvasConverted {
            // Who converts leaves the canvas, after its first step.
            if isOpen(steps[0].channel, message) {
                push(.begin(.canvasStep), message, at: time)
            } else {
                message.step = .max
            }
            return emit(.canvasConversion, message, at: time + wait(60...900, seldom: 72_000, from: now))
        }
        for step in steps.indices {
            message.step = UInt8(step)
            push(.begin(.canvasStep), message, at: time)
            time += wait(600...7200, from: now)
        }
    }

    private func isOpen(_ channel: SampleChannel, _ message: SampleMessage) -> Bool {
        left[Int(message.user)] & (mark(of: channel, message) ?? 0) == 0
    }

    /// The message of a canvas step, unless the user has left its channel.
    private mutating func tellStep(_ message: SampleMessage, at now: Int64) {
        let channel = world.canvases[Int(message.plan)].steps[Int(message.step)].channel
        var message = message
        message.seed = random.next()
        if channel == .text { message.textGroup = UInt8(Int(message.plan) % world.textGroups.count) }
        guard isOpen(channel, message) else { return }
        let card: Card =
            switch channel {
            case .email: random.one(of: [.emailDelivered, .emailOpened, .emailClicked])
            case .push: random.one(of: [.pushSent, .pushSent, .pushOpened])
            case .text: random.one(of: [.textDelivered, .textDelivered, .textReplied])
            case .inApp: random.one(of: [.inAppSeen, .inAppClicked])
            case .contentCard: .cardSeen
            case .webhook: .webhookSent
            }
        tellMessage(card, message, at: now)
    }
}
