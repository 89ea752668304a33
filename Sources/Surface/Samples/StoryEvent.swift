/// The events of which stories are made: the message-engagement types.
enum StoryEvent: UInt8, CaseIterable, Sendable {
    case pushSend
    case pushOpen
    case pushForeground
    case pushBounce
    case emailSend
    case emailDelivery
    case emailOpen
    case emailClick
    case emailBounce
    case emailSoftBounce
    case emailSpam
    case emailUnsubscribe
    case stateChange
    case inAppImpression
    case inAppClick
    case webhookSend
    case cardSend
    case cardImpression
    case cardClick
    case cardDismiss
    case newsImpression
    case newsClick
    case textSend
    case textCarrierSend
    case textDelivery
    case textRejection
    case textFailure
    case textInbound
    case campaignConversion
    case canvasConversion
    case canvasEntry
    case controlEnrollment

    /// The name of the type, which is the same in every edition that has it.
    var typeName: String {
        switch self {
        case .pushSend: "users.messages.pushnotification.Send"
        case .pushOpen: "users.messages.pushnotification.Open"
        case .pushForeground: "users.messages.pushnotification.IosForeground"
        case .pushBounce: "users.messages.pushnotification.Bounce"
        case .emailSend: "users.messages.email.Send"
        case .emailDelivery: "users.messages.email.Delivery"
        case .emailOpen: "users.messages.email.Open"
        case .emailClick: "users.messages.email.Click"
        case .emailBounce: "users.messages.email.Bounce"
        case .emailSoftBounce: "users.messages.email.SoftBounce"
        case .emailSpam: "users.messages.email.MarkAsSpam"
        case .emailUnsubscribe: "users.messages.email.Unsubscribe"
        case .stateChange: "users.behaviors.subscriptiongroup.StateChange"
        case .inAppImpression: "users.messages.inappmessage.Impression"
        case .inAppClick: "users.messages.inappmessage.Click"
        case .webhookSend: "users.messages.webhook.Send"
        case .cardSend: "users.messages.contentcard.Send"
        case .cardImpression: "users.messages.contentcard.Impression"
        case .cardClick: "users.messages.contentcard.Click"
        case .cardDismiss: "users.messages.contentcard.Dismiss"
        case .newsImpression: "users.messages.newsfeedcard.Impression"
        case .newsClick: "users.messages.newsfeedcard.Click"
        case .textSend: "users.messages.sms.Send"
        case .textCarrierSend: "users.messages.sms.CarrierSend"
        case .textDelivery: "users.messages.sms.Delivery"
        case .textRejection: "users.messages.sms.Rejection"
        case .textFailure: "users.messages.sms.DeliveryFailure"
        case .textInbound: "users.messages.sms.InboundReceive"
        case .campaignConversion: "users.campaigns.Conversion"
        case .canvasConversion: "users.canvas.Conversion"
        case .canvasEntry: "users.canvas.Entry"
        case .controlEnrollment: "users.campaigns.EnrollInControl"
        }
    }
}

/// What all events of one message share.
struct SampleMessage: Sendable {
    /// Where a message comes from.
    enum Origin: UInt8, Sendable {
        case none
        case campaign
        case canvas
    }

    /// What is particular to the one event that this stands for.
    enum Detail: UInt8, Sendable {
        case none
        case subscribedToEmail
        case unsubscribedFromEmail
        case subscribedToText
        case unsubscribedFromText
        case replyPlain
        case replyStop
        case replyHelp
        case answerToStop
        case answerToHelp
        case inControl
    }

    var user: Int32
    var origin = Origin.none
    /// The position of the campaign or canvas.
    var plan: Int32 = 0
    var variation: UInt8 = 0
    var step: UInt8 = 0
    /// Which of the user's addresses it goes to.
    var mailbox: UInt8 = 0
    var textGroup: UInt8 = 0
    var detail = Detail.none
    var dispatchHigh: UInt64 = 0
    var dispatchLow: UInt64 = 0
    /// Chooses what stays the same over the message's events, such as the sending address.
    var seed: UInt64
}

/// Something that is going to happen: an event, or the beginning of a part of a story.
struct Happening: Sendable {
    enum Action: Sendable {
        case emit(StoryEvent)
        case begin(Card)
    }

    let time: Int64
    /// Sets the order of what happens in one second.
    let order: UInt64
    let action: Action
    let message: SampleMessage

    func isBefore(_ other: Happening) -> Bool {
        time != other.time ? time < other.time : order < other.order
    }
}

/// What is going to happen, the earliest first: a binary heap.
struct HappeningQueue: Sendable {
    private var heap: [Happening] = []

    var first: Happening? { heap.first }

    mutating func push(_ happening: Happening) {
        heap.append(happening)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Happening? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
